"""Records what PyTorch and Keras compute for single layers: outputs, and gradients of the mean squared output.

    $TORCH/bin/python tests/reference/layers_reference.py torch > /tmp/torch.json
    CUDA_VISIBLE_DEVICES=-1 $KERAS/bin/python tests/reference/layers_reference.py keras > /tmp/keras.json
    $TORCH/bin/python tests/reference/layers_reference.py join /tmp/torch.json /tmp/keras.json > tests/reference/layers.json

Inputs and parameters are `wave(count, key, scale)`: 50 for the input, 0, 1, ... for the parameters in Kiln's order; of
a running variance the absolute values and 0.1. Tokens are recorded, and have no gradient.
"""

import json
import sys

import numpy as np


def wave(shape, key, scale):
    index = np.arange(int(np.prod(shape)))
    values = scale * (((index * 37 + key * 101) % 97) / 97.0 - 0.5)
    return values.astype("float32").reshape(shape)


def case(name, layer, shape, params, out, grads, scale=2.0):
    flat = lambda x: [float(f"{v:.7g}") for v in np.asarray(x, dtype="float64").ravel()]
    return {"name": name, "layer": layer, "input": list(shape), "scale": scale, "output": flat(out),
            "grads": [flat(g) for g in grads], "params": [list(p) for p in params]}


def torch_cases():
    import torch
    import torch.nn.functional as F

    def run(name, layer, shape, params, compute, scale=2.0):
        x = torch.tensor(wave(shape, 50, scale), requires_grad=True)
        ps = [torch.tensor(wave(p, key, 1.0), requires_grad=True) for key, p in enumerate(params)]
        out = compute(x, *ps)
        (out.reshape(shape[0], -1) ** 2).mean(1).mean().backward()
        return case(name, layer, shape, params, out.detach().numpy(), [t.grad.numpy() for t in [x, *ps]], scale)

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

    yield run("depthwise_conv1d", {"depthwise_conv1d": {"kernel": 3, "multiplier": 2, "stride": 2}}, s, [(8, 1, 3), (8,)],
              seq(lambda x, w, b: F.conv1d(x, w, b, stride=2, groups=4)))
    yield run("separable_conv1d", {"separable_conv1d": {"filters": 5, "kernel": 3, "padding": "same", "activation": "tanh"}}, s,
              [(4, 1, 3), (5, 4, 1), (5,)],
              seq(lambda x, d, w, b: torch.tanh(F.conv1d(F.conv1d(x, d, groups=4, padding=1), w, b))))
    more = {"stride": 2, "padding": 1, "output_padding": 1}
    yield run("conv_transpose1d", {"conv_transpose1d": {"filters": 6, "kernel": 3, "groups": 2, **more}}, s, [(4, 3, 3), (6,)],
              seq(lambda x, w, b: F.conv_transpose1d(x, w, b, groups=2, **more)))
    yield run("conv_transpose1d dilation", {"conv_transpose1d": {"filters": 3, "kernel": 3, "dilation": 2, "bias": False}}, s, [(4, 3, 3)],
              seq(lambda x, w: F.conv_transpose1d(x, w, dilation=2)))
    yield run("conv_transpose2d", {"conv_transpose2d": {"filters": 3, "kernel": [3, 4], **more}}, i, [(4, 3, 3, 4), (3,)],
              img(lambda x, w, b: F.conv_transpose2d(x, w, b, **more)))
    yield run("conv_transpose2d groups", {"conv_transpose2d": {"filters": 6, "kernel": 2, "groups": 2, "dilation": [1, 2], "activation": "relu"}},
              i, [(4, 3, 2, 2), (6,)], img(lambda x, w, b: F.relu(F.conv_transpose2d(x, w, b, groups=2, dilation=(1, 2)))))
    yield run("max_pool1d padding", {"max_pool1d": {"size": 3, "stride": 2, "padding": 1}}, s, [], seq(lambda x: F.max_pool1d(x, 3, 2, 1)))
    count = {"padding": 1, "count_padding": True}
    yield run("avg_pool1d counts padding", {"avg_pool1d": {"size": 3, "stride": 2, **count}}, s, [], seq(lambda x: F.avg_pool1d(x, 3, 2, 1)))
    yield run("avg_pool2d counts padding", {"avg_pool2d": {"size": 3, "stride": 2, **count}}, i, [], img(lambda x: F.avg_pool2d(x, 3, 2, 1)))
    yield run("max_pool2d padding", {"max_pool2d": {"size": 3, "stride": 2, "padding": 1}}, i, [], img(lambda x: F.max_pool2d(x, 3, 2, 1)))
    yield run("leaky_relu slope", {"leaky_relu": {"slope": 0.2}}, s, [], lambda x: F.leaky_relu(x, 0.2))
    yield run("leaky_relu as an option", {"dense": {"units": 5, "activation": {"leaky_relu": {"slope": 0.3}}}}, s, [(4, 5), (5,)],
              lambda x, w, b: F.leaky_relu(x @ w + b, 0.3))
    yield run("elu alpha", {"elu": {"alpha": 0.7}}, s, [], lambda x: F.elu(x, 0.7))
    excite = lambda gate: lambda x, w, b, v, c: x * gate(F.relu(x.mean((1, 2)) @ w + b) @ v + c)[:, None, None]
    for gate, function in [("sigmoid", torch.sigmoid), ("hard_sigmoid", F.hardsigmoid)]:
        yield run(f"squeeze_excite {gate}", {"squeeze_excite": {"reduced": 3, "gate": gate}}, i, [(4, 3), (3,), (3, 4), (4,)], excite(function))
    yield run("layer_scale", {"layer_scale": {}}, s, [(4,)], lambda x, g: g * x)
    yield run("adaptive_avg_pool2d", {"adaptive_avg_pool2d": {"size": [4, 3]}}, i, [], img(lambda x: F.adaptive_avg_pool2d(x, (4, 3))))
    yield run("adaptive_avg_pool2d to more", {"adaptive_avg_pool2d": {"size": 9}}, i, [], img(lambda x: F.adaptive_avg_pool2d(x, 9)))
    sides, pad = {"stride": 2, "padding": [[0, 1], [1, 0]]}, (1, 0, 0, 1)
    yield run("conv2d pads sides", {"conv2d": {"filters": 5, "kernel": 3, **sides}}, i, [(5, 4, 3, 3), (5,)],
              img(lambda x, w, b: F.conv2d(F.pad(x, pad), w, b, stride=2)))
    yield run("conv2d pads sides, one step", {"conv2d": {"filters": 5, "kernel": 3, "padding": [[0, 2], [1, 0]], "activation": "swish"}}, i,
              [(5, 4, 3, 3), (5,)], img(lambda x, w, b: F.silu(F.conv2d(F.pad(x, (1, 0, 0, 2)), w, b))))
    yield run("max_pool2d pads sides", {"max_pool2d": {"size": 3, **sides}}, i, [], img(lambda x: F.max_pool2d(F.pad(x, pad, value=-torch.inf), 3, 2)))
    yield run("avg_pool2d pads sides", {"avg_pool2d": {"size": 3, "count_padding": True, **sides}}, i, [],
              img(lambda x: F.avg_pool2d(F.pad(x, pad), 3, 2)))
    yield run("hard_swish as an option", {"dense": {"units": 5, "activation": "hard_swish"}}, s, [(4, 5), (5,)],
              lambda x, w, b: F.hardswish(x @ w + b))
    for name, function in [("relu", F.relu), ("relu6", F.relu6), ("leaky_relu", F.leaky_relu), ("elu", F.elu), ("selu", F.selu), ("gelu", F.gelu),
                           ("silu", F.silu), ("softplus", F.softplus), ("softsign", F.softsign), ("mish", F.mish), ("tanh", torch.tanh),
                           ("sigmoid", torch.sigmoid), ("hard_tanh", F.hardtanh), ("hard_sigmoid", F.hardsigmoid), ("hard_silu", F.hardswish),
                           ("softmax", lambda x: F.softmax(x, -1))]:
        yield run(name, name, (3, 9, 8), [], function, scale=16.0)


def keras_cases():
    import keras
    import tensorflow as tf

    L = keras.layers

    def run(name, layer, shape, params, made, weights=lambda ps: ps, back=lambda gs: gs, training=False):
        x = tf.constant(wave(shape, 50, 2.0))
        ps = [wave(p, key, 1.0) for key, p in enumerate(params)]
        made(x)
        made.set_weights(weights(ps))
        with tf.GradientTape() as tape:
            tape.watch(x)
            out = made(x, training=training) if training else made(x)
            loss = tf.reduce_mean(tf.reshape(out, (shape[0], -1)) ** 2)
        grads = [g.numpy() for g in tape.gradient(loss, [x, *made.trainable_weights])]
        return case("keras " + name, layer, shape, params, out.numpy(), [grads[0], *back(grads[1:])])

    def batch_norm(name, shape, training):
        """Scale, shift, running mean and running variance; in training their values after the step."""
        layer, made = {"batch_norm": {"momentum": 0.9, "epsilon": 0.01}}, L.BatchNormalization(momentum=0.9, epsilon=0.01)
        params = [shape[-1:]] * 4
        above_zero = lambda ps: [*ps[:3], np.abs(ps[3]) + 0.1]
        done = run(name, layer, shape, params, made, above_zero, training=training)
        done["running"] = [[float(f"{v:.7g}") for v in w.numpy()] for w in made.non_trainable_weights]
        return {**done, "training": training}

    def embedding():
        tokens, made = np.array([[0, 3, 3, 6], [1, 0, 5, 2]]), L.Embedding(7, 3)
        made(tokens)
        made.set_weights([wave((7, 3), 0, 1.0)])
        with tf.GradientTape() as tape:
            out = made(tokens)
            loss = tf.reduce_mean(tf.reshape(out, (2, -1)) ** 2)
        grad = tf.convert_to_tensor(tape.gradient(loss, made.trainable_weights)[0])
        done = case("keras embedding", {"embedding": {"dim": 3}}, tokens.shape, [(7, 3)], out.numpy(), [grad.numpy()])
        return {**done, "tokens": tokens.tolist(), "vocabulary": 7}

    def dropout(name, made, shape):
        """What is dropped is drawn; what the others are multiplied by is not."""
        factors = np.unique(made(np.ones(shape, "float32"), training=True).numpy())
        return {"name": f"keras {name} in training", "layer": {name: {"rate": 0.4}}, "input": shape, "scale": 2.0,
                "factors": factors.tolist()}

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
    # Keras keeps [taps, outputs, inputs].
    turn = {"weights": lambda ps: [np.moveaxis(ps[0], (1, 0), (-2, -1)), *ps[1:]], "back": lambda gs: [np.moveaxis(gs[0], (-2, -1), (1, 0)), *gs[1:]]}
    i = (2, 5, 4, 3)
    for padding in ["valid", "same"]:
        for kernel, stride in [(3, 2), (2, 3), (4, 1)]:
            name, options = f"conv_transpose%dd {padding} {kernel} {stride}", {"filters": 2, "kernel": kernel, "stride": stride, "padding": padding}
            yield run(name % 2, {"conv_transpose2d": options}, i, [(3, 2, kernel, kernel), (2,)],
                      L.Conv2DTranspose(2, kernel, stride, padding), **turn)
            yield run(name % 1, {"conv_transpose1d": options}, s, [(4, 2, kernel), (2,)], L.Conv1DTranspose(2, kernel, stride, padding), **turn)
    same = {"size": 3, "stride": 2, "padding": "same"}
    yield run("max_pool1d same", {"max_pool1d": same}, s, [], L.MaxPooling1D(3, 2, "same"))
    yield run("avg_pool1d same", {"avg_pool1d": same}, s, [], L.AveragePooling1D(3, 2, "same"))
    yield run("max_pool2d same", {"max_pool2d": same}, i, [], L.MaxPooling2D(3, 2, "same"))
    yield run("avg_pool2d same", {"avg_pool2d": same}, i, [], L.AveragePooling2D(3, 2, "same"))
    turn = {"weights": lambda ps: [np.moveaxis(ps[0], (0, 1), (-1, -2)), *ps[1:]], "back": lambda gs: [np.moveaxis(gs[0], (-1, -2), (0, 1)), *gs[1:]]}
    yield run("conv2d same stride", {"conv2d": {"filters": 2, "kernel": [3, 2], "stride": 2, "padding": "same"}}, i, [(2, 3, 3, 2), (2,)],
              L.Conv2D(2, (3, 2), 2, "same"), **turn)
    yield run("conv1d same stride", {"conv1d": {"filters": 2, "kernel": 4, "stride": 2, "padding": "same"}}, s, [(2, 4, 4), (2,)],
              L.Conv1D(2, 4, 2, "same"), **turn)
    for training in [False, True]:
        for shape in [(2, 5, 4, 3), (3, 6, 4), (5, 4)]:
            yield batch_norm(f"batch_norm {len(shape)}d{' in training' * training}", shape, training)
    yield embedding()
    yield run("dropout", {"dropout": {"rate": 0.4}}, s, [], L.Dropout(0.4))
    yield dropout("dropout", L.Dropout(0.4), (8, 50))
    yield run("spatial_dropout", {"spatial_dropout": {"rate": 0.4}}, i, [], L.SpatialDropout2D(0.4))
    yield dropout("spatial_dropout", L.SpatialDropout2D(0.4), (8, 5, 4, 30))
    yield run("flatten", "flatten", i, [], L.Flatten())
    yield run("reshape to an image", {"reshape": {"shape": [2, -1, 3]}}, s, [], L.Reshape((2, -1, 3)))
    yield run("reshape to a sequence", {"reshape": {"shape": [10, 6]}}, i, [], L.Reshape((10, 6)))
    yield run("reshape to a row", {"reshape": {"shape": [-1]}}, i, [], L.Reshape((-1,)))


if __name__ == "__main__":
    if sys.argv[1] == "join":
        cases = [case for path in sys.argv[2:] for case in json.load(open(path))]
        print("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]")
    else:
        print(json.dumps(list({"torch": torch_cases, "keras": keras_cases}[sys.argv[1]]())))
