#!/usr/bin/env python3
"""The augmentation of the classic cats-and-dogs program on one 150x150x3 sample, one thread: Kiln beside its peers.

usage: benches/peers/augment.py [--rounds 3] [--python-keras FILE] [--python-torch FILE]
       python augment.py PEER                PEER: keras, torchvision, torchvision-pil, albumentations; prints microseconds

Rotation by up to 40 degrees, shifts by up to 0.2, shear by up to 0.2 degrees, zoom in 0.8-1.2, mirrored in half of the
cases, values scaled to 0-1 as floats: from bytes in memory to what goes into the batch. Each round times every program
once, Kiln by `cargo bench --bench data`; the medians over the rounds are printed (Markdown), and the medians of the
rounds' ratios. Keras does it with SciPy (`ImageDataGenerator`), torchvision v2 on tensors and on Pillow's images,
Albumentations with OpenCV; where one is not installed it is left out, by name.
"""
import argparse
import pathlib
import re
import statistics
import subprocess
import sys
import time

SIZE, SAMPLES, ROUNDS = 150, 200, 5
HERE = pathlib.Path(__file__).resolve().parent


def image():
    import numpy as np

    return np.random.default_rng(1).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)


def keras():
    import numpy as np
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    generator = ImageDataGenerator(rescale=1 / 255, rotation_range=40, width_shift_range=0.2, height_shift_range=0.2, shear_range=0.2, zoom_range=0.2, horizontal_flip=True, fill_mode="nearest")
    x = image().astype(np.float32)
    return lambda: generator.standardize(generator.random_transform(x))


def torchvision(pil=False):
    import torch
    from torchvision.transforms import v2

    torch.set_num_threads(1)
    x = torch.from_numpy(image()).permute(2, 0, 1).contiguous()
    x = v2.functional.to_pil_image(x) if pil else x
    affine = v2.RandomAffine(40, translate=(0.2, 0.2), scale=(0.8, 1.2), shear=0.2, interpolation=v2.InterpolationMode.BILINEAR)
    return v2.Compose([affine, v2.RandomHorizontalFlip(), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]), x


def albumentations():
    import albumentations as a
    import cv2

    cv2.setNumThreads(0)
    affine = a.Affine(rotate=(-40, 40), translate_percent=(-0.2, 0.2), shear=(-0.2, 0.2), scale=(0.8, 1.2), border_mode=cv2.BORDER_REPLICATE, p=1)
    run = a.Compose([affine, a.HorizontalFlip(p=0.5), a.ToFloat(max_value=255)])
    x = image()
    return lambda: run(image=x)["image"]


def measure(peer):
    """The best of some rounds, microseconds a sample: what disturbs a round makes it longer only."""
    if peer.startswith("torchvision"):
        run, x = torchvision(peer.endswith("pil"))
        step = lambda: run(x)
    else:
        step = {"keras": keras, "albumentations": albumentations}[peer]()
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for _ in range(SAMPLES):
            step()
        times.append(1e6 * (time.perf_counter() - begin) / SAMPLES)
    return min(times[1:])


def kiln():
    command = ["cargo", "bench", "--bench", "data", "--", "augment 150x150x3/classic$", "--warm-up-time", "1", "--measurement-time", "3"]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=HERE).stdout
    low, unit = re.search(r"time:\s+\[([0-9.]+) (\S+) ", text).groups()
    return float(low) * {"ns": 1e-3, "µs": 1.0, "ms": 1e3}[unit]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--python-keras", default="/tmp/peers/keras/bin/python")
    parser.add_argument("--python-torch", default="/tmp/peers/torch/bin/python")
    args = parser.parse_args()
    pythons = {"keras": args.python_keras, "torchvision": args.python_torch, "torchvision-pil": args.python_torch, "albumentations": args.python_torch}
    figures = {"kiln": []} | {peer: [] for peer in pythons}
    for round_ in range(args.rounds):
        figures["kiln"].append(kiln())
        for peer, python in pythons.items():
            answer = subprocess.run([python, __file__, peer], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            if answer.returncode == 0:
                figures[peer].append(float(answer.stdout.split()[-1]))
            elif round_ == 0:
                print(f"{peer} is left out: {python} cannot run it", file=sys.stderr)
        print(f"round {round_ + 1} of {args.rounds}", file=sys.stderr)
    print("| | µs a sample | Kiln is faster by |\n|---|---|---|")
    for program, times in figures.items():
        if times:
            ratio = statistics.median(theirs / ours for ours, theirs in zip(figures["kiln"], times))
            print(f"| {program} | {statistics.median(times):.0f} | {'' if program == 'kiln' else f'{ratio:.1f} x'} |")


if __name__ == "__main__":
    if len(sys.argv) == 2 and not sys.argv[1].startswith("-"):
        print(measure(sys.argv[1]))
    else:
        main()
