"""Records three training steps in Keras with penalties and limits of single layers, for tests/suite/penalties.rs. Needs
Keras with TensorFlow.

    CUDA_VISIBLE_DEVICES=-1 python penalties_reference.py > penalties.json

Weights and inputs follow `wave`, which the Rust test repeats.
"""
import json
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf

L = keras.layers
TARGETS = [1, 0, 0, 1]


def wave(count, key, scale):
    return np.array([scale * (((i * 37 + key * 101) % 97) / 97 - 0.5) for i in range(count)], dtype=np.float32)


def options(l1=0.0, l2=0.0, max_norm=None, axis=0):
    return keras.regularizers.L1L2(l1, l2), max_norm and keras.constraints.MaxNorm(max_norm, axis=axis)


def kernel(axis=0, **given):
    regularizer, constraint = options(axis=axis, **given)
    return {"kernel_regularizer": regularizer, "kernel_constraint": constraint}


def case(name, layers, net, shape, turn=lambda w: w, back=lambda w: w, clip=None, tokens=None):
    """`turn` and `back` bring a weight from Kiln's order of dimensions to Keras's and back."""
    net = keras.Sequential([keras.Input(shape[1:]), *net])
    weights = [wave(w.size, key, 1.0).reshape(back(w).shape) for key, w in enumerate(net.get_weights())]
    net.set_weights([turn(w) for w in weights])
    net.compile(optimizer=keras.optimizers.SGD(0.5, global_clipnorm=clip), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    x = np.array(tokens) if tokens else wave(int(np.prod(shape)), 50, 2.0).reshape(shape)
    for _ in range(3):
        net.train_on_batch(x, np.float32(TARGETS).reshape(4, 1))
    return {"name": name, "layers": layers, "shape": shape, "tokens": tokens, "clip_norm": clip,
            "params": [back(w).flatten().tolist() for w in net.get_weights()]}


def cases():
    image = {"l1": 0.01, "l2": 0.03, "max_norm": 0.8}
    row = {"l1": 0.02, "max_norm": 0.9}
    layers = [{"conv2d": {"filters": 3, "kernel": 2, "activation": "tanh", **image}}, "flatten", {"dense": {"units": 4, **row}},
              {"dense": {"units": 1, "l2": 0.1}}]
    net = lambda: [L.Conv2D(3, 2, activation="tanh", **kernel(axis=[0, 1, 2], **image)), L.Flatten(), L.Dense(4, **kernel(**row)),
                   L.Dense(1, **kernel(l2=0.1))]
    order = {"turn": lambda w: w.transpose(2, 3, 1, 0) if w.ndim == 4 else w, "back": lambda w: w.transpose(3, 2, 0, 1) if w.ndim == 4 else w}
    yield case("images", layers, net(), (4, 4, 3, 2), **order)
    yield case("images, clipped", layers, net(), (4, 4, 3, 2), clip=0.5, **order)
    steps = {"l1": 0.01, "l2": 0.02, "max_norm": 0.6}
    regularizer, constraint = options(**steps)
    both = {"recurrent_regularizer": regularizer, "recurrent_constraint": constraint, **kernel(**steps)}
    yield case("sequences", [{"lstm": {"units": 3, **steps}}, {"dense": {"units": 1}}], [L.LSTM(3, **both), L.Dense(1)], (4, 5, 3))
    words = {"l2": 0.05, "max_norm": 0.5}
    regularizer, constraint = options(axis=1, **words)
    yield case("tokens", [{"embedding": {"dim": 4, **words}}, "global_avg_pool", {"dense": {"units": 1}}],
               [L.Embedding(7, 4, embeddings_regularizer=regularizer, embeddings_constraint=constraint), L.GlobalAveragePooling1D(), L.Dense(1)],
               (4, 3), tokens=[[1, 2, 3], [0, 6, 1], [4, 4, 5], [2, 0, 0]])


rows = ",\n".join(json.dumps(case) for case in cases())
print(f'{{"keras": "{keras.__version__}", "tensorflow": "{tf.__version__}", "cases": [\n{rows}\n]}}')
