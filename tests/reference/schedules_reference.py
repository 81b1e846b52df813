"""Records the learning rates of PyTorch's schedulers and Keras's plateau rule, for tests/suite/schedules.rs.

    TORCH/bin/python tests/reference/schedules_reference.py torch torch.json
    KERAS/bin/python tests/reference/schedules_reference.py keras keras.json
    python tests/reference/schedules_reference.py join torch.json keras.json > tests/reference/schedules.json

A training of 10 epochs of 10 steps, with the rate 1.
"""

import json
import sys

EPOCHS, PER_EPOCH = 10, 10
STEPS = EPOCHS * PER_EPOCH

# Validation losses of the epochs, for the plateau rules.
LOSSES = [1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.8, 0.8, 0.8, 0.79, 0.79, 0.79, 0.79, 0.79, 0.79]


def torch_cases():
    import torch
    from torch.optim import lr_scheduler as s

    def rates(build, by_epoch):
        param = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([param], lr=1.0)
        scheduler = build(optimizer)
        found = []
        for step in range(STEPS):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if not by_epoch or (step + 1) % PER_EPOCH == 0:
                scheduler.step()
        return found

    noam = lambda step: min((step + 1) / 15, (15 / (step + 1)) ** 0.5)
    wide = {"one_cycle": {"warmup_share": 0.4, "start_divisor": 10, "end_divisor": 100}}
    cases = [
        ("ConstantLR", {"constant": {}}, lambda o: s.ConstantLR(o, factor=1), True),
        ("StepLR", {"step": {"epochs": 3, "gamma": 0.5}}, lambda o: s.StepLR(o, 3, 0.5), True),
        ("MultiStepLR", {"step": {"milestones": [2, 5]}}, lambda o: s.MultiStepLR(o, [2, 5], 0.1), True),
        ("ExponentialLR", {"exponential": {"gamma": 0.9}}, lambda o: s.ExponentialLR(o, 0.9), True),
        ("CosineAnnealingLR", {"cosine": {}}, lambda o: s.CosineAnnealingLR(o, STEPS), False),
        ("CosineAnnealingWarmRestarts", {"cosine": {"cycle_epochs": 2, "cycle_growth": 2}},
         lambda o: s.CosineAnnealingWarmRestarts(o, 20, 2), False),
        ("PolynomialLR", {"polynomial": {"power": 2}}, lambda o: s.PolynomialLR(o, STEPS, 2), False),
        ("OneCycleLR", {"one_cycle": {}}, lambda o: s.OneCycleLR(o, 1.0, total_steps=STEPS), False),
        ("LambdaLR with the paper's formula", {"noam": {"warmup_steps": 15}}, lambda o: s.LambdaLR(o, noam), False),
    ]
    found = [
        {"name": f"PyTorch's {name}", "schedule": ours, "rates": rates(build, by_epoch)}
        for name, ours, build, by_epoch in cases
    ]
    warm = rates(
        lambda o: s.SequentialLR(
            o, [s.LinearLR(o, 1 / 12, total_iters=11), s.CosineAnnealingLR(o, STEPS - 12)], milestones=[12]
        ),
        False,
    )
    name = "PyTorch's LinearLR, then CosineAnnealingLR"
    found.append({"name": name, "schedule": {"cosine": {}}, "warmup": 12, "rates": warm})
    return found


def keras_cases():
    import keras

    class Optimizer:
        learning_rate = 1.0

    class Model:
        optimizer = Optimizer()

    cases = []
    for ours, theirs in [
        ({}, {}),
        ({"patience": 2, "factor": 0.5}, {"patience": 2, "factor": 0.5}),
        ({"patience": 2, "factor": 0.5, "cooldown": 1, "min": 0.2}, {"patience": 2, "factor": 0.5, "cooldown": 1, "min_lr": 0.2}),
        ({"patience": 1, "factor": 0.5, "min_delta": 0.05}, {"patience": 1, "factor": 0.5, "min_delta": 0.05}),
    ]:
        rule = keras.callbacks.ReduceLROnPlateau(monitor="val_loss", **theirs)
        rule.set_model(Model())
        Model.optimizer.learning_rate = 1.0
        rule.on_train_begin()
        rates = []
        for epoch, loss in enumerate(LOSSES):
            rule.on_epoch_end(epoch, {"val_loss": loss})
            rates.append(float(Model.optimizer.learning_rate))
        name = f"Keras {keras.__version__}, ReduceLROnPlateau({theirs})"
        cases.append({"name": name, "schedule": {"reduce_on_plateau": ours}, "losses": LOSSES, "rates": rates})
    return cases


if sys.argv[1] == "join":
    cases = [case for path in sys.argv[2:] for case in json.load(open(path))]
    lines = ",\n".join(json.dumps(case) for case in cases)
    print('{"cases": [\n' + lines + "\n]}")
else:
    cases = {"torch": torch_cases, "keras": keras_cases}[sys.argv[1]]()
    json.dump(cases, open(sys.argv[2], "w"))
