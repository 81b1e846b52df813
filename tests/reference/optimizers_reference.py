"""Records what the optimizers of Keras and PyTorch make of parameters, for tests/suite/optimizers.rs.

    KERAS/bin/python tests/reference/optimizers_reference.py keras keras.json
    TORCH/bin/python tests/reference/optimizers_reference.py torch torch.json
    python tests/reference/optimizers_reference.py join keras.json torch.json > tests/reference/optimizers.json

Every case takes eight steps with gradients and learning rates that change, on two parameters.
"""

import json
import sys

STEPS = 8
SIZES = [7, 3]


def wave(count, key, scale):
    return [scale * (((i * 37 + key * 101) % 97) / 97 - 0.5) for i in range(count)]


def begin(index):
    return wave(SIZES[index], index, 2.0)


def gradient(step, index):
    values = wave(SIZES[index], 10 + 3 * step + index, 1.5 / (1 + step))
    if index == 1:
        values[0] = 1e-7  # epsilon counts here
    return values


def rate(step, first):
    return first * [1.0, 1.0, 0.5, 2.0, 0.25, 1.0, 0.1, 3.0][step]


# name, our experiment's optimizer, what the peer is called with
KERAS = [
    ("sgd", {"sgd": {}}, "SGD", {}),
    ("momentum", {"sgd": {"momentum": 0.9}}, "SGD", {"momentum": 0.9}),
    ("nesterov", {"sgd": {"momentum": 0.8, "nesterov": True}}, "SGD", {"momentum": 0.8, "nesterov": True}),
    ("adam", {"adam": {}}, "Adam", {}),
    ("adam, betas", {"adam": {"beta1": 0.8, "beta2": 0.9, "epsilon": 1e-3}}, "Adam",
     {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}),
    ("adamw", {"adamw": {"weight_decay": 0.1}}, "AdamW", {"weight_decay": 0.1}),
    ("nadam", {"nadam": {}}, "Nadam", {}),
    ("rmsprop", {"rmsprop": {}}, "RMSprop", {}),
    ("rmsprop, momentum", {"rmsprop": {"momentum": 0.9, "rho": 0.8, "epsilon": 1e-3}}, "RMSprop",
     {"momentum": 0.9, "rho": 0.8, "epsilon": 1e-3}),
    ("adagrad", {"adagrad": {}}, "Adagrad", {}),
    ("lion", {"lion": {}}, "Lion", {}),
    ("lion, decay", {"lion": {"weight_decay": 0.1}}, "Lion", {"weight_decay": 0.1}),
    ("lamb", {"lamb": {}}, "Lamb", {}),
]

TORCH = [
    ("sgd, decay", {"sgd": {"weight_decay": 0.1}}, "SGD", {"weight_decay": 0.1}),
    ("momentum", {"sgd": {"momentum": 0.9, "momentum_form": "torch"}}, "SGD", {"momentum": 0.9}),
    ("nesterov, decay", {"sgd": {"momentum": 0.8, "nesterov": True, "momentum_form": "torch", "weight_decay": 0.1}},
     "SGD", {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1}),
    ("adam", {"adam": {"epsilon": 1e-4, "epsilon_form": "torch"}}, "Adam", {"eps": 1e-4}),
    ("adam, decay", {"adam": {"epsilon": 1e-8, "epsilon_form": "torch", "weight_decay": 0.1}}, "Adam",
     {"weight_decay": 0.1}),
    ("adamw", {"adamw": {"epsilon": 1e-8, "epsilon_form": "torch", "weight_decay": 0.01}}, "AdamW", {}),
    ("nadam", {"nadam": {"epsilon": 1e-8, "momentum_decay": 0.004}}, "NAdam", {}),
    ("nadam, decay", {"nadam": {"epsilon": 1e-4, "momentum_decay": 0.1, "weight_decay": 0.1}}, "NAdam",
     {"eps": 1e-4, "momentum_decay": 0.1, "weight_decay": 0.1}),
    ("rmsprop", {"rmsprop": {"rho": 0.99, "epsilon": 1e-4, "epsilon_form": "torch"}}, "RMSprop", {"eps": 1e-4}),
    ("rmsprop, momentum", {"rmsprop": {"rho": 0.9, "epsilon": 1e-8, "epsilon_form": "torch", "momentum": 0.9,
                                       "momentum_form": "torch", "weight_decay": 0.1}}, "RMSprop",
     {"alpha": 0.9, "momentum": 0.9, "weight_decay": 0.1}),
    ("adagrad", {"adagrad": {"initial_accumulator": 0, "epsilon": 1e-10, "epsilon_form": "torch"}}, "Adagrad", {}),
    ("adagrad, decay", {"adagrad": {"initial_accumulator": 0.2, "epsilon": 1e-3, "epsilon_form": "torch",
                                    "weight_decay": 0.1}}, "Adagrad",
     {"initial_accumulator_value": 0.2, "eps": 1e-3, "weight_decay": 0.1}),
]

# What is done to gradients first: key of train, keyword of Keras; all of them with SGD.
SHAPING = [("clip_value", "clipvalue", 0.2), ("clip_norm", "global_clipnorm", 0.3)]


def case(peer, name, ours, first, steps, **more):
    spec = {tag: {"learning_rate": first, **options} for tag, options in ours.items()}
    return {"peer": peer, "name": name, "optimizer": spec, "first": first, "steps": steps, **more}


def keras_run(optimizer, first):
    import keras
    import numpy as np

    variables = [keras.Variable(np.float32(begin(i))) for i in range(2)]
    optimizer.build(variables)
    steps, averages = [], []
    for step in range(STEPS):
        optimizer.learning_rate = rate(step, first)
        optimizer.apply([np.float32(gradient(step, i)) for i in range(2)], variables)
        steps.append([v.numpy().tolist() for v in variables])
        if optimizer.use_ema:
            averages.append([v.numpy().tolist() for v in optimizer._model_variables_moving_average])
    return (steps, averages) if averages else steps


def keras_cases():
    import keras

    cases = []
    for name, ours, called, options in KERAS:
        steps = keras_run(getattr(keras.optimizers, called)(learning_rate=0.1, **options), 0.1)
        cases.append(case(f"Keras {keras.__version__}", name, ours, 0.1, steps))
    for ours, theirs, limit in SHAPING:
        steps = keras_run(keras.optimizers.SGD(learning_rate=0.1, **{theirs: limit}), 0.1)
        cases.append(case(f"Keras {keras.__version__}", ours, {"sgd": {}}, 0.1, steps, shaping={ours: limit}))
    steps, averages = keras_run(keras.optimizers.SGD(learning_rate=0.1, use_ema=True, ema_momentum=0.8), 0.1)
    cases.append(case(f"Keras {keras.__version__}", "ema", {"sgd": {}}, 0.1, steps, averages=averages, decay=0.8))
    return cases


def torch_run(build, first, shape=None):
    import torch

    params = [torch.nn.Parameter(torch.tensor(begin(i))) for i in range(2)]
    optimizer = build(params)
    steps = []
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = rate(step, first)
        for index, param in enumerate(params):
            param.grad = torch.tensor(gradient(step, index))
        if shape:
            shape(params)
        optimizer.step()
        steps.append([p.detach().tolist() for p in params])
    return steps


def torch_cases():
    import torch

    peer, cases = f"PyTorch {torch.__version__.split('+')[0]}", []
    for name, ours, called, options in TORCH:
        build = lambda params: getattr(torch.optim, called)(params, lr=0.1, **options)
        cases.append(case(peer, name, ours, 0.1, torch_run(build, 0.1)))

    sgd = lambda params: torch.optim.SGD(params, lr=0.1)
    steps = torch_run(sgd, 0.1, lambda params: torch.nn.utils.clip_grad_norm_(params, 0.3))
    cases.append(case(peer, "clip_norm", {"sgd": {}}, 0.1, steps, shaping={"clip_norm": 0.3}))
    steps = torch_run(sgd, 0.1, lambda params: torch.nn.utils.clip_grad_value_(params, 0.2))
    cases.append(case(peer, "clip_value", {"sgd": {}}, 0.1, steps, shaping={"clip_value": 0.2}))

    def penalise(params):  # the gradients of l1 sum |w| + l2 sum w^2 of the first, a weight; the second is a bias
        weight = params[0]
        penalty = 0.05 * weight.abs().sum() + 0.1 * weight.square().sum()
        weight.grad += torch.autograd.grad(penalty, weight)[0]

    steps = torch_run(sgd, 0.1, penalise)
    cases.append(case(peer, "penalties", {"sgd": {}}, 0.1, steps, shaping={"l1": 0.05, "l2": 0.1}))

    # LAMB's weight decay as in the paper, by its formula: there is none in PyTorch.
    state = {}

    def lamb(params):
        class Lamb(torch.optim.Optimizer):
            def step(self):
                group = self.param_groups[0]
                for p in group["params"]:
                    t, m, v = state.get(p, (0, torch.zeros_like(p), torch.zeros_like(p)))
                    t, m, v = t + 1, 0.9 * m + 0.1 * p.grad, 0.999 * v + 0.001 * p.grad**2
                    state[p] = t, m, v
                    u = m / (1 - 0.9**t) / ((v / (1 - 0.999**t)).sqrt() + 1e-6) + 0.1 * p
                    p.data -= group["lr"] * p.norm() / u.norm() * u

        return Lamb(params, {"lr": 0.1})

    with torch.no_grad():
        steps = torch_run(lamb, 0.1)
    cases.append(case("the paper's formula", "lamb, decay", {"lamb": {"epsilon": 1e-6, "weight_decay": 0.1}}, 0.1, steps))
    return cases


if sys.argv[1] == "join":
    cases = [case for path in sys.argv[2:] for case in json.load(open(path))]
    lines = ",\n".join(json.dumps(case) for case in cases)
    print('{"cases": [\n' + lines + "\n]}")
else:
    cases = {"keras": keras_cases, "torch": torch_cases}[sys.argv[1]]()
    json.dump(cases, open(sys.argv[2], "w"))
