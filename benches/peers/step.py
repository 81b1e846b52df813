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
    layers = listed(experiment["model"]["layers"])
    shape = (*experiment["data"]["size"], experiment["data"]["channels"])
    return shape, layers, layers[-1][1]["units"], experiment["train"]["batch_size"]


def listed(layers):
    return [(layer, {}) if isinstance(layer, str) else next(iter(layer.items())) for layer in layers]


def keras_steps(name, mode):
    import numpy as np
    import tensorflow as tf

    bf16, xla = "bf16" in mode, "xla" in mode
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16" if bf16 else "float32")
    shape, layers, outputs, batch = read(name)
    from tensorflow.keras import layers as L

    known = {
        "conv2d": lambda o: L.Conv2D(o["filters"], o["kernel"], padding=o.get("padding", "valid"), activation=o.get("activation"), use_bias=o.get("bias", True)),
        "batch_norm": lambda o: L.BatchNormalization(momentum=o.get("momentum", 0.99)),
        "relu": lambda o: L.ReLU(),
        "max_pool2d": lambda o: L.MaxPooling2D(2),
        "global_avg_pool": lambda o: L.GlobalAveragePooling2D(),
        "global_max_pool": lambda o: L.GlobalMaxPooling2D(),
        "flatten": lambda o: L.Flatten(),
        "dense": lambda o: L.Dense(o["units"], activation=o.get("activation")),
        "dropout": lambda o: L.Dropout(o["rate"]),
    }

    def through(value, layers):
        for layer, options in layers:
            if layer == "residual":
                value = L.Add()([value, through(value, listed(options["layers"]))])
            else:
                value = known[layer](options)(value)
        return value

    inputs = L.Input(shape)
    last = "sigmoid" if outputs == 1 else "softmax"
    net = tf.keras.Model(inputs, L.Dense(outputs, activation=last, dtype="float32")(through(inputs, layers[:-1])))
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

    class Residual(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return x + self.inner(x)

    def built(layers, sample):
        modules = []
        for layer, o in layers:
            if layer == "residual":
                added = [Residual(built(listed(o["layers"]), sample)[0])]
            elif layer == "conv2d":
                added = [nn.Conv2d(sample.shape[1], o["filters"], o["kernel"], padding=o.get("padding", "valid"), bias=o.get("bias", True))]
                added += [nn.ReLU()] if "activation" in o else []
            elif layer == "dense":
                added = [nn.Linear(sample.shape[1], o["units"])] + ([nn.ReLU()] if "activation" in o else [])
            else:
                added = {
                    "batch_norm": lambda: [nn.BatchNorm2d(sample.shape[1])],
                    "relu": lambda: [nn.ReLU()],
                    "max_pool2d": lambda: [nn.MaxPool2d(2)],
                    "global_avg_pool": lambda: [nn.AdaptiveAvgPool2d(1), nn.Flatten()],
                    "global_max_pool": lambda: [nn.AdaptiveMaxPool2d(1), nn.Flatten()],
                    "flatten": lambda: [nn.Flatten()],
                    "dropout": lambda: [nn.Dropout(o["rate"])],
                }[layer]()
            modules += added
            with torch.no_grad():
                sample = nn.Sequential(*added)(sample)
        return nn.Sequential(*modules), sample

    net, _ = built(layers, x[:2])
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
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
