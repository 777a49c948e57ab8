"""Paint one expressive face from facial action units; `draw_faces` makes a data set of them."""

from functools import lru_cache
from types import SimpleNamespace

import cv2
import numpy as np

from ferlib.config import EMOTIONS, IMAGE_SIZE
from tools.anatomy import ACTION_UNITS, EMOTION_UNITS, HAIR, MUSCLES, SHADES, TRAITS, WRINKLES

SIDES = np.array([[[1, 1]], [[-1, 1]]])  # times points of the right half of the face: both halves
ROUND = np.stack([np.cos(np.arange(20) * np.pi / 10), np.sin(np.arange(20) * np.pi / 10)], axis=1)
ACROSS = np.linspace(-1, 1, 17)  # from one corner of an eye or of the mouth to the other
ARCH, FULL_ARCH = (1 - ACROSS**2) ** 0.8, (1 - ACROSS**2) ** 0.5
CUPIDS_BOW = ARCH * (1 - 0.35 * np.maximum(0, 1 - (ACROSS / 0.25) ** 2))


@lru_cache
def _spline(n, closed, steps=4):
    """Matrix that turns n control points into a smooth curve through them (Catmull & Rom 1974)."""
    t = np.arange(steps) / steps
    weights = np.array([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2]) / 2
    matrix = np.zeros((n, steps, n))
    for segment in range(n):
        for k in range(4):
            point = segment + k - 1
            matrix[segment, :, point % n if closed else np.clip(point, 0, n - 1)] += weights[k]
    curve = matrix.reshape(n * steps, n)
    return curve if closed else curve[: (n - 1) * steps + 1]


def _smooth(points, closed=False):
    return _spline(len(points), closed) @ np.asarray(points, dtype=float)


def _blob(half):
    """Smooth symmetric outline from the control points of its right half, top to bottom."""
    return _smooth(np.concatenate([half, (np.asarray(half) * (-1, 1))[::-1]]), closed=True)


WRINKLE_LINES = np.concatenate([_smooth(line) * SIDES for *_, line in WRINKLES])


class _Pen:
    """Draws with the lengths of `anatomy` on two layers: `ink` holds tones, `soft` darkens them after a blur.

    Both are four times as large as the picture: the mean of 4x4 pixels smooths the edges.
    """

    def __init__(self, face, size, zoom):
        self.size, self.unit = size, 4 * size * 0.335 * face.scale * zoom
        sin, cos = face.roll, (1 - face.roll**2) ** 0.5
        self.turn = self.unit * np.array([[cos, sin], [-sin, cos]])
        self.centre = 4 * size * np.array([0.5 + face.shift_x, 0.51 + face.shift_y])
        self.yaw = face.yaw
        self.layers = {"ink": np.full((4 * size, 4 * size), face.backdrop, np.uint8)}
        self.layers["soft"] = np.full_like(self.layers["ink"], 255)

    def place(self, points):
        """Points (..., 2) in pixels of the layers."""
        points = np.array(points, dtype=float)
        # turning the head moves the middle of the face more than its rim
        points[..., 0] += self.yaw * np.maximum(0, 1 - points[..., 0] ** 2)
        return points @ self.turn + self.centre

    def _lines(self, points):
        """Points (n, 2) or (lines, n, 2) as OpenCV takes them: a list of lines in sixteenths of a pixel."""
        placed = np.rint(self.place(points) * 16).astype(np.int32)
        return list(placed) if placed.ndim == 3 else [placed]

    def fill(self, points, tone, layer="ink"):
        """Fill one or more outlines, with one tone or a tone for each."""
        lines = self._lines(points)
        for group, shade in [(lines, tone)] if np.isscalar(tone) else zip([[x] for x in lines], tone, strict=True):
            cv2.fillPoly(self.layers[layer], group, shade, shift=4)

    def stroke(self, points, tone, width, layer="ink", closed=False):
        thickness = max(1, round(width * self.unit))
        cv2.polylines(self.layers[layer], self._lines(points), closed, tone, thickness, shift=4)

    def wrinkle(self, points, darkness, widths):
        """Darken many lines of the skin, each by its own darkness 0..1."""
        for line, dark, width in zip(self._lines(points), darkness, widths, strict=True):
            cv2.polylines(
                self.layers["soft"], [line], False, 255 * (1 - dark), max(1, round(width * self.unit)), shift=4
            )

    def picture(self, shade):
        """The layers at the picture's size, times the light (size, size)."""
        ink, soft = (cv2.resize(x, (self.size, self.size), interpolation=cv2.INTER_AREA) for x in self.layers.values())
        soft = cv2.GaussianBlur(soft, (0, 0), self.size / 110)
        return np.rint(np.clip(ink * (soft / 255) * shade, 0, 255)).astype(np.uint8)


def _draw_head(pen, face):
    width, chin, open_jaw = face.head_width, face.chin + 0.16 * face.jaw, 0.1 * face.jaw
    _, _, standoff, end, _ = HAIR[face.style]
    if end:
        back = width + 0.1 + standoff / 2
        pen.fill(_blob([(0.6, -1.3 - standoff), (back, -0.7), (back, 0.3), (1.1 * width, end)]), face.hair * 0.75)
    pen.fill(_blob([(0.5, 0.6), (0.52, 1.3), (0.8, 2.5)]), face.skin * 0.86)
    pen.fill(_blob([(0, 1.8), (0.56, 1.36), (1.1, 1.5), (2.2, 1.85), (2.5, 3)]), face.shirt)
    pen.fill(((width + 0.02, 0) + ROUND * (0.13, 0.24)) * SIDES, face.skin * 0.9)
    pen.stroke(((width + 0.03, 0) + ROUND[:14] * (0.06, 0.15)) * SIDES, 190, 0.03, "soft")
    jaw = [(face.jaw_width + 0.08, 0.75), (face.jaw_width * 0.75, 1.03 + open_jaw), (face.chin_width, chin - 0.03)]
    skull = [(0, -1.43), (0.5, -1.34), (0.88 * width, -0.95), (width, -0.35), (0.97 * width, 0.2)]
    pen.fill(_blob([*skull, *jaw, (0, chin)]), face.skin)
    if face.beard:
        cheek = [
            (0, 0.56),
            (0.15, 0.54),
            (0.4, 0.52),
            (0.64, 0.56),
            (0.85, 0.3),
            (0.95 * width, -0.1),
            (0.96 * width, 0.2),
        ]
        tone = face.skin + (min(face.hair, 0.7 * face.skin) - face.skin) * face.beard
        pen.fill(_blob([*cheek, *jaw, (0, chin)]), tone)


def _draw_mouth(pen, face):
    jaw, upper_lip, lower_lip = max(0, face.jaw), max(0, face.upper_lip), max(0, face.lower_lip)
    x = face.mouth_width * (1 + 0.3 * face.width) * ACROSS
    middle = face.mouth_y - 0.05 * face.nose - 0.17 * face.corner * (ACROSS**2 - 0.4)
    top = middle - 0.075 * upper_lip * ARCH - 0.14 * jaw * FULL_ARCH
    bottom = middle + 0.1 * lower_lip * ARCH + 0.3 * jaw * FULL_ARCH
    lip, tone = 0.085 * face.lips * (1 - 0.65 * face.press), face.skin * face.lip_tone
    bands = (
        (top - lip * CUPIDS_BOW, top, tone * 0.88),
        (bottom, bottom + 1.3 * lip * ARCH, tone),
        (top, bottom, 28),
        (np.maximum(top, bottom - 0.14 * jaw * ARCH), bottom, min(105, 0.6 * face.skin)),  # tongue
        (top, np.minimum(top + (0.12 - 0.05 * jaw) * ARCH, bottom), 228),  # teeth
        (np.maximum(bottom - 0.08 * lower_lip * ARCH, top), bottom, 214),
    )
    outlines = [np.concatenate([above, below[::-1]]) for above, below, _ in bands]
    there_and_back = np.broadcast_to(np.concatenate([x, x[::-1]]), (len(bands), 2 * len(x)))
    pen.fill(np.stack([there_and_back, outlines], axis=-1), [tone for *_, tone in bands])
    pen.stroke(np.stack([x, top], 1), face.skin * 0.3, 0.022)
    pen.fill(((x[-1], middle[-1]) + ROUND * (0.05, 0.035)) * SIDES, 150, "soft")
    pen.stroke(np.stack([x, bottom + 1.35 * lip * ARCH + 0.03], 1)[4:-4], 205, 0.04, "soft")


def _draw_eyes(pen, face):
    x, tilt = face.eye_gap + face.eye_width * ACROSS, -0.13 - face.eye_tilt * ACROSS
    upper = tilt - max(0.02, (0.115 + 0.1 * face.lid) * face.eye_open) * ARCH
    lower = tilt + max(0.015, 0.085 * face.eye_open - 0.05 * face.squint) * ARCH

    def disc(radius, aside=0.0, down=0.0):
        """A circle on both eyeballs, cut by the lids; as both look the same way, the eyes are no mirror images."""
        points = (face.eye_gap, down - 0.14) + SIDES[..., :1] * (face.gaze + aside, 0) + ROUND * radius
        along = points[..., 0]
        y = np.clip(points[..., 1], np.interp(along, x, upper), np.interp(along, x, lower))
        return np.stack([np.clip(along, x[0], x[-1]), y], axis=-1) * SIDES

    lash = np.stack([x, upper], axis=1)
    white = np.concatenate([lash, np.stack([x, lower], axis=1)[::-1]]) * SIDES
    pen.fill(white, 150 + 0.4 * face.skin)
    pen.fill(disc(0.115), face.iris)
    pen.fill(disc(0.055), 12)
    pen.fill(disc(0.028, 0.045, -0.05), 250)
    pen.stroke(white, face.skin * 0.55, 0.016, closed=True)
    pen.stroke(lash * SIDES, min(40, face.skin * 0.3), 0.04)
    crease = np.add(lash[2:-1], (0, 0.025 * face.squint - 0.075))
    pen.stroke(crease * SIDES, 150, 0.025, "soft")


def _draw_brows(pen, face):
    line = _smooth([
        (0.17 - 0.07 * face.frown, face.brow_y + 0.08 - 0.13 * face.brow_in),
        (face.eye_gap + 0.02, face.brow_y - 0.03 - 0.06 * face.brow_in - 0.09 * face.brow_out),
        (face.eye_gap + 0.33, face.brow_y + 0.07 - 0.12 * face.brow_out),
    ])  # fmt: skip
    half = face.brow_size * np.interp(np.arange(len(line)), [0, 1.5, 4, 8], [0.025, 0.05, 0.045, 0.006])
    half = np.stack([np.zeros(len(line)), half], axis=1)
    tone = min(face.brow_tone * 0.8, face.skin * 0.5)
    pen.fill(np.concatenate([line - half, (line + half)[::-1]]) * SIDES, tone)


def _draw_lines(pen, face):
    nostril = (0.09 * face.nose_width, 0.435 - 0.05 * face.nose) + ROUND * (0.045, 0.025)
    pen.fill(nostril * SIDES, 70, "soft")
    darkness = np.repeat([face.age * dark * getattr(face, part) for part, dark, *_ in WRINKLES], 2)
    seen = darkness > 0.04
    widths = np.repeat([width for _, _, width, _ in WRINKLES], 2)
    pen.wrinkle(WRINKLE_LINES[seen], np.minimum(darkness[seen], 0.7).tolist(), widths[seen].tolist())


def _draw_hair(pen, face):
    _, hairline, standoff, _, curls = HAIR[face.style]
    if hairline is None:
        return
    hairline, turn = np.array(hairline) * (face.head_width, 1), (face.parting, 1)
    temple, top = face.head_width * 1.03 + standoff / 2, -1.47 - standoff
    rim = [(-temple, -0.65), (-0.68, top + 0.13), (0, top), (0.68, top + 0.13), (temple, -0.65)]
    outer = _smooth([hairline[0] * (1.03, 1), *rim, hairline[-1] * (1.03, 1)]) * turn
    inner = _smooth(hairline) * turn
    pen.fill(np.concatenate([outer, inner[::-1]]), face.hair)
    if curls:
        pen.fill(outer[::2, None] + ROUND * curls, [face.hair] * len(outer[::2]))
    pen.stroke(np.add(inner[1:-1], (0, 0.04)), 205, 0.05, "soft")
    # strands fan out from the parting to the hairline
    ends = np.arange(2, len(outer) - 2)
    tips = inner[ends * (len(inner) - 1) // (len(outer) - 1)] + (0, -0.03)
    crown = outer[(ends + len(outer) - 1 + 3) // 3]
    strands = _spline(3, False) @ np.stack([crown, 0.6 * outer[ends] + 0.4 * tips, tips], axis=1)
    for tone, width, k in ((0.8, 0.03, 0), (1.12, 0.02, 1), (0.9, 0.02, 2)):
        pen.stroke(strands[k::3], face.hair * tone, width)


def _draw_glasses(pen, face):
    lenses = (face.eye_gap, -0.1) + np.sign(ROUND) * np.abs(ROUND) ** face.glasses_square * (0.32, 0.25)
    pen.fill(lenses * SIDES, 232, "soft")
    pen.stroke(lenses * SIDES, face.glasses_tone, 0.035, closed=True)
    pen.stroke([(0.75, -0.16), (1.0, -0.14)] * SIDES, face.glasses_tone, 0.035)
    pen.stroke(_smooth([(-0.12, -0.14), (0, -0.18), (0.12, -0.14)]), face.glasses_tone, 0.035)


def _light(pen, face):
    spots = np.array([
        (side * x, y, w, h, amount * getattr(face, part))
        for part, x, y, w, h, amount in SHADES
        for side in ((1, -1) if x else (1,))
    ])  # fmt: skip
    grid = np.arange(pen.size) + 0.5
    centres, extents = pen.place(spots[:, :2]).T[..., None] / 4, spots[:, 2:4].T[..., None] * pen.unit / 4
    across, down = np.maximum(0, 1 - ((grid - centres) / extents) ** 2) ** 2
    ramp = 2 * grid / pen.size - 1
    return 1 + (down * spots[:, 4:]).T @ across + face.light_x * ramp + face.light_y * ramp[:, None]


def draw_person(rng):
    """One person's traits, a dict for `paint_face`; `rng` is a numpy Generator."""
    low, high = np.array(list(TRAITS.values())).T
    person = dict(zip(TRAITS, (low + (high - low) * rng.random(len(TRAITS))).tolist(), strict=True))
    style, beard, glasses, parting = rng.random(4).tolist()
    shares = np.cumsum([share for share, *_ in HAIR.values()])
    person["style"] = tuple(HAIR)[np.searchsorted(shares[:-1], style)]
    person["brow_tone"] = min(person["hair"], person["skin"] * 0.6)
    person["hair"] = person["shirt"] if person["style"] == "scarf" else person["brow_tone"]
    bearded = beard < 0.25 and person["style"] in ("bald", "short", "parted", "curly")
    return person | {
        "beard": 0.35 + 2 * beard if bearded else 0,
        "glasses": glasses < 0.2,
        "parting": 1 if parting < 0.5 else -1,
    }


def paint_face(person, emotion, *, size, intensities, rest, zoom=1.0):
    """Picture (size, size) uint8 of a person from `draw_person` who shows an emotion.

    `intensities` are 0..1 for the emotion's action units in turn, `rest` is where each of `MUSCLES` lies without
    them, and `zoom` above 1 frames the face tighter.
    """
    moved = dict(zip(MUSCLES, rest, strict=True))
    units = EMOTION_UNITS[emotion]
    for unit, intensity in zip(units, intensities[: len(units)], strict=True):
        for part, amount in ACTION_UNITS[unit].items():
            moved[part] += units[unit] * intensity * amount
    face = SimpleNamespace(**person, **moved, always=1)
    pen = _Pen(face, size, zoom)
    for draw in (_draw_head, _draw_mouth, _draw_eyes, _draw_brows, _draw_lines, _draw_hair):
        draw(pen, face)
    if face.glasses:
        _draw_glasses(pen, face)
    return pen.picture(_light(pen, face))


def draw_face(emotion, *, size=IMAGE_SIZE, seed):
    """Draw one face that shows an emotion clearly, with nothing in front of it.

    Parameters
    ----------
    emotion : str
        One of `EMOTIONS`.
    size : int
        Height and width of the picture in pixels.
    seed : int
        Chooses the person: with the same seed the same person shows another emotion.

    Returns
    -------
    (size, size) uint8

    Raises
    ------
    ValueError
        If there is no emotion of that name.
    """
    if emotion not in EMOTIONS:
        raise ValueError(f"draw_face: no emotion {emotion!r}, expected one of {', '.join(EMOTIONS)}")
    person = draw_person(np.random.default_rng(seed))
    return paint_face(person, emotion, size=size, intensities=[1.0] * 7, rest=[0.0] * len(MUSCLES))
