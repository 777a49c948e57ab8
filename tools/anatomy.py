"""What a drawn face is made of: action units, traits, hair, shadows and wrinkles, as tables.

Lengths are halves of a head's width, from a point between the eyes and the tip of the nose, down and to the right.
Tones are 0 (black) to 255.
"""

EMOTION_UNITS = {
    "angry": {4: 1.0, 5: 0.6, 7: 1.0, 23: 1.0},
    "disgust": {9: 1.0, 15: 0.55, 16: 0.7},
    "fear": {1: 1.0, 2: 0.8, 4: 0.8, 5: 1.0, 7: 0.4, 20: 1.0, 26: 0.6},
    "happy": {6: 1.0, 12: 1.0},
    "sad": {1: 1.0, 4: 0.7, 15: 1.0},
    "surprise": {1: 1.0, 2: 1.0, 5: 0.7, 26: 1.0},
    "neutral": {},
}
"""Action units that show each emotion, and how strongly at most (EMFACS, Friesen & Ekman 1983)."""

ACTION_UNITS = {
    1: {"brow_in": 1.3, "forehead": 0.5},
    2: {"brow_out": 1.0, "brow_in": 0.3, "forehead": 0.5},
    4: {"brow_in": -0.9, "brow_out": -0.5, "frown": 1.0},
    5: {"lid": 1.0},
    6: {"cheek": 1.0, "squint": 0.6, "lid": -0.2},
    7: {"squint": 0.8, "lid": -0.2},
    9: {"nose": 1.0, "brow_in": -0.7, "frown": 0.6, "squint": 0.7, "lid": -0.5, "upper_lip": 0.9, "fold": 1.0},
    12: {"corner": 1.0, "width": 0.7, "upper_lip": 0.5, "lower_lip": 0.9, "fold": 0.9},
    15: {"corner": -0.75, "fold": 0.4},
    16: {"lower_lip": 0.9},
    20: {"width": 1.0, "corner": -0.6, "lower_lip": 0.7},
    23: {"press": 1.0, "width": -0.4},
    26: {"jaw": 1.0, "width": -1.1},
}
"""How far (1 = fully) each action unit moves which part of the face."""

MUSCLES = tuple(sorted({part for moves in ACTION_UNITS.values() for part in moves}))

TRAITS = {
    "skin": (88, 198), "iris": (35, 105), "hair": (14, 105), "shirt": (30, 230), "backdrop": (40, 225),
    "head_width": (0.92, 1.06), "jaw_width": (0.62, 0.84), "chin_width": (0.2, 0.4), "chin": (1.2, 1.38),
    "eye_gap": (0.4, 0.46), "eye_width": (0.2, 0.24), "eye_open": (0.9, 1.15), "eye_tilt": (-0.025, 0.04),
    "brow_y": (-0.47, -0.41), "brow_size": (0.7, 1.35), "nose_width": (0.8, 1.2), "age": (0.5, 1.2),
    "mouth_width": (0.31, 0.38), "mouth_y": (0.7, 0.76), "lips": (0.75, 1.35), "lip_tone": (0.62, 0.86),
    "light_x": (-0.2, 0.2), "light_y": (-0.12, 0.05), "gaze": (-0.03, 0.03), "scale": (0.93, 1.05),
    "roll": (-0.1, 0.1), "yaw": (-0.11, 0.11), "shift_x": (-0.02, 0.02), "shift_y": (-0.02, 0.02),
    "glasses_tone": (20, 80), "glasses_square": (0.6, 1.0),
}  # fmt: skip
"""In what one person's picture differs from another's: drawn evenly between two bounds."""

HAIR = {
    # style: (share, hairline from temple to temple, height above the skull, where it ends behind, size of its curls)
    "bald": (0.07, None, 0, None, 0),
    "short": (0.24, [(-0.97, -0.15), (-0.88, -0.7), (-0.6, -0.92), (0.1, -1.04), (0.62, -0.96), (0.88, -0.66),
                     (0.97, -0.15)], 0.13, None, 0),
    "parted": (0.2, [(-0.97, -0.05), (-0.86, -0.6), (-0.5, -1.1), (0.25, -0.82), (0.8, -0.62), (0.98, -0.1)],
               0.16, None, 0),
    "fringe": (0.12, [(-0.98, 0.0), (-0.85, -0.55), (-0.4, -0.62), (0.3, -0.66), (0.85, -0.5), (0.98, 0.0)],
               0.17, 0.8, 0),
    "long": (0.2, [(-1.02, 0.3), (-0.84, -0.5), (-0.25, -1.08), (0.2, -1.08), (0.84, -0.5), (1.02, 0.3)],
             0.15, 1.9, 0),
    "curly": (0.1, [(-1.0, -0.1), (-0.82, -0.7), (-0.3, -0.9), (0.3, -0.9), (0.82, -0.7), (1.0, -0.1)],
              0.3, None, 0.2),
    "scarf": (0.07, [(-0.9, 0.5), (-0.86, -0.5), (-0.4, -0.92), (0.4, -0.92), (0.86, -0.5), (0.9, 0.5)],
              0.16, 1.9, 0),
}  # fmt: skip

SHADES = (
    # part whose movement drives it, x, y, width, height, change of light; x > 0: on both sides of the face
    ("always", 0.43, -0.17, 0.46, 0.34, -0.2), ("always", 0.5, 0.26, 0.42, 0.36, 0.12),
    ("always", 0, 0.05, 0.15, 0.6, 0.12), ("always", 0.2, 0.08, 0.13, 0.5, -0.1),
    ("always", 0, 0.35, 0.17, 0.17, 0.14), ("always", 0, 0.55, 0.28, 0.12, -0.14),
    ("always", 0, 1.02, 0.36, 0.13, -0.14), ("always", 0, 1.2, 0.36, 0.24, 0.08),
    ("always", 0, -0.8, 0.9, 0.6, 0.1), ("always", 0.92, 0.3, 0.3, 1.2, -0.2),
    ("always", 0, 1.6, 0.75, 0.4, -0.35), ("always", 0.9, -0.7, 0.3, 0.7, -0.15),
    ("cheek", 0.5, 0.2, 0.34, 0.22, 0.14), ("cheek", 0.46, 0.02, 0.34, 0.1, -0.16),
    ("frown", 0, -0.42, 0.2, 0.26, -0.2), ("nose", 0, -0.06, 0.26, 0.2, -0.2),
    ("corner", 0.5, 0.62, 0.16, 0.2, -0.1), ("jaw", 0.62, 0.72, 0.2, 0.5, -0.14),
)  # fmt: skip
"""Soft light and shadow on the skin."""

WRINKLES = (
    # part whose movement drives it, darkness, width, line on the right half of the face (mirrored to the left)
    ("frown", 0.5, 0.035, [(0.08, -0.54), (0.06, -0.42), (0.08, -0.3)]),
    ("forehead", 0.22, 0.035, [(0.0, -0.66), (0.25, -0.69), (0.5, -0.64)]),
    ("forehead", 0.2, 0.035, [(0.0, -0.79), (0.25, -0.82), (0.45, -0.78)]),
    ("nose", 0.45, 0.03, [(0.0, -0.12), (0.08, -0.13), (0.15, -0.2)]),
    ("nose", 0.45, 0.03, [(0.0, -0.02), (0.1, -0.03), (0.17, -0.1)]),
    ("nose", 0.35, 0.03, [(0.13, 0.22), (0.19, 0.12), (0.24, 0.04)]),
    ("cheek", 0.3, 0.025, [(0.72, -0.12), (0.8, -0.17), (0.86, -0.2)]),
    ("cheek", 0.3, 0.025, [(0.72, -0.06), (0.8, -0.05), (0.87, -0.06)]),
    ("cheek", 0.3, 0.025, [(0.7, 0.0), (0.77, 0.05), (0.83, 0.08)]),
    ("squint", 0.3, 0.03, [(0.24, 0.02), (0.42, 0.07), (0.6, 0.02)]),
    ("fold", 0.42, 0.04, [(0.22, 0.32), (0.36, 0.45), (0.48, 0.68)]),
    ("always", 0.1, 0.04, [(0.22, 0.36), (0.32, 0.45), (0.4, 0.58)]),
    ("always", 0.3, 0.03, [(0.2, 0.31), (0.23, 0.4), (0.14, 0.43)]),
    ("always", 0.25, 0.03, [(0.0, 0.48), (0.05, 0.47), (0.1, 0.45)]),
    ("always", 0.12, 0.03, [(0.16, -0.25), (0.1, -0.1), (0.11, 0.1)]),
)
"""Lines in the skin; those always there draw the nose and hint at the cheeks."""
