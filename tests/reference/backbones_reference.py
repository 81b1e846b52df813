"""Records what torchvision's nets compute: logits, gradients and running averages of one batch.

    $TORCH/bin/pip install torch torchvision efficientnet_lite_pytorch
    $TORCH/bin/python tests/reference/backbones_reference.py [NAME ..]

writes `backbones/NAME.json` beside itself, of every net without a name. Weights and images are a formula of the tensor's
name and the place in it (`backbones_formula.py`). PyTorch computes in 64 bits. Dropout and stochastic depth are off. Of
each gradient its norm and 16 values are recorded, of the running averages after the pass in training their norms.
Images are `[batch, height, width, channels]`; gradients are in PyTorch's layout.
"""

import sys
from collections import OrderedDict

import numpy as np
import torch
from torch import nn
from torchvision import models

from backbones_formula import NOISE, SIZE, classes, image, steady_image, weight, write


def lite0():
    from efficientnet_lite_pytorch import EfficientNet

    # Its padding is for one size of images.
    return EfficientNet.from_name("efficientnet-lite0", image_size=SIZE, drop_connect_rate=0.0)


def vgg16():
    """Without its classifier, whose weights are 124 million numbers: a mean and ten outputs behind the features."""
    return nn.Sequential(OrderedDict(features=models.vgg16().features, pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), head=nn.Linear(512, 10)))


NETS = {name: getattr(models, name) for name in ["resnet18", "resnet34", "resnet50", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large",
                                                    "efficientnet_b0", "convnext_tiny"]}
NETS |= {"efficientnet_lite0": lite0, "vgg16": vgg16}


def inputs(shape):
    count = int(np.prod(shape[1:]))
    return count if len(shape) > 1 and min(shape[0], count) > 1 else 0


def passed(net, x):
    """Logits, loss and gradients of a batch in training."""
    net.train()
    net.zero_grad()
    logits = net(x)
    loss = nn.functional.cross_entropy(logits, torch.tensor(classes(logits.shape[1])))
    loss.backward()
    return logits.detach().numpy(), loss.item(), {key: param.grad.numpy().copy() for key, param in net.named_parameters()}


def record(name):
    net = NETS[name]().double()
    for module in net.modules():
        if isinstance(module, nn.Dropout) or type(module).__name__ == "StochasticDepth":
            module.p = 0.0
    for key, tensor in net.state_dict().items():
        if tensor.dim() > 0:
            tensor.copy_(torch.tensor(weight(key, tuple(tensor.shape), inputs(tensor.shape))))
    state = {key: tensor.clone() for key, tensor in net.state_dict().items()}
    channels_first = lambda x: torch.tensor(x).permute(0, 3, 1, 2)

    def grads_of(x, seed):
        net.load_state_dict(state)
        if seed is not None:
            torch.manual_seed(seed)
            with torch.no_grad():
                for param in net.parameters():
                    param.mul_(1 + NOISE * (2 * torch.rand_like(param) - 1))
        return passed(net, channels_first(x))[2]

    chosen = steady_image(grads_of)
    net.load_state_dict(state)
    x = channels_first(image(chosen))
    net.eval()
    with torch.no_grad():
        inference = net(x).numpy()
    logits, loss, grads = passed(net, x)
    running = {key: tensor.numpy() for key, tensor in net.state_dict().items() if key.endswith(("running_mean", "running_var"))}
    shapes = {key: list(tensor.shape) for key, tensor in state.items()}
    write(name, name, chosen, shapes, inference, logits, loss, grads, running)


for name in sys.argv[1:] or NETS:
    record(name)
