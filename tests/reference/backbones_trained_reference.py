"""Records what the trained EfficientNet-Lite0 says in `efficientnet_lite_pytorch`: logits of a batch that is a formula
(`backbones_formula.py`), and the classes of photographs.

    $TORCH/bin/python tests/reference/backbones_trained_reference.py efficientnet-lite0-57934424.pth cats_dogs/train

writes `backbones/efficientnet_lite0_trained.json` beside itself. Photographs are resized to 256 pixels (bicubic), cut to
224 x 224, and normalised by ImageNet's mean and deviation. Only those are kept whose first class leads by half a logit: the
libraries resize with rounding of their own.
"""

import json
import pathlib
import sys

import torch
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from torchvision.transforms import v2

from backbones_formula import SIZE, flat, image

weights, photos = sys.argv[1:]
state = torch.load(weights, map_location="cpu")


def net(size):
    made = EfficientNet.from_name("efficientnet-lite0", image_size=size)
    made.load_state_dict(state)
    return made.eval()


look = v2.Compose([v2.Resize(256, interpolation=v2.InterpolationMode.BICUBIC), v2.CenterCrop(224), v2.ToImage(),
                   v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
with torch.no_grad():
    logits = net(SIZE)(torch.tensor(image("image 0")).float().permute(0, 3, 1, 2))
    large, named = net(224), {}
    for folder in sorted(pathlib.Path(photos).iterdir()):
        for file in sorted(folder.iterdir())[:20]:
            first, second = large(look(Image.open(file).convert("RGB"))[None])[0].topk(2).values.tolist()
            if first - second > 0.5:
                named[f"{folder.name}/{file.name}"] = int(large(look(Image.open(file).convert("RGB"))[None])[0].argmax())
done = {"image": "image 0", "logits": flat(logits), "classes": named}
(pathlib.Path(__file__).parent / "backbones" / "efficientnet_lite0_trained.json").write_text(json.dumps(done) + "\n")
print(len(named), logits.abs().max().item())
