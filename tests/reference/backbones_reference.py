"""Records what torchvision's nets compute: logits, gradients and running averages of one batch.

    $TORCH/bin/pip install torch torchvision efficientnet_lite_pytorch
    $TORCH/bin/python tests/reference/backbones_reference.py [NAME ..]

writes `backbones/NAME.json` beside itself, of every net without a name. Weights and images are a formula of the tensor's
name and the place in it (`values`), which tests/suite/backbones.rs repeats. PyTorch computes in 64 bits. Dropout and
stochastic depth are off. Of each gradient its norm and 16 values are recorded, of the running averages after the pass
in training their norms. Images are `[batch, height, width, channels]`; gradients are in PyTorch's layout.
"""

import json
import pathlib
import sys

import numpy as np
import torch
from torch import nn
from torchvision import models

BATCH, SIZE = 2, 64
# Relative, of weights.
NOISE = 5e-7


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


def weight(name, shape):
    """Rounded to 32 bits. Matrices and kernels are scaled by their inputs; variances and factors lie around 1."""
    u = values(name, shape)
    if len(shape) > 1 and min(shape[0], int(np.prod(shape[1:]))) > 1:
        v = (2 * u - 1) * np.sqrt(4 / np.prod(shape[1:]))
    elif name.endswith("running_var"):
        v = 0.75 + u / 2
    elif name.endswith("weight"):
        v = 0.2 + u / 5
    else:
        v = u - 0.25
    return torch.tensor(v.astype("float32").astype("float64"))


def lite0():
    from efficientnet_lite_pytorch import EfficientNet

    # Its padding is for one size of images.
    return EfficientNet.from_name("efficientnet-lite0", image_size=SIZE, drop_connect_rate=0.0)


NETS = {name: getattr(models, name) for name in ["resnet18", "resnet34", "resnet50"]}
NETS["efficientnet_lite0"] = lite0


def flat(x):
    return [float(f"{v:.7g}") for v in np.asarray(x, dtype="float64").ravel()]


def images(name):
    image = (values(name, (BATCH, SIZE, SIZE, 3)) * 4 - 2).astype("float32").astype("float64")
    return torch.tensor(image).permute(0, 3, 1, 2)


def passed(net, x):
    """Logits, loss and gradients of a batch in training."""
    net.train()
    net.zero_grad()
    logits = net(x)
    classes = [(7 + 37 * i) % logits.shape[1] for i in range(BATCH)]
    loss = nn.functional.cross_entropy(logits, torch.tensor(classes))
    loss.backward()
    return logits.detach(), classes, loss.item(), {key: param.grad.numpy().copy() for key, param in net.named_parameters()}


def steady_image(net):
    """The first batch of which rounding to 32 bits does not decide on which side of 0 a ReLU's input lies, or which of two
    pooled values is larger: there gradients jump. Weights that are changed by some units of the last place show it."""
    state = {key: tensor.clone() for key, tensor in net.state_dict().items()}
    for number in range(1000):
        name = f"image {number}"
        x = images(name)
        grads = passed(net, x)[3]
        most = max(np.linalg.norm(grad) for grad in grads.values())
        steady = True
        for trial in range(4):
            torch.manual_seed(trial)
            with torch.no_grad():
                for param in net.parameters():
                    param.mul_(1 + NOISE * (2 * torch.rand_like(param) - 1))
            other = passed(net, x)[3]
            net.load_state_dict(state)
            errors = [np.abs(grads[key] - other[key]).max() / max(np.linalg.norm(grads[key]), most / 100) for key in grads]
            if max(errors) > 3e-5:
                steady = False
                break
        net.load_state_dict(state)
        print(number, max(errors), file=sys.stderr)
        if steady:
            return name
    raise SystemExit("no batch is steady")


def record(name):
    net = NETS[name]().double()
    for module in net.modules():
        if isinstance(module, nn.Dropout) or type(module).__name__ == "StochasticDepth":
            module.p = 0.0
    state = net.state_dict()
    for key, tensor in state.items():
        if tensor.dim() > 0:
            tensor.copy_(weight(key, tuple(tensor.shape)))
    image = steady_image(net)
    x = images(image)
    net.eval()
    with torch.no_grad():
        inference = net(x)
    logits, classes, loss, all_grads = passed(net, x)
    grads = {}
    for key, grad in all_grads.items():
        places = [i * (grad.size - 1) // 15 for i in range(16)]
        grads[key] = [flat(np.linalg.norm(grad))[0], *flat(grad.ravel()[places])]
    running = {key: flat(np.linalg.norm(tensor.numpy()))[0] for key, tensor in net.state_dict().items()
               if key.endswith(("running_mean", "running_var"))}
    shapes = {key: list(tensor.shape) for key, tensor in state.items()}
    done = {"name": name, "image": image, "batch": BATCH, "size": SIZE, "tensors": shapes, "inference": flat(inference),
            "training": flat(logits), "classes": classes, "loss": loss, "grads": grads, "running": running}
    (pathlib.Path(__file__).parent / "backbones" / f"{name}.json").write_text(
        "{" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in done.items()) + "}\n")
    print(name, image, inference.abs().max().item(), logits.abs().max().item())


for name in sys.argv[1:] or NETS:
    record(name)
