"""Draw the embedded data set, faces in the shape of FER2013 with planted issues: python -m tools.draw_faces

It writes data/embedded.npz, which `ferlib.data.load_faces` reads, and the planted issues into data/embedded_truth.csv.
"""

from itertools import cycle
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from ferlib.config import EMBEDDED_FILE, EMOTIONS, IMAGE_SIZE, SPLITS
from tools.anatomy import MUSCLES
from tools.portrait import draw_person, paint_face

CLASS_COUNTS = (3995, 436, 4097, 7215, 4830, 3171, 4965)
"""FER2013's Training rows of each emotion: the imbalance that every split of the drawn faces follows."""

SPLIT_SHARES = (0.8, 0.1, 0.1)

ISSUE_SHARES = {
    ("duplicate", "Training"): 0.03,
    ("duplicate", "PublicTest"): 0.01,  # a tenth of the split; of FER2013's test faces, 8.1 % leak from Training
    ("duplicate", "PrivateTest"): 0.01,
    ("near_duplicate", "Training"): 0.014,
    ("near_duplicate", "PublicTest"): 0.003,
    ("near_duplicate", "PrivateTest"): 0.003,
    ("blank", "Training"): 0.005,
    ("no_face", "Training"): 0.005,
    ("wrong_label", "Training"): 0.024,
    ("wrong_label", "PublicTest"): 0.003,
    ("wrong_label", "PrivateTest"): 0.003,
}
"""How many of all rows have which issue in which split."""


class DrawnFaces(NamedTuple):
    """What `draw_faces` returns."""

    images: np.ndarray
    labels: np.ndarray
    split: np.ndarray
    truth: pd.DataFrame


def _cover(image, rng):
    """Something in front of one side of the face: a hand, hair, a microphone."""
    side, up, wide, high, angle, tone = rng.random(6).tolist()
    centre = (int(4 + 12 * side) if side < 0.5 else int(32 + 12 * side), int(14 + 32 * up))
    axes = (int(4 + 7 * wide), int(7 + 9 * high))
    return cv2.ellipse(image, centre, axes, 180 * angle, 0, 360, 20 + 190 * tone, -1, cv2.LINE_AA)


def _watermark(image, rng):
    text = ("sample", "photo", "(c) stock", "preview")[rng.integers(4)]
    place = (int(rng.integers(-4, 12)), int(rng.integers(14, 46)))
    marked = cv2.putText(image.copy(), text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.36, 245, 1, cv2.LINE_AA)
    return cv2.addWeighted(image, 0.4, marked, 0.6, 0)


def _blur(image, rng):
    return cv2.GaussianBlur(image, (0, 0), 0.4 + 0.7 * rng.random())


def _shrink(image, rng):
    small = cv2.resize(image, (24, 24), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (IMAGE_SIZE, IMAGE_SIZE), interpolation=cv2.INTER_LINEAR)


def _expose(image, rng):
    gain, lift, grain = 0.75 + 0.35 * rng.random(), rng.integers(-12, 28), rng.integers(1, 7)
    noise = rng.integers(-grain, grain, image.shape, endpoint=True)
    return np.clip(np.rint(image * gain) + lift + noise, 0, 255).astype(np.uint8)


NUISANCES = ((0.2, _cover), (0.12, _watermark), (0.3, _blur), (0.08, _shrink), (1.0, _expose))
"""What happens to how many pictures on their way into a data set, in this order."""

RETOUCHES = (
    lambda image, rng: np.clip(image * 0.9 + 14, 0, 255),  # re-brightened
    lambda image, rng: np.roll(image, (1, -1)[rng.integers(2)], axis=rng.integers(2)),  # shifted by a pixel
    lambda image, rng: image[:, ::-1],  # mirrored
    lambda image, rng: np.clip(image + rng.integers(-3, 4, image.shape), 0, 255),  # re-encoded
    lambda image, rng: cv2.resize(image[1:-1, 1:-1], image.shape),  # cropped closer
)
"""What makes a near duplicate of a picture."""


def _draw_in_the_wild(label, rng):
    """A face like FER2013's: somebody shows an emotion more or less clearly, in a picture more or less good."""
    person, intensity = draw_person(rng), 0.34 + 0.66 * rng.random()
    intensities = intensity * (0.6 + 0.6 * rng.random(7))
    rest = rng.random(len(MUSCLES)) / 2 - 0.25
    # zoom: FER2013's crops cut off hair and neck
    image = paint_face(
        person, EMOTIONS[label], size=IMAGE_SIZE, intensities=intensities.tolist(), rest=rest.tolist(), zoom=1.22
    )
    for share, change in NUISANCES:
        if rng.random() < share:
            image = change(image, rng)
    return image


def _draw_blank(tone, rng):
    """A tile of one tone, or nearly."""
    blank = np.full((IMAGE_SIZE, IMAGE_SIZE), tone, np.uint8)
    blank[rng.integers(IMAGE_SIZE), rng.integers(IMAGE_SIZE)] ^= rng.integers(2, dtype=np.uint8)
    return blank


def _draw_sign(rng):
    """What a web site shows in place of a picture that is gone: lines of text, or a sign."""
    light, dark = int(rng.integers(200, 256)), int(rng.integers(60))
    sign = np.full((IMAGE_SIZE, IMAGE_SIZE), light, np.uint8)
    if rng.random() < 0.5:
        for top in range(int(rng.integers(6, 14)), IMAGE_SIZE, int(rng.integers(12, 18))):
            words = ("image not", "available", "removed", "error 404")[rng.integers(4)]
            place = (int(rng.integers(-6, 8)), top)
            cv2.putText(sign, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.24, dark, 1)
        return sign
    x, y, size = rng.integers([14, 14, 8], [34, 34, 18]).tolist()
    corners = np.array([[x, y - size], [x - size, y + size // 2], [x + size, y + size // 2]])
    cv2.polylines(sign, [corners], True, dark, 2, cv2.LINE_AA)
    cv2.line(sign, (x, y - size // 3), (x, y + size // 4), dark, 2, cv2.LINE_AA)
    return 255 - sign if rng.random() < 0.5 else sign


def _class_sizes(n):
    """Rows of each emotion among n: FER2013's proportions, but at least two."""
    sizes = np.maximum(2, np.rint(np.array(CLASS_COUNTS) / sum(CLASS_COUNTS) * n).astype(int))
    sizes[np.argmax(sizes)] += n - sizes.sum()
    return sizes


def _plan_issues(labels, split, rng):
    """Truth table of the issues to plant; no row has two."""
    training = [np.flatnonzero((labels == label) & (split == "Training")) for label in range(len(EMOTIONS))]
    # the first half of every class's Training rows stays clean: the duplicates copy these
    originals = [rows[: (len(rows) + 1) // 2] for rows in training]
    free = np.setdiff1d(np.arange(len(labels)), np.concatenate(originals))
    free = {part: iter(rng.permutation(free[split[free] == part]).tolist()) for part in SPLITS}
    plan = [
        (next(free[split]), issue)
        for (issue, split), share in ISSUE_SHARES.items()
        for _ in range(round(share * len(labels)))
    ]
    truth = pd.DataFrame(plan, columns=["row", "issue"])
    truth["original"], truth["true_label"] = -1, labels[truth.row]
    for label, rows in enumerate(originals):
        copies = truth.issue.isin(["duplicate", "near_duplicate"]) & (truth.true_label == label)
        truth.loc[copies, "original"] = np.resize(rng.permutation(rows), copies.sum())
    wrong = truth.issue == "wrong_label"
    truth.loc[wrong, "true_label"] += rng.integers(1, len(EMOTIONS), wrong.sum())
    truth["true_label"] %= len(EMOTIONS)
    truth.loc[truth.issue.isin(["blank", "no_face"]), "true_label"] = -1
    return truth.sort_values("row", ignore_index=True)


def draw_faces(n, *, seed):
    """Draw a data set in the shape of FER2013, with issues planted at known rows.

    Splits are 80/10/10 % of the rows, emotions have FER2013's proportions in each. Of all rows, 5 % are exact
    duplicates of another (2 % in a test split, of a Training row: a leak), 2 % near duplicates (brightened, shifted
    by a pixel, mirrored, noisy or cropped closer), 0.5 % each blank and no face, and 3 % wrongly labelled; see
    `ISSUE_SHARES`.

    Parameters
    ----------
    n : int
        Number of rows, planted ones included; at least 300.
    seed : int
        The same seed draws the same faces on every platform.

    Returns
    -------
    DrawnFaces
        `images` (n, 48, 48) uint8, `labels` (n,) int64, `split` (n,) str, in FER2013's order of splits; and `truth`,
        a table with one line a planted issue: `row`, `issue` ("duplicate", "near_duplicate", "blank", "no_face"
        or "wrong_label"), `original` (the Training row that it copies, or -1) and `true_label` (the
        emotion that is drawn; -1 where no face is).

    Raises
    ------
    ValueError
        If n is too small for two faces of every emotion in every split.

    Examples
    --------
    >>> faces = draw_faces(300, seed=0)
    >>> faces.images.shape
    (300, 48, 48)
    >>> faces.truth.issue.value_counts()["wrong_label"]
    np.int64(9)
    """
    if n < 300:
        raise ValueError(f"draw_faces: n is {n}, needs at least 300 to show every emotion in every split")
    rng = np.random.default_rng(seed)
    held_out = [round(n * share) for share in SPLIT_SHARES[1:]]
    split_sizes = [n - sum(held_out), *held_out]
    classes = np.arange(len(EMOTIONS), dtype=np.int64)
    labels = np.concatenate([rng.permutation(np.repeat(classes, _class_sizes(size))) for size in split_sizes])
    split = np.repeat(np.array(SPLITS), split_sizes)
    truth = _plan_issues(labels, split, rng)

    images = np.empty((n, IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    drawn = labels.copy()
    drawn[truth.row] = truth.true_label
    tones = cycle(rng.permutation(256).tolist())  # all different, so that blanks are no duplicates
    copies, issues = truth[truth.original >= 0], dict(zip(truth.row, truth.issue, strict=True))
    for row in np.setdiff1d(np.arange(n), copies.row).tolist():
        label = int(drawn[row])
        if label >= 0:
            images[row] = _draw_in_the_wild(label, rng)
        else:
            images[row] = _draw_sign(rng) if issues[row] == "no_face" else _draw_blank(next(tones), rng)
    for row, issue, original in copies[["row", "issue", "original"]].itertuples(index=False):
        near = issue == "near_duplicate"
        images[row] = RETOUCHES[rng.integers(len(RETOUCHES))](images[original], rng) if near else images[original]
    return DrawnFaces(images, labels, split, truth)


def write_embedded(path=EMBEDDED_FILE):
    """Write the data set that `load_faces("embedded")` reads, and the truth beside it."""
    faces = draw_faces(2800, seed=2013)
    split = np.array([SPLITS.index(name) for name in faces.split], dtype=np.uint8)
    np.savez_compressed(path, images=faces.images, labels=faces.labels.astype(np.uint8), split=split)
    faces.truth.to_csv(path.with_name(f"{path.stem}_truth.csv"), index=False)


if __name__ == "__main__":
    write_embedded()
