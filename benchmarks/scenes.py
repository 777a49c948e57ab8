"""Photos with known faces in them, made from what may be used: scikit-image's pictures, and FER2013 on this machine."""

import importlib.util
import subprocess
import sys

import cv2
import numpy as np

from ferlib.config import BUILD_DIR
from ferlib.inference import sample_photo

HEAD = (225, 120, 150)  # middle and half height of the head in the astronaut's photo
FACE = 0.75  # width of the face, as FER2013 frames it, in half heights of the head


def install(name, packages):
    """Install packages, without what they need, into a folder of their own unless it is there; gives the folder."""
    folder = BUILD_DIR / name
    if not folder.exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), *packages]
        subprocess.run(command, check=True)
    return folder


def backgrounds():
    """Pictures without a face, (H, W, 3) uint8: scikit-image's, which is installed into build/ on first use."""
    if not importlib.util.find_spec("skimage"):
        sys.path.append(str(install("scikit-image", ["scikit-image==0.26.0", "imageio", "tifffile", "networkx"])))
    from skimage import data

    names = "brick chelsea clock coffee colorwheel grass gravel immunohistochemistry moon page text".split()
    pictures = [getattr(data, name)() for name in names]
    return [np.ascontiguousarray(np.stack([p] * 3, -1) if p.ndim == 2 else p[..., :3]) for p in pictures]


def paste(scene, picture, mask, *, middle, scale, roll, light=1.0):
    """Lay a picture over a scene, in place: its middle at a point, scaled, rolled by degrees, in another light."""
    size = np.array(picture.shape[1::-1])
    matrix = cv2.getRotationMatrix2D((size / 2).tolist(), roll, scale)
    matrix[:, 2] += np.array(middle) - size / 2
    shape = scene.shape[1::-1]
    if scale < 1:  # so that a small face is not jagged
        picture = cv2.GaussianBlur(picture, (0, 0), 0.4 / scale)
    laid = cv2.warpAffine(picture, matrix, shape, flags=cv2.INTER_CUBIC).astype(np.float32) * light
    share = cv2.warpAffine(mask, matrix, shape)[..., None]
    scene[:] = (scene * (1 - share) + laid.clip(0, 255) * share).astype(np.uint8)


def feathered(height, width, *, margin):
    """An ellipse of ones whose rim falls to zero over a margin, in pixels."""
    y, x = np.mgrid[:height, :width]
    radius = np.hypot((x - width / 2 + 0.5) / (width / 2), (y - height / 2 + 0.5) / (height / 2))
    return np.clip((1 - radius) * min(height, width) / 2 / margin, 0, 1).astype(np.float32)


def _tiles(side):
    """The middle of every background that is large enough."""
    large = [picture for picture in backgrounds() if min(picture.shape[:2]) >= side]
    return [picture[(len(picture) - side) // 2 :, (picture.shape[1] - side) // 2 :][:side, :side] for picture in large]


def collage(size, *, seed):
    """A picture (width, height) without a face and as finely grained as a photo: many pictures side by side."""
    order = np.random.default_rng(seed).permutation(np.stack(_tiles(300)))
    wide = -(-size[0] // 300)
    rows = [np.hstack([order[(row * wide + i) % len(order)] for i in range(wide)]) for row in range(-(-size[1] // 300))]
    return np.ascontiguousarray(np.vstack(rows)[: size[1], : size[0]])


def group_photo(size, faces, *, seed):
    """A photo (width, height) with the astronaut's head so many times, and the boxes (N, 4) of the faces."""
    x, y, half = HEAD
    padded = cv2.copyMakeBorder(sample_photo(), half, half, half, half, cv2.BORDER_REPLICATE)
    head = np.ascontiguousarray(padded[y : y + 2 * half, x + half // 5 : x + 2 * half - half // 5])
    mask = feathered(*head.shape[:2], margin=12)
    rng, scene = np.random.default_rng(seed), collage(size, seed=seed)
    columns = int(np.ceil(np.sqrt(faces * size[0] / size[1])))
    rows = -(-faces // columns)
    cell = np.array([size[0] / columns, size[1] / rows])
    boxes = []
    for number in range(faces):
        scale = rng.uniform(0.45, 0.9) * cell.min() / (2 * half)
        middle = (np.array([number % columns, number // columns]) + 0.5) * cell
        picture = head[:, ::-1] if rng.random() < 0.5 else head
        paste(scene, picture, mask, middle=middle, scale=scale, roll=rng.uniform(-20, 20), light=rng.uniform(0.4, 1.1))
        side = FACE * half * scale
        boxes.append([*(middle - side / 2), side, side])
    return scene, np.array(boxes)


def match(found, boxes):
    """How many of the true boxes were found, and how many of the found ones are no face."""
    middles = np.array([[x + w / 2, y + h / 2] for x, y, w, h in found]).reshape(-1, 2)
    near = np.abs(middles[:, None] - (boxes[:, :2] + boxes[:, 2:] / 2)).max(2) < boxes[:, 2] * 0.5
    widths = np.array([box[2] for box in found]).reshape(-1, 1) / boxes[:, 2]
    hits = near & (widths > 0.5) & (widths < 2)
    return int(hits.any(0).sum()), int((~hits.any(1)).sum())
