"""Records what PyTorch computes for small nets, for tests/suite/numerics.rs. Needs PyTorch.

    python torch_reference.py > torch.json

Weights and inputs follow the formula of `wave` below, which the Rust test repeats. All tensors in
the file are flat and in Kiln's layout: images [batch, height, width, channels], dense weights
[inputs, outputs], convolution weights [filters, channels, height, width].
"""
import json

import torch
from torch import nn


def wave(count, key, scale):
    return [scale * (((i * 37 + key * 101) % 97) / 97 - 0.5) for i in range(count)]


def fill(tensor, key, scale, layout=None):
    shape = layout or tensor.shape
    values = torch.tensor(wave(tensor.numel(), key, scale)).reshape(shape)
    if layout is not None:
        values = values.T if values.dim() == 2 else values.permute(0, 3, 1, 2)
    with torch.no_grad():
        tensor.copy_(values)


def run(name, layers, params, image, target, loss):
    """`params`: (tensor, whether it is a dense weight) in Kiln's order."""
    net = nn.Sequential(*layers).train()
    for key, (tensor, dense) in enumerate(params):
        fill(tensor, key, 1.0, tuple(reversed(tensor.shape)) if dense else None)
    x = torch.empty(image[0], image[3], image[1], image[2])
    fill(x, 50, 2.0, image)
    out = net(x)
    value = loss(out, target)
    value.backward()
    grads = [(t.grad.T if dense else t.grad).flatten().tolist() for t, dense in params]
    net.eval()
    return {"name": name, "logits": out.flatten().tolist(), "loss": value.item(), "grads": grads,
            "eval_logits": net(x).flatten().tolist()}


class Flatten(nn.Module):
    """In Kiln's order: height, width, channels."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


def cases():
    bce, ce = nn.BCEWithLogitsLoss(), nn.CrossEntropyLoss()
    conv, dense = nn.Conv2d(3, 4, 3), nn.Linear(4 * 3 * 3, 1)
    yield run("conv_pool_dense",
              [conv, nn.ReLU(), nn.MaxPool2d(2), Flatten(), dense],
              [(conv.weight, False), (conv.bias, False), (dense.weight, True), (dense.bias, False)],
              (3, 9, 8, 3), torch.tensor([[1.0], [0.0], [1.0]]), bce)
    conv = nn.Conv2d(4, 6, (3, 2), stride=2, padding=1, dilation=(2, 1), groups=2)
    dense = nn.Linear(6, 3)
    yield run("strides_padding_dilation_groups",
              [conv, nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), dense],
              [(conv.weight, False), (conv.bias, False), (dense.weight, True), (dense.bias, False)],
              (2, 9, 7, 4), torch.tensor([2, 0]), ce)
    conv, norm, dense = nn.Conv2d(1, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3, 1e-3, 0.01), nn.Linear(12, 3)
    yield run("batch_norm_same_padding_average_pool",
              [conv, norm, nn.GELU(), nn.AvgPool2d(2), Flatten(), dense],
              [(conv.weight, False), (norm.weight, False), (norm.bias, False), (dense.weight, True),
               (dense.bias, False)],
              (4, 5, 4, 1), torch.tensor([1, 1, 0, 2]), ce)
    first, second = nn.Linear(6, 5), nn.Linear(5, 1)
    for name, activation in [("leaky_relu", nn.LeakyReLU(0.01)), ("elu", nn.ELU()), ("selu", nn.SELU()),
                             ("silu", nn.SiLU()), ("softplus", nn.Softplus()), ("sigmoid", nn.Sigmoid())]:
        for tensor in [*first.parameters(), *second.parameters()]:
            tensor.grad = None
        yield run(name, [Flatten(), first, activation, second],
                  [(first.weight, True), (first.bias, False), (second.weight, True), (second.bias, False)],
                  (4, 1, 2, 3), torch.tensor([[1.0], [0.0], [0.0], [1.0]]), bce)


rows = ",\n".join(json.dumps(case) for case in cases())
print(f'{{"torch": "{torch.__version__}", "cases": [\n{rows}\n]}}')
