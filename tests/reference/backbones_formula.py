"""What the scripts that record backbones share: weights and images by a formula of names, which tests/suite/backbones.rs
repeats, and the choice of a batch."""

import json
import pathlib
import sys

import numpy as np

BATCH, SIZE = 2, 64
# Relative, of weights.
NOISE = 1e-6


def values(name, shape):
    """Uniform numbers of [0, 1): the upper 24 bits of splitmix64 at the FNV-1a hash of the name plus the index."""
    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = (key ^ byte) * 0x100000001B3 % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(key) + np.arange(1, int(np.prod(shape, dtype=np.int64)) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(40)).astype("float64") / 2**24).reshape(shape)


def weight(name, shape, inputs):
    """Rounded to 32 bits; `inputs`: of one output, of a kernel, else 0. Kernels are scaled by them; variances lie around 1."""
    u = values(name, shape)
    if inputs:
        v = (2 * u - 1) * np.sqrt(4 / inputs)
    elif name.endswith(("running_var", "moving_variance")):
        v = 0.75 + u / 2
    elif name.endswith(("weight", "gamma")):
        v = 0.2 + u / 5
    else:
        v = u + 0.25
    return v.astype("float32").astype("float64")


def image(name):
    return (values(name, (BATCH, SIZE, SIZE, 3)) * 4 - 2).astype("float32").astype("float64")


def classes(outputs):
    return [(7 + 37 * i) % outputs for i in range(BATCH)]


def steady_image(grads_of):
    """The first batch of which rounding to 32 bits does not decide on which side of 0 a ReLU's input lies, or which of two
    pooled values is larger: there gradients jump. Weights that are changed by some units of the last place show it.
    `grads_of(image, seed)` gives gradients by name, with a seed those of changed weights."""
    for number in range(1000):
        x = image(f"image {number}")
        grads = grads_of(x, None)
        most = max(np.linalg.norm(grad) for grad in grads.values())
        worst = 0.0
        for seed in range(24):
            other = grads_of(x, seed)
            errors = [np.abs(grads[key] - other[key]).max() / max(np.linalg.norm(grads[key]), most / 100) for key in grads]
            worst = max(worst, *errors)
            if worst > 3e-5:
                break
        print(number, worst, file=sys.stderr)
        if worst <= 3e-5:
            return f"image {number}"
    raise SystemExit("no batch is steady")


def flat(x):
    return [float(f"{v:.7g}") for v in np.asarray(x, dtype="float64").ravel()]


def norm(x):
    return flat(np.linalg.norm(x))[0]


def sampled(grad):
    """Its norm and 16 values."""
    places = [i * (grad.size - 1) // 15 for i in range(16)]
    return [norm(grad), *flat(grad.ravel()[places])]


def write(file, name, image, tensors, inference, training, loss, grads, running, **more):
    done = {"name": name, "image": image, "batch": BATCH, "size": SIZE, "tensors": tensors, "inference": flat(inference),
            "training": flat(training), "classes": classes(training.shape[1]), "loss": float(loss),
            "grads": {key: sampled(grad) for key, grad in grads.items()},
            "running": {key: norm(x) for key, x in running.items()}, **more}
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in done.items())
    (pathlib.Path(__file__).parent / "backbones" / f"{file}.json").write_text("{" + lines + "}\n")
    print(file, image, np.abs(inference).max(), np.abs(training).max())
