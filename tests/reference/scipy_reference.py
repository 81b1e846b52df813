#!/usr/bin/env python3
"""Records what SciPy makes of the geometric augmentations, for tests/suite/augment.rs.

usage: python tests/reference/scipy_reference.py > tests/reference/scipy.json        (SciPy 1.17)

The maps are Keras's (rotation @ shift @ shear @ zoom about the centre, output to input; flips afterwards, by reversing
the array), but for its swapped shifts. SciPy's `grid-wrap` and `grid-constant` are what Kiln's wrap and constant mean.
"""
import json

import numpy as np
import scipy
from scipy.ndimage import affine_transform

HEIGHT, WIDTH = 7, 11
MODES = {"nearest": "nearest", "reflect": "reflect", "wrap": "grid-wrap", "constant": "grid-constant"}
# rotation and shear in degrees, shift and zoom as [rows, columns]
CASES = {
    "rotation": {"rotation": 33},
    "shift": {"shift": [1.4, -3.75]},
    "shear": {"shear": 25},
    "zoom": {"zoom": [0.7, 1.3]},
    "flip": {"horizontal_flip": True, "vertical_flip": True},
    "all": {"rotation": -33, "shift": [1.4, -2.2], "shear": 12, "zoom": [1.2, 0.8], "horizontal_flip": True},
}


def image():
    y, x, channel = np.meshgrid(range(HEIGHT), range(WIDTH), range(3), indexing="ij")
    return ((y * 37 + x * 61 + channel * 101 + (x * y) % 7 * 13) % 256).astype(np.float64)


def warped(options, mode):
    rotation, shear = np.deg2rad(options.get("rotation", 0)), np.deg2rad(options.get("shear", 0))
    rows, columns = options.get("shift", [0, 0])
    zoom = options.get("zoom", [1, 1])
    cos, sin = np.cos(rotation), np.sin(rotation)
    matrix = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    matrix = matrix @ np.array([[1, 0, rows], [0, 1, columns], [0, 0, 1]])
    matrix = matrix @ np.array([[1, -np.sin(shear), 0], [0, np.cos(shear), 0], [0, 0, 1]])
    matrix = matrix @ np.diag([zoom[0], zoom[1], 1])
    centre = np.array([(HEIGHT - 1) / 2, (WIDTH - 1) / 2])
    offset = centre + matrix[:2, 2] - matrix[:2, :2] @ centre
    x = image()
    channels = [affine_transform(x[..., c], matrix[:2, :2], offset, order=1, mode=MODES[mode], cval=90) for c in range(3)]
    x = np.stack(channels, -1)
    x = x[:, ::-1] if options.get("horizontal_flip") else x
    return x[::-1] if options.get("vertical_flip") else x


cases = [
    {"name": name, "options": options, "fill": mode, "levels": warped(options, mode).round(3).ravel().tolist()}
    for name, options in CASES.items()
    for mode in MODES
]
print(json.dumps({"scipy": scipy.__version__, "size": [HEIGHT, WIDTH], "cases": cases}))
