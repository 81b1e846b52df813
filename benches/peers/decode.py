#!/usr/bin/env python3
"""Decodes and resizes (bilinear, antialiased) every JPEG of a folder to 150 x 150 on one thread; prints one JSON object.

usage: PYTHON benches/peers/decode.py pillow|keras|torchvision FOLDER

pillow: `Image.open(...).convert("RGB").resize(...)`, what torchvision's ImageFolder does; keras: `load_img` with
`target_size` (nearest, as flow_from_directory); torchvision: `decode_image` and `v2.Resize(antialias=True)` on tensors.
Beside it: `KILN_BENCH_IMAGES=FOLDER cargo bench --bench data -- folder`.
"""
import json
import os
import pathlib
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def loader(program):
    if program == "pillow":
        from PIL import Image
        return lambda file: Image.open(file).convert("RGB").resize((150, 150), Image.BILINEAR)
    if program == "keras":
        import tensorflow as tf
        return lambda file: tf.keras.utils.img_to_array(tf.keras.utils.load_img(file, target_size=(150, 150)))
    if program == "torchvision":
        import torch
        from torchvision.io import ImageReadMode, decode_image
        from torchvision.transforms import v2
        torch.set_num_threads(1)
        resize = v2.Resize((150, 150), antialias=True)
        return lambda file: resize(decode_image(file, ImageReadMode.RGB))
    raise SystemExit(__doc__)


def main():
    program, folder = sys.argv[1:]
    load = loader(program)
    files = sorted(str(path) for path in pathlib.Path(folder).rglob("*.jpg"))
    for file in files[:20]:
        load(file)
    start = time.perf_counter()
    for file in files:
        load(file)
    seconds = time.perf_counter() - start
    print(json.dumps({"program": program, "images": len(files), "ms_an_image": round(1000 * seconds / len(files), 3)}))


if __name__ == "__main__":
    main()
