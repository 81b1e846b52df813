#!/usr/bin/env python3
"""The nets of nets/*.toml in Keras or PyTorch, timed on request.

usage: python step.py MODE          MODE: keras, keras-xla, keras-bf16, torch, torch-cl, torch-compile, torch-bf16
Reads names of nets from standard input, one a line; answers each with one JSON object:
{"train": samples a second, "infer": samples a second, "peak_memory_bytes": ...}
The batch is random in [0, 1), labels are fixed, 4 steps warm up and the median of 20 counts; the same as `kiln bench`.
"""
import json
import os
import pathlib
import resource
import statistics
import sys
import time
import tomllib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
WARMUP, STEPS = 4, 20
NETS = pathlib.Path(__file__).parent / "nets"


def read(name):
    """(height, width, channels), [(layer, options)], outputs, batch size"""
    experiment = tomllib.loads((NETS / f"{name}.toml").read_text())
    layers = [
        (layer, {}) if isinstance(layer, str) else next(iter(layer.items()))
        for layer in experiment["model"]["layers"]
    ]
    shape = (*experiment["data"]["size"], experiment["data"]["channels"])
    return shape, layers, layers[-1][1]["units"], experiment["train"]["batch_size"]


def keras_steps(name, mode):
    import numpy as np
    import tensorflow as tf

    bf16, xla = "bf16" in mode, "xla" in mode
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16" if bf16 else "float32")
    shape, layers, outputs, batch = read(name)
    known = {
        "conv2d": lambda o: tf.keras.layers.Conv2D(o["filters"], o["kernel"], padding=o.get("padding", "valid"), activation=o["activation"]),
        "max_pool2d": lambda o: tf.keras.layers.MaxPooling2D(2),
        "flatten": lambda o: tf.keras.layers.Flatten(),
        "dense": lambda o: tf.keras.layers.Dense(o["units"], activation=o.get("activation")),
        "dropout": lambda o: tf.keras.layers.Dropout(o["rate"]),
    }
    net = tf.keras.Sequential([tf.keras.layers.Input(shape)] + [known[layer](options) for layer, options in layers[:-1]])
    last = "sigmoid" if outputs == 1 else "softmax"
    net.add(tf.keras.layers.Dense(outputs, activation=last, dtype="float32"))
    loss = "binary_crossentropy" if outputs == 1 else "sparse_categorical_crossentropy"
    net.compile("adam", loss, jit_compile=xla)
    random = np.random.default_rng(0)
    x = random.random((batch, *shape), dtype="float32")
    y = random.integers(0, max(outputs, 2), (batch, 1) if outputs == 1 else batch)
    return batch, lambda: net.train_on_batch(x, y), lambda: net.predict_on_batch(x)


def torch_steps(name, mode):
    import torch
    from torch import nn

    torch.manual_seed(0)
    shape, layers, outputs, batch = read(name)
    height, width, channels = shape
    x = torch.rand(batch, channels, height, width)
    modules, sample = [], x[:1]
    for layer, o in layers:
        if layer == "conv2d":
            added = [nn.Conv2d(sample.shape[1], o["filters"], o["kernel"], padding=o.get("padding", "valid")), nn.ReLU()]
        elif layer == "max_pool2d":
            added = [nn.MaxPool2d(2)]
        elif layer == "flatten":
            added = [nn.Flatten()]
        elif layer == "dropout":
            added = [nn.Dropout(o["rate"])]
        else:
            added = [nn.Linear(sample.shape[1], o["units"])] + ([nn.ReLU()] if "activation" in o else [])
        modules += added
        with torch.no_grad():
            sample = nn.Sequential(*added)(sample)
    net = nn.Sequential(*modules)
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    if "cl" in mode or "compile" in mode:
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    run = torch.compile(net) if "compile" in mode else net
    labels = torch.randint(0, max(outputs, 2), (batch,))
    target = labels.float()[:, None] if outputs == 1 else labels
    measure = nn.BCEWithLogitsLoss() if outputs == 1 else nn.CrossEntropyLoss()
    adam = torch.optim.Adam(net.parameters(), 1e-3)

    def forward():
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled="bf16" in mode):
            return run(x)

    def train():
        net.train()
        adam.zero_grad()
        measure(forward().float(), target).backward()
        adam.step()

    def infer():
        net.eval()
        with torch.inference_mode():
            forward()

    return batch, train, infer


def rate(batch, step):
    times = []
    for index in range(WARMUP + STEPS):
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    return batch / statistics.median(times[WARMUP:])


def main():
    peer, *mode = sys.argv[1].split("-")
    build = keras_steps if peer == "keras" else torch_steps
    built = {}
    for line in sys.stdin:
        name = line.strip()
        if name not in built:
            built[name] = build(name, mode)
        batch, train, infer = built[name]
        answer = {"train": rate(batch, train), "infer": rate(batch, infer)}
        answer["peak_memory_bytes"] = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
