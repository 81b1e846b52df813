"""Records how layers start in Keras and PyTorch, and what three training steps with default options make of a net, for
tests/suite/styles.rs.

    CUDA_VISIBLE_DEVICES=-1 $KERAS/bin/python tests/reference/styles_reference.py keras > /tmp/keras.json
    $TORCH/bin/python tests/reference/styles_reference.py torch > /tmp/torch.json
    $TORCH/bin/python tests/reference/styles_reference.py join /tmp/keras.json /tmp/torch.json > tests/reference/styles.json

Parameters are in Kiln's order. Of each that starts at random: its least and largest value and its standard deviation. The
steps start from `wave`s; their inputs are small, so that every epsilon counts.
"""

import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np

TARGETS = [1, 0, 0, 1]
# Kiln's layer, and the shape of a sample.
LAYERS = [
    ({"dense": {"units": 90}}, [120]),
    ({"conv1d": {"filters": 64, "kernel": 3}}, [5, 40]),
    ({"conv2d": {"filters": 64, "kernel": 3}}, [5, 5, 24]),
    ({"conv2d": {"filters": 64, "kernel": 3, "groups": 4}}, [5, 5, 32]),
    ({"conv_transpose1d": {"filters": 64, "kernel": 3}}, [5, 40]),
    ({"conv_transpose2d": {"filters": 64, "kernel": 3}}, [5, 5, 24]),
    ({"depthwise_conv2d": {"kernel": 5}}, [5, 5, 300]),
    ({"embedding": {"dim": 50}}, None),
    ({"lstm": {"units": 50}}, [4, 60]),
    ({"gru": {"units": 50}}, [4, 60]),
]
VOCABULARY = 200


def wave(count, key, scale):
    return np.array([scale * (((i * 37 + key * 101) % 97) / 97 - 0.5) for i in range(count)], dtype=np.float32)


def start(weights):
    flat = [np.asarray(w, dtype="float64").ravel() for w in weights]
    return [{"count": w.size, "min": w.min(), "max": w.max(), "std": w.std()} for w in flat]


def keras_starts():
    import keras

    L = keras.layers
    keras.utils.set_random_seed(1)
    for layer, shape in LAYERS:
        (kind, options), = layer.items()
        made = {
            "dense": lambda o: L.Dense(o["units"]),
            "conv1d": lambda o: L.Conv1D(o["filters"], o["kernel"]),
            "conv2d": lambda o: L.Conv2D(o["filters"], o["kernel"], groups=o.get("groups", 1)),
            "conv_transpose1d": lambda o: L.Conv1DTranspose(o["filters"], o["kernel"]),
            "conv_transpose2d": lambda o: L.Conv2DTranspose(o["filters"], o["kernel"]),
            "depthwise_conv2d": lambda o: L.DepthwiseConv2D(o["kernel"]),
            "embedding": lambda o: L.Embedding(VOCABULARY, o["dim"]),
            "lstm": lambda o: L.LSTM(o["units"]),
            "gru": lambda o: L.GRU(o["units"]),
        }[kind](options)
        made.build((None, *shape) if shape else (None, 3))
        weights = made.get_weights()
        if kind == "gru":
            weights = [*weights[:2], *weights[2]]
        yield {"layer": layer, "shape": shape, "params": start(weights)}


def torch_starts():
    import torch
    from torch import nn

    torch.manual_seed(1)
    for layer, shape in LAYERS:
        (kind, options), = layer.items()
        last = shape and shape[-1]
        made = {
            "dense": lambda o: nn.Linear(last, o["units"]),
            "conv1d": lambda o: nn.Conv1d(last, o["filters"], o["kernel"]),
            "conv2d": lambda o: nn.Conv2d(last, o["filters"], o["kernel"], groups=o.get("groups", 1)),
            "conv_transpose1d": lambda o: nn.ConvTranspose1d(last, o["filters"], o["kernel"]),
            "conv_transpose2d": lambda o: nn.ConvTranspose2d(last, o["filters"], o["kernel"]),
            "depthwise_conv2d": lambda o: nn.Conv2d(last, last, o["kernel"], groups=last),
            "embedding": lambda o: nn.Embedding(VOCABULARY, o["dim"]),
            "lstm": lambda o: nn.LSTM(last, o["units"]),
            "gru": lambda o: nn.GRU(last, o["units"]),
        }[kind](options)
        yield {"layer": layer, "shape": shape, "params": start([w.detach().numpy() for w in made.parameters()])}


# Before batch_norm no bias, whose gradient would be the rounding of a sum that is 0.
NET = [{"dense": {"units": 5, "activation": "leaky_relu", "bias": False}}, "batch_norm", "leaky_relu", "layer_norm", {"dense": {"units": 1}}]
X = wave(24, 50, 0.02).reshape(4, 6)


def keras_steps(optimizer):
    import keras

    L = keras.layers
    net = keras.Sequential([keras.Input((6,)), L.Dense(5, "leaky_relu", use_bias=False), L.BatchNormalization(), L.LeakyReLU(), L.LayerNormalization(), L.Dense(1)])
    # Weights in the order of the layers, as get_weights has them; running averages keep their start.
    net.set_weights([w if ("moving" in v.path) else wave(w.size, key, 1.0).reshape(w.shape)
                     for key, (w, v) in enumerate(zip(net.get_weights(), net.weights))])
    made = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW,
            "rmsprop": keras.optimizers.RMSprop, "adagrad": keras.optimizers.Adagrad, "nadam": keras.optimizers.Nadam}[optimizer]
    net.compile(optimizer=made(), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    for _ in range(3):
        net.train_on_batch(X, np.float32(TARGETS).reshape(4, 1))
    return [w.flatten().tolist() for w in net.get_weights()]


def torch_steps(optimizer):
    import torch
    from torch import nn

    net = nn.Sequential(nn.Linear(6, 5, bias=False), nn.LeakyReLU(), nn.BatchNorm1d(5), nn.LeakyReLU(), nn.LayerNorm(5), nn.Linear(5, 1))
    params = lambda: [net[0].weight, net[2].weight, net[2].bias, net[2].running_mean, net[2].running_var, net[4].weight, net[4].bias,
                      net[5].weight, net[5].bias]
    turned = lambda w: w.T if w.ndim == 2 else w
    with torch.no_grad():
        for key, w in enumerate(params()):
            if key not in (3, 4):
                w.copy_(turned(torch.tensor(wave(w.numel(), key, 1.0).reshape(turned(w).shape))))
    made = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "rmsprop": torch.optim.RMSprop,
            "adagrad": torch.optim.Adagrad, "nadam": torch.optim.NAdam}[optimizer]
    rule = made(net.parameters())
    for _ in range(3):
        rule.zero_grad()
        nn.BCEWithLogitsLoss()(net(torch.tensor(X)), torch.tensor(TARGETS, dtype=torch.float32).reshape(4, 1)).backward()
        rule.step()
    return [turned(w.detach()).numpy().flatten().tolist() for w in params()]


OPTIMIZERS = ["sgd", "adam", "adamw", "rmsprop", "adagrad", "nadam"]

if __name__ == "__main__":
    if sys.argv[1] == "join":
        both = [json.load(open(path)) for path in sys.argv[2:]]
        rows = [f'"{name}": {{"starts": [\n' + ",\n".join(json.dumps(s) for s in one["starts"]) + '\n], "steps": [\n'
                + ",\n".join(json.dumps(s) for s in one["steps"]) + "\n]}" for name, one in zip(["keras", "torch"], both)]
        print("{" + ",\n".join(rows) + "}")
    else:
        starts, steps = {"keras": (keras_starts, keras_steps), "torch": (torch_starts, torch_steps)}[sys.argv[1]]
        rows = [{"net": NET, "optimizer": o, "params": steps(o)} for o in OPTIMIZERS]
        print(json.dumps({"starts": list(starts()), "steps": rows}))
