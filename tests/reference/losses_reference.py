"""Records what Keras and PyTorch compute for single losses: each sample's loss, and the gradient of their mean.

    CUDA_VISIBLE_DEVICES=-1 $KERAS/bin/python tests/reference/losses_reference.py keras > /tmp/keras.json
    $TORCH/bin/python tests/reference/losses_reference.py torch > /tmp/torch.json
    $TORCH/bin/python tests/reference/losses_reference.py join /tmp/keras.json /tmp/torch.json > tests/reference/losses.json

The net's outputs are `wave(count, 50, 6)`: from -3 to 3. Losses that take probabilities or rates get the sigmoid,
the softmax or the exponential of them, inside what is differentiated.
"""

import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np

YES_NO = [1, 0, 0, 1, 1]
SHARE = [0.25, 1.0, 0.0, 0.6, 0.5]
CLASS = [2, 0, 3, 1, 0]
SHARES = [[0.75, 0.25, 0, 0], [0, 1, 0, 0], [0.1, 0.2, 0.3, 0.4], [0, 0, 0.5, 0.5], [0.25, 0.25, 0.25, 0.25]]
LABELS = [[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0], [0, 0, 1]]
NUMBERS = [[0.5, -2.0, 1.0], [0.0, 0.0, 3.0], [-1.5, 4.0, 0.25], [2.0, 2.0, -2.0], [1.0, -0.5, 0.0]]
COUNTS = [[0, 2, 1], [5, 0, 0], [1, 1, 3], [2, 8, 0], [0, 0, 0]]


def wave(shape, key, scale):
    index = np.arange(int(np.prod(shape)))
    values = scale * (((index * 37 + key * 101) % 97) / 97.0 - 0.5)
    return values.astype("float32").reshape(shape)


def case(name, loss, kind, target, outputs, each, grad):
    flat = lambda x: [float(f"{v:.8g}") for v in np.asarray(x, dtype="float64").ravel()]
    return {"name": name, "loss": loss, "outputs": outputs, "target": {kind: target}, "losses": flat(each), "grad": flat(grad)}


def keras_cases():
    import keras
    import tensorflow as tf

    L = keras.losses

    def run(loss, kind, target, outputs, made, map=lambda x: x, encode=lambda y: np.float32(y)):
        x = tf.constant(wave((5, outputs), 50, 6.0))
        y = encode(target)
        with tf.GradientTape() as tape:
            tape.watch(x)
            each = made(y, map(x))
            mean = tf.reduce_mean(each)
        return case("keras " + type(made).__name__, loss, kind, target, outputs, each.numpy(), tape.gradient(mean, x).numpy())

    each = {"reduction": "none"}
    logits = {"reduction": "none", "from_logits": True}
    column = lambda y: np.float32(y).reshape(5, 1)
    sign = lambda y: column(y) * 2 - 1
    one_hot = lambda y: np.eye(4, dtype="float32")[y]
    bce = "binary_cross_entropy"
    yield run(bce, "class", YES_NO, 1, L.BinaryCrossentropy(**logits), encode=column)
    yield run({bce: {"label_smoothing": 0.2}}, "class", YES_NO, 1, L.BinaryCrossentropy(label_smoothing=0.2, **logits), encode=column)
    yield run(bce, "multi", LABELS, 3, L.BinaryCrossentropy(**logits))
    yield run({bce: {"label_smoothing": 0.1}}, "multi", LABELS, 3, L.BinaryCrossentropy(label_smoothing=0.1, **logits))
    yield run("sparse_categorical_cross_entropy", "class", CLASS, 4, L.SparseCategoricalCrossentropy(**logits), encode=np.int32)
    cce = "categorical_cross_entropy"
    yield run(cce, "class", CLASS, 4, L.CategoricalCrossentropy(**logits), encode=one_hot)
    yield run(cce, "soft", SHARES, 4, L.CategoricalCrossentropy(**logits))
    smooth = L.CategoricalCrossentropy(label_smoothing=0.1, **logits)
    yield run({cce: {"label_smoothing": 0.1}}, "class", CLASS, 4, smooth, encode=one_hot)
    yield run({cce: {"label_smoothing": 0.1}}, "soft", SHARES, 4, smooth)
    yield run("focal", "class", YES_NO, 1, L.BinaryFocalCrossentropy(**logits), encode=column)
    balanced = L.BinaryFocalCrossentropy(apply_class_balancing=True, alpha=0.3, gamma=1.5, **logits)
    yield run({"focal": {"gamma": 1.5, "alpha": 0.3}}, "class", YES_NO, 1, balanced, encode=column)
    yield run({"focal": {"gamma": 3, "alpha": 0.25}}, "class", CLASS, 4, L.CategoricalFocalCrossentropy(gamma=3, **logits), encode=one_hot)
    yield run("hinge", "class", YES_NO, 1, L.Hinge(**each), encode=sign)
    yield run("squared_hinge", "class", YES_NO, 1, L.SquaredHinge(**each), encode=sign)
    yield run("kl_divergence", "soft", SHARES, 4, L.KLDivergence(**each), map=tf.nn.softmax)
    yield run("mse", "real", NUMBERS, 3, L.MeanSquaredError(**each))
    yield run("mae", "real", NUMBERS, 3, L.MeanAbsoluteError(**each))
    yield run("huber", "real", NUMBERS, 3, L.Huber(**each))
    yield run({"huber": {"delta": 0.7}}, "real", NUMBERS, 3, L.Huber(delta=0.7, **each))
    yield run("log_cosh", "real", NUMBERS, 3, L.LogCosh(**each))
    yield run("poisson", "real", COUNTS, 3, L.Poisson(**each), map=tf.exp)


def torch_cases():
    import torch
    from torch import nn

    def run(loss, kind, target, outputs, made, map=lambda x: x, encode=torch.tensor):
        x = torch.tensor(wave((5, outputs), 50, 6.0), requires_grad=True)
        each = made(map(x), encode(target))
        each = each.reshape(5, -1).sum(1) if isinstance(made, nn.KLDivLoss) else each.reshape(5, -1).mean(1)
        each.mean().backward()
        return case("torch " + type(made).__name__, loss, kind, target, outputs, each.detach().numpy(), x.grad.numpy())

    each = {"reduction": "none"}
    column = lambda y: torch.tensor(y, dtype=torch.float32).reshape(5, 1)
    floats = lambda y: torch.tensor(y, dtype=torch.float32)
    bce, cce = "binary_cross_entropy", "sparse_categorical_cross_entropy"
    yield run(bce, "class", YES_NO, 1, nn.BCEWithLogitsLoss(**each), encode=column)
    yield run(bce, "multi", LABELS, 3, nn.BCEWithLogitsLoss(**each), encode=floats)
    shares = [[1 - s, s] for s in SHARE]
    yield run(bce, "soft", shares, 1, nn.BCEWithLogitsLoss(**each), encode=lambda y: floats(y)[:, 1:])
    yield run(cce, "class", CLASS, 4, nn.CrossEntropyLoss(**each))
    yield run(cce, "soft", SHARES, 4, nn.CrossEntropyLoss(**each), encode=floats)
    yield run({cce: {"label_smoothing": 0.3}}, "class", CLASS, 4, nn.CrossEntropyLoss(label_smoothing=0.3, **each))
    yield run("kl_divergence", "soft", SHARES, 4, nn.KLDivLoss(**each), map=lambda x: x.log_softmax(1), encode=floats)
    yield run("mse", "real", NUMBERS, 3, nn.MSELoss(**each), encode=floats)
    yield run("mae", "real", NUMBERS, 3, nn.L1Loss(**each), encode=floats)
    yield run({"huber": {"delta": 0.7}}, "real", NUMBERS, 3, nn.HuberLoss(delta=0.7, **each), encode=floats)
    yield run("poisson", "real", COUNTS, 3, nn.PoissonNLLLoss(**each), encode=floats)


if __name__ == "__main__":
    if sys.argv[1] == "join":
        cases = [case for path in sys.argv[2:] for case in json.load(open(path))]
        print("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]")
    else:
        print(json.dumps(list({"torch": torch_cases, "keras": keras_cases}[sys.argv[1]]())))
