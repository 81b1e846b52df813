"""Records what PyTorch and Keras compute for single layers: outputs, and gradients of the mean squared output.

    $TORCH/bin/python tests/reference/layers_reference.py torch > /tmp/torch.json
    CUDA_VISIBLE_DEVICES=-1 $KERAS/bin/python tests/reference/layers_reference.py keras > /tmp/keras.json
    $TORCH/bin/python tests/reference/layers_reference.py join /tmp/torch.json /tmp/keras.json > tests/reference/layers.json

Inputs and parameters are `wave(count, key)`: 50 for the input, 0, 1, ... for the parameters in Kiln's order.
"""

import json
import sys

import numpy as np


def wave(shape, key, scale):
    index = np.arange(int(np.prod(shape)))
    values = scale * (((index * 37 + key * 101) % 97) / 97.0 - 0.5)
    return values.astype("float32").reshape(shape)


def case(name, layer, shape, params, out, grads):
    flat = lambda x: [float(f"{v:.7g}") for v in np.asarray(x, dtype="float64").ravel()]
    return {"name": name, "layer": layer, "input": list(shape), "output": flat(out), "grads": [flat(g) for g in grads],
            "params": [list(p) for p in params]}


def torch_cases():
    import torch
    import torch.nn.functional as F

    def run(name, layer, shape, params, compute):
        x = torch.tensor(wave(shape, 50, 2.0), requires_grad=True)
        ps = [torch.tensor(wave(p, key, 1.0), requires_grad=True) for key, p in enumerate(params)]
        out = compute(x, *ps)
        (out.reshape(shape[0], -1) ** 2).mean(1).mean().backward()
        return case(name, layer, shape, params, out.detach().numpy(), [t.grad.numpy() for t in [x, *ps]])

    seq = lambda f: lambda x, *p: f(x.transpose(1, 2), *p).transpose(1, 2)
    img = lambda f: lambda x, *p: f(x.permute(0, 3, 1, 2), *p).permute(0, 2, 3, 1)
    s, i = (3, 9, 4), (2, 6, 7, 4)
    yield run("conv1d", {"conv1d": {"filters": 6, "kernel": 3}}, s, [(6, 4, 3), (6,)], seq(lambda x, w, b: F.conv1d(x, w, b)))
    yield run("conv1d relu same", {"conv1d": {"filters": 6, "kernel": 3, "padding": "same", "activation": "relu"}}, s, [(6, 4, 3), (6,)],
              seq(lambda x, w, b: F.relu(F.conv1d(x, w, b, padding="same"))))
    yield run("conv1d stride dilation", {"conv1d": {"filters": 6, "kernel": 3, "stride": 2, "dilation": 2, "groups": 2, "padding": 2}}, s,
              [(6, 2, 3), (6,)], seq(lambda x, w, b: F.conv1d(x, w, b, stride=2, dilation=2, groups=2, padding=2)))
    yield run("conv1d causal", {"conv1d": {"filters": 5, "kernel": 3, "padding": "causal"}}, s, [(5, 4, 3), (5,)],
              seq(lambda x, w, b: F.conv1d(F.pad(x, (2, 0)), w, b)))
    yield run("max_pool1d", {"max_pool1d": {"size": 2}}, s, [], seq(lambda x: F.max_pool1d(x, 2)))
    yield run("avg_pool1d", {"avg_pool1d": {"size": 3, "stride": 2}}, s, [], seq(lambda x: F.avg_pool1d(x, 3, 2)))
    yield run("global_max_pool", {"global_max_pool": {}}, s, [], lambda x: x.amax(1))
    yield run("global_avg_pool", {"global_avg_pool": {}}, s, [], lambda x: x.mean(1))
    yield run("dense on steps", {"dense": {"units": 5}}, s, [(4, 5), (5,)], lambda x, w, b: x @ w + b)
    yield run("depthwise_conv2d", {"depthwise_conv2d": {"kernel": 3, "multiplier": 2}}, i, [(8, 1, 3, 3), (8,)],
              img(lambda x, w, b: F.conv2d(x, w, b, groups=4)))
    yield run("separable_conv2d", {"separable_conv2d": {"filters": 5, "kernel": 3, "padding": "same"}}, i, [(4, 1, 3, 3), (5, 4, 1, 1), (5,)],
              img(lambda x, d, w, b: F.conv2d(F.conv2d(x, d, groups=4, padding=1), w, b)))
    yield run("layer_norm", {"layer_norm": {"epsilon": 1e-5}}, s, [(4,), (4,)], lambda x, g, b: F.layer_norm(x, (4,), g, b))
    yield run("group_norm", {"group_norm": {"groups": 2, "epsilon": 1e-5}}, i, [(4,), (4,)], img(lambda x, g, b: F.group_norm(x, 2, g, b)))
    yield run("upsample", {"upsample": {"size": 2}}, i, [], img(lambda x: F.interpolate(x, scale_factor=2)))
    yield run("upsample bilinear", {"upsample": {"size": 2, "mode": "bilinear"}}, i, [],
              img(lambda x: F.interpolate(x, scale_factor=2, mode="bilinear")))
    yield run("residual", {"residual": {"layers": [{"conv2d": {"filters": 5, "kernel": 3, "stride": 2, "padding": 1}}], "activation": "relu"}}, i,
              [(5, 4, 3, 3), (5,), (5, 4, 1, 1)],
              img(lambda x, w, b, p: F.relu(F.conv2d(x, w, b, stride=2, padding=1) + F.conv2d(x, p, stride=2))))
    yield run("attention_pool", {"attention_pool": {"units": 3}}, s, [(4, 3), (3,), (3,)],
              lambda x, w, b, q: (x * torch.softmax(torch.tanh(x @ w + b) @ q, 1)[..., None]).sum(1))


def keras_cases():
    import keras
    import tensorflow as tf

    L = keras.layers

    def run(name, layer, shape, params, made, weights=lambda ps: ps):
        x = tf.constant(wave(shape, 50, 2.0))
        ps = [wave(p, key, 1.0) for key, p in enumerate(params)]
        made(x)
        made.set_weights(weights(ps))
        with tf.GradientTape() as tape:
            tape.watch(x)
            out = made(x)
            loss = tf.reduce_mean(tf.reshape(out, (shape[0], -1)) ** 2)
        grads = [g.numpy() for g in tape.gradient(loss, [x, *made.trainable_weights])]
        return case(name, layer, shape, params, out.numpy(), grads)

    s = (3, 6, 4)
    lstm = [(4, 20), (5, 20), (20,)]
    yield run("lstm", {"lstm": {"units": 5}}, s, lstm, L.LSTM(5))
    yield run("lstm sequences", {"lstm": {"units": 5, "return_sequences": True}}, s, lstm, L.LSTM(5, return_sequences=True))
    yield run("lstm backwards", {"lstm": {"units": 5, "go_backwards": True}}, s, lstm, L.LSTM(5, go_backwards=True))
    yield run("bidirectional lstm", {"bidirectional": {"layer": {"lstm": {"units": 5, "return_sequences": True}}}}, s, lstm * 2,
              L.Bidirectional(L.LSTM(5, return_sequences=True)))
    gru = [(4, 15), (5, 15), (15,), (15,)]
    join = lambda ps: [ps[0], ps[1], np.stack(ps[2:])]
    yield run("gru", {"gru": {"units": 5}}, s, gru, L.GRU(5), join)
    yield run("gru sequences", {"gru": {"units": 5, "return_sequences": True}}, s, gru, L.GRU(5, return_sequences=True), join)


if __name__ == "__main__":
    if sys.argv[1] == "join":
        cases = [case for path in sys.argv[2:] for case in json.load(open(path))]
        print("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]")
    else:
        print(json.dumps(list({"torch": torch_cases, "keras": keras_cases}[sys.argv[1]]())))
