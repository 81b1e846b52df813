"""Records what nets of `keras.applications` compute: logits, gradients and running averages of one batch.

    CUDA_VISIBLE_DEVICES=-1 $KERAS/bin/python tests/reference/backbones_keras_reference.py [NAME ..]

writes `backbones/keras_NAME.json` beside itself; the docstring of `backbones_reference.py` says what is in them. Tensors
are called `layer/weight` and have Keras's layout. Keras computes in 64 bits.
"""

import pathlib
import sys
import tempfile

import h5py
import keras
import numpy as np
import tensorflow as tf

from backbones_formula import NOISE, SIZE, classes, image, steady_image, weight, write

keras.config.set_floatx("float64")
FULL = {"input_shape": (SIZE, SIZE, 3), "weights": None, "classifier_activation": None}


def vgg16():
    """Without its classifier, as in `backbones_reference.py`."""
    body = keras.applications.VGG16(include_top=False, weights=None, input_shape=(SIZE, SIZE, 3))
    return keras.Model(body.input, keras.layers.Dense(10, name="head")(keras.layers.GlobalAveragePooling2D()(body.output)))


# The net, and what its images are multiplied by before they enter it.
NETS = {
    "mobilenet_v2": (lambda: keras.applications.MobileNetV2(**FULL), 1),
    "efficientnet_b0": (lambda: keras.applications.EfficientNetB0(**FULL), 255),  # it divides by 255
    "resnet50": (lambda: keras.applications.ResNet50(**FULL), 1),
    "vgg16": (vgg16, 1),
}


def inputs(path, shape):
    if not path.endswith("kernel"):
        return 0
    depthwise = "dwconv" in path or "depthwise" in path
    return int(np.prod(shape[:2] if depthwise else shape[:-1]))


def numbered(net):
    """The names of Keras 3's files, where layers are numbered: `layer/weight` to `layers/conv2d_1/vars/0`."""
    file = pathlib.Path(tempfile.mkdtemp()) / "net.weights.h5"
    net.save_weights(file)
    found = {}
    with h5py.File(file) as saved:
        for group in saved["layers"].values():
            layer = net.get_layer(group["vars"].attrs["name"]) if len(group.get("vars", ())) else None
            for number, variable in enumerate(layer.weights if layer else []):
                found[variable.path] = f"{group['vars'].name[1:]}/{number}"
    return found


def record(name):
    make, scale = NETS[name]
    net = make()
    for layer in net.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    # The normalisation of the input belongs to the preprocessing.
    variables = [v for v in net.weights if not v.path.startswith("normalization") and "seed_generator" not in v.path]
    state = {v.path: weight(v.path, tuple(v.shape), inputs(v.path, v.shape)) for v in variables}
    trainable = [v for v in variables if v.trainable]

    def restore(seed=None):
        draw = np.random.default_rng(seed)
        for v in variables:
            changed = 1 if seed is None or not v.trainable else 1 + NOISE * draw.uniform(-1, 1, v.shape)
            v.assign(state[v.path] * changed)

    @tf.function
    def passed(x):
        with tf.GradientTape() as tape:
            logits = net(x, training=True)
            targets = tf.constant(classes(logits.shape[1]))
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits))
        return logits, loss, tape.gradient(loss, [v.value for v in trainable])

    def named(grads):
        return {v.path: grad.numpy() for v, grad in zip(trainable, grads)}

    def grads_of(x, seed):
        restore(seed)
        return named(passed(tf.constant(x * scale))[2])

    chosen = steady_image(grads_of)
    restore()
    x = tf.constant(image(chosen) * scale)
    inference = net(x, training=False).numpy()
    logits, loss, grads = passed(x)
    running = {v.path: v.numpy() for v in variables if not v.trainable}
    shapes = {path: list(value.shape) for path, value in state.items()}
    numbers = {path: number for path, number in numbered(net).items() if path in state}
    write(f"keras_{name}", name, chosen, shapes, inference, logits.numpy(), loss, named(grads), running, numbered=numbers)


for name in sys.argv[1:] or NETS:
    record(name)
