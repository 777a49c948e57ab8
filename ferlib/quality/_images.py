"""Issues of single pictures: scores, the rules that judge them, and the table of issues."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ferlib.config import EMOTIONS, IMAGE_SIZE


@dataclass(frozen=True)
class Rule:
    """The threshold beyond which a score is an issue."""

    score: str  # a column of `measure_images`
    threshold: float
    above: bool  # whether high scores are the issue, or low ones
    reason: str


IMAGE_RULES = {
    "blank": Rule("contrast", 3, False, "one shade of grey"),
    "unlike a face": Rule("template_similarity", 0.7, False, "edges unlike those of the mean face"),
    "blurred": Rule("sharpness", 0.4, False, "no fine detail"),
    "dark": Rule("brightness", 30, False, "nearly black"),
    "bright": Rule("brightness", 215, True, "nearly white"),
    "faint": Rule("contrast", 20, False, "hardly any contrast"),
    "text": Rule("text_score", 15, True, "a band of thin strokes: a caption or watermark"),
    "drawing": Rule("grey_levels", 3.5, False, "few grey levels: a drawing, or a sign"),
}
"""Issues of single pictures. Each threshold is a choice; notebook 01 shows how many faces another one would find."""


def measure_images(faces):
    """One score a column for every issue that a single picture can have.

    Returns
    -------
    pandas.DataFrame
        N rows: brightness (mean, 0..255), contrast (standard deviation of the grey values), sharpness (standard
        deviation of the Laplacian over contrast), grey_levels (entropy of 64 grey levels from darkest to lightest,
        0..6 bits), text_score (how much more thin light strokes the busiest 7 lines have than the median line, in grey
        values), template_similarity (cosine of the face's HOG features and the mean of all, 0..1).
    """
    import cv2

    pixels = np.ascontiguousarray(faces.images).reshape(len(faces), -1)
    scores = pd.DataFrame({"brightness": pixels.mean(1, dtype=np.float32), "contrast": pixels.std(1, dtype=np.float32)})
    stroke = cv2.getStructuringElement(cv2.MORPH_RECT, (5, 1))
    detail, text_score, entropy = (np.empty(len(faces), np.float32) for _ in range(3))
    for row, image in enumerate(faces.images):
        detail[row] = cv2.Laplacian(image, cv2.CV_32F).std()
        # an opening removes what is thinner than the stroke; 60: a caption counts no more than a watermark
        thin = cv2.min(cv2.morphologyEx(image, cv2.MORPH_TOPHAT, stroke), 60).mean(1, dtype=np.float32)
        text_score[row] = cv2.blur(thin[:, None], (1, 7)).max() - np.median(thin)
        stretched = cv2.normalize(image, None, 0, 63, cv2.NORM_MINMAX)  # a dark photo has many grey levels too
        shares = np.bincount(stretched.ravel(), minlength=64) / image.size
        entropy[row] = -(shares * np.log2(shares, where=shares > 0, out=np.zeros(64))).sum()
    features = hog_features(faces.images)
    template = features.mean(0)
    norms = np.linalg.norm(features, axis=1) * np.linalg.norm(template)
    return scores.assign(
        sharpness=detail / np.maximum(scores["contrast"], 1),
        grey_levels=entropy,
        text_score=text_score,
        template_similarity=features @ template / np.maximum(norms, 1e-6),
    )


def find_poor_images(faces, scores=None, *, rules=IMAGE_RULES):
    """Pictures with a score, from `measure_images`, beyond its threshold.

    Returns
    -------
    pandas.DataFrame
        Of issues (keys of `rules`), worst first, issue by issue. A blank picture has no other issue.
    """
    scores = measure_images(faces) if scores is None else scores
    tables, blank = [], np.zeros(len(faces), dtype=bool)
    for issue, rule in rules.items():
        score = scores[rule.score].to_numpy()
        beyond = score > rule.threshold if rule.above else score < rule.threshold
        rows = np.flatnonzero(beyond & ~blank)
        rows = rows[np.argsort(-score[rows] if rule.above else score[rows], kind="stable")]
        tables.append(issue_table(faces, rows, issue=issue, reason=rule.reason, score=score[rows]))
        blank |= beyond & (issue == "blank")
    return pd.concat(tables, ignore_index=True)


def hog_features(images):
    """Histograms of oriented gradients (Dalal and Triggs 2005) for a linear model: (N, 900) float32."""
    import cv2

    hog = cv2.HOGDescriptor((IMAGE_SIZE, IMAGE_SIZE), (16, 16), (8, 8), (8, 8), 9)
    return np.stack([hog.compute(np.ascontiguousarray(image)).ravel() for image in images])


def issue_table(faces, rows, *, issue, reason, score):
    """What every table of issues begins with: row, label, split, issue, reason, score (a number)."""
    rows = np.asarray(rows, dtype=np.int64)
    columns = {"row": rows, "label": np.array(EMOTIONS)[faces.labels[rows]], "split": faces.split[rows]}
    return pd.DataFrame(columns).assign(issue=issue, reason=reason, score=np.asarray(score))
