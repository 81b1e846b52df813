"""Records one weighted training step in Keras, for tests/suite/class_weights.rs. Needs Keras with TensorFlow.

    python class_weights_reference.py > class_weights.json

Weights and inputs follow `wave`, which the Rust test repeats. Soft labels have no `class_weight` in
Keras: there the samples' weights are given, the means of the classes' weights by the shares.
"""
import json
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf


def wave(count, key, scale):
    return np.array([scale * (((i * 37 + key * 101) % 97) / 97 - 0.5) for i in range(count)], dtype=np.float32)


def case(name, units, loss, targets, weights):
    net = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(units)])
    net.set_weights([wave(w.size, key, 1.0).reshape(w.shape) for key, w in enumerate(net.get_weights())])
    net.compile(optimizer=keras.optimizers.SGD(0.5), loss=loss(from_logits=True))
    x, y = wave(24, 50, 2.0).reshape(4, 6), np.array(targets, dtype=np.float32)
    plain = net.evaluate(x, y, verbose=0)
    if y.ndim == 2:
        told = net.train_on_batch(x, y, sample_weight=y @ np.float32(weights))
    else:
        told = net.train_on_batch(x, y, class_weight=dict(enumerate(weights)))
    return {"name": name, "units": units, "targets": targets, "weights": weights, "loss": float(np.ravel(told)[0]),
            "plain_loss": float(np.ravel(plain)[0]), "params": [w.flatten().tolist() for w in net.get_weights()]}


def cases():
    yield case("binary", 1, keras.losses.BinaryCrossentropy, [1, 0, 0, 1], [0.5, 3.0])
    yield case("classes", 3, keras.losses.SparseCategoricalCrossentropy, [2, 0, 0, 1], [0.25, 2.0, 1.5])
    yield case("soft", 3, keras.losses.CategoricalCrossentropy,
               [[0.75, 0.25, 0.0], [0.0, 1.0, 0.0], [0.0, 0.5, 0.5], [0.125, 0.0, 0.875]], [0.25, 2.0, 1.5])


rows = ",\n".join(json.dumps(case) for case in cases())
print(f'{{"keras": "{keras.__version__}", "tensorflow": "{tf.__version__}", "cases": [\n{rows}\n]}}')
