"""Files of weights that PyTorch and safetensors write now are read by Kiln, value by value.

    python written_by_torch.py KILN        # with torch and safetensors installed; numpy too

Writes files of every container, type and kind of view into a temporary folder, has `kiln weights info --json --digests`
read them, and compares names, shapes and the SHA-256 of every tensor's values as 32-bit floats.
"""

import argparse
import collections
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import save_file
from torch import nn


def digest(tensor):
    values = tensor.detach().to(torch.float32).contiguous().flatten()
    return hashlib.sha256(values.numpy().tobytes()).hexdigest()


def expected(tensors):
    return {name: (list(tensor.shape), digest(tensor)) for name, tensor in tensors.items()}


def read(kiln, path):
    command = [kiln, "weights", "info", str(path), "--json", "--digests"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, f"{path.name}: {run.stderr}"
    found = json.loads(run.stdout)
    assert not found["unreadable"], found["unreadable"]
    return {tensor["name"]: (tensor["shape"], tensor["values_sha256"]) for tensor in found["tensors"]}


def cases(folder):
    """Yields a file and the tensors that Kiln must find in it."""
    torch.manual_seed(1)
    net = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Flatten(), nn.LSTM(5, 4), nn.Linear(4, 2))
    state = net.state_dict()

    def save(name, value, tensors, **options):
        torch.save(value, folder / name, **options)
        return folder / name, tensors

    old = {"_use_new_zipfile_serialization": False}
    for name, options in [("zip.pth", {}), ("protocol5.pth", {"pickle_protocol": 5}), ("old.pth", old)]:
        yield save(name, state, state, **options)
    wrapped = collections.OrderedDict((f"module.{name}", value) for name, value in state.items())
    args = argparse.Namespace(lr=0.1, path=pathlib.Path("data"))
    for name, options in [("checkpoint.pth", {}), ("old_checkpoint.pth", old)]:
        optimizer = torch.optim.Adam(net.parameters()).state_dict()
        yield save(name, {"state_dict": wrapped, "args": args, "optimizer": optimizer}, state, **options)
    for name, options in [("module.pth", {}), ("old_module.pth", old)]:
        yield save(name, net, state, **options)
    yield save("parameters.pth", dict(net.named_parameters()), dict(net.named_parameters()))
    base = torch.randn(6, 8)
    views = {
        "base": base,
        "transposed": base.t(),
        "part": base[2:5, 1::3],
        "expanded": torch.randn(4, 1).expand(4, 7),
        "permuted": torch.randn(2, 3, 4, 5).permute(3, 1, 0, 2),
        "channels_last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 2),
    }
    for name, options in [("views.pth", {}), ("old_views.pth", old)]:
        yield save(name, views, views, **options)
    kinds = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool uint16 uint32 uint64".split()
    types = {kind: (100 * torch.rand(7)).to(getattr(torch, kind)) for kind in kinds}
    yield save("types.pth", types, types)
    plain = {name: value.contiguous() for name, value in (types | {"base": base}).items()}
    save_file(plain, folder / "types.safetensors")
    yield folder / "types.safetensors", plain


def main():
    kiln = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        count = 0
        for path, tensors in cases(pathlib.Path(folder)):
            found, wanted = read(kiln, path), expected(tensors)
            assert found == wanted, f"{path.name}: {found}\nexpected {wanted}"
            count += len(wanted)
        print(f"{count} tensors that torch {torch.__version__} wrote are read as they are")


if __name__ == "__main__":
    main()
