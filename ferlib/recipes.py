"""Settings of training runs, and every run that the project trains."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class TrainConfig:
    """Settings of one training run; written into its run folder.

    Attributes
    ----------
    model : str
        A name in `ferlib.training.MODELS`.
    width : float
        Factor on every layer's number of channels; 1 is the published network.
    epochs, batch_size : int
    optimizer : {"adam", "adamw", "sgd"}
        "sgd" has Nesterov momentum 0.9.
    learning_rate : float
        The highest of the schedule.
    weight_decay : float
        Decoupled, on kernels only: neither on biases nor on batch normalization.
    schedule : {"constant", "cosine", "warmup_cosine", "long_warmup_cosine", "plateau"}
        Cosine decay to zero, without warm-up, after a warm-up of 10 % of the steps, or after one of 30 % (Smith 2018);
        "plateau" divides the rate by 10 whenever PublicTest accuracy has not risen for 5 epochs.
    patience : int
        Early stopping: end after so many epochs without a better PublicTest accuracy; 0 never ends early.
    labels : {"fer2013", "ferplus"}
        What to learn and to choose the epoch on: FER2013's labels, or the shares of FER+'s votes among its emotions,
        see `ferlib.data.ferplus_shares`; faces that nobody saw one of the seven in are then left out.
    balance : {"none", "class_weights", "oversample"}
        Balancing strategy, applied to Training rows only.
    split_protocol : {"official", "leaky"}
        "leaky" is the mistake behind the famous 81 %: it oversamples the whole data set and splits it afterwards.
    augment : {"none", "flip", "full", "strong", "camera"}
        Augmentation of the training images, see `ferlib.training.AUGMENTATIONS`.
    mix : {"none", "mixup", "cutmix"}
        Blending of pairs of training images and their labels.
    loss : {"cross_entropy", "focal"}
        "focal" gives less weight to faces that are predicted well (Lin et al. 2017, arXiv:1708.02002; gamma 2).
    ferplus_weight : float
        Share, in [0, 1], that FER+'s votes have in the soft targets, see `ferlib.data.expected_labels`.
    teacher : str
        "none", or the run in `models/` to distil (Hinton et al. 2015, arXiv:1503.02531); of several, "a+b", the mean.
    distillation : float
        Share, in [0, 1], that the teacher's probabilities have in the soft targets.
    init_from : str
        "none", or a run in `models/` of the same network, whose weights are fine-tuned.
    label_smoothing : float
        In [0, 1).
    ema : float
        Momentum of the exponential moving average of the weights that is scored and kept; 0 keeps the weights.
    seed : int
    """

    model: str = "simple"
    width: float = 1.0
    epochs: int = 50
    batch_size: int = 64
    optimizer: str = "adam"
    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    schedule: str = "constant"
    patience: int = 0
    labels: str = "fer2013"
    balance: str = "none"
    split_protocol: str = "official"
    augment: str = "none"
    mix: str = "none"
    loss: str = "cross_entropy"
    ferplus_weight: float = 0.0
    teacher: str = "none"
    distillation: float = 0.0
    init_from: str = "none"
    label_smoothing: float = 0.0
    ema: float = 0.0
    seed: int = 0

    @property
    def sources(self):
        """Names of the runs whose networks it needs: teachers, and the one to start from; sorted."""
        return sorted({self.init_from, *self.teacher.split("+")} - {"none"})


RECIPES = {
    "simple": TrainConfig("simple", epochs=50, seed=1),  # of seeds 0 and 1, PublicTest chose
    "oversampled": TrainConfig("oversampled", epochs=35, batch_size=32, balance="oversample"),
    "mini_xception": TrainConfig(
        "mini_xception", epochs=100, batch_size=32, learning_rate=1e-3, schedule="plateau", augment="full"
    ),
    "augmented": TrainConfig("augmented", epochs=60, batch_size=128, augment="full"),
    "attention": TrainConfig(
        "attention", epochs=80, batch_size=32, learning_rate=5e-5, patience=20, augment="flip", balance="class_weights"
    ),
}
"""The settings with which each network of the zoo was published, as far as they are known."""

_OWN = dict(
    epochs=60,
    batch_size=128,
    optimizer="sgd",
    learning_rate=0.12,
    weight_decay=0.01,
    schedule="warmup_cosine",
    augment="strong",
    ferplus_weight=0.3,
    ema=0.999,
    teacher="compact_no_distillation",
    distillation=0.7,
)

_FINE_TUNE = dict(
    epochs=12,
    learning_rate=0.02,
    augment="flip",
    ferplus_weight=0.0,
    teacher="best_distilled+compact_distilled",
    distillation=0.5,
    ema=0.99,
)

_ALONE = _OWN | dict(teacher="none", distillation=0.0)

FROM_SCRATCH = {
    "compact_no_distillation": TrainConfig("compact", **_ALONE),
    "vgg_scratch": TrainConfig("vgg", **_ALONE | dict(ferplus_weight=0.0, label_smoothing=0.1), seed=3),
}
"""Networks without a teacher; the second learns from FER2013's labels alone, the first from FER+'s votes too."""


def _teach_itself(name):
    changes = dict(_FINE_TUNE, epochs=6, teacher=name, label_smoothing=0.0)
    return replace(FROM_SCRATCH[name], init_from=name, **changes)


TEACHERS = {"vgg": _teach_itself("vgg_scratch"), "compact_alone": _teach_itself("compact_no_distillation")}
"""Networks that never met another, so that they err on different faces: the same, fine-tuned on barely augmented faces
and, for one half, on their own probabilities."""

DISTILLED = {
    "compact_distilled": TrainConfig("compact", **_OWN),
    "best_distilled": TrainConfig(
        "best", **_OWN | dict(epochs=50, teacher="compact_distilled+compact_no_distillation")
    ),
    "micro_distilled": TrainConfig("micro", **_OWN | dict(epochs=75, augment="full", teacher="best+compact")),
}
"""Students of a teacher, trained on augmented faces and soft targets: what our own networks start from."""


def _fine_tune(name, **changes):
    return replace(DISTILLED[f"{name}_distilled"], init_from=f"{name}_distilled", **_FINE_TUNE | changes)


OWN = {
    "compact": _fine_tune("compact", epochs=6),
    "micro": _fine_tune("micro", teacher="best+compact", ema=0.999),
    "best": _fine_tune("best"),
}
"""This project's own networks, fine-tuned at the end on barely augmented faces and, for one half, FER2013's own labels
(He et al. 2019, "Data Augmentation Revisited", arXiv:1909.09148)."""

_VOTES = dict(labels="ferplus", ferplus_weight=0.0, epochs=16, learning_rate=0.04, ema=0.995)
_TAUGHT = dict(teacher="best_ferplus", distillation=0.5)

FERPLUS = {
    "best_ferplus": replace(
        OWN["best"], init_from="best", augment="strong", teacher="none", distillation=0.0, **_VOTES
    ),
    "compact_ferplus": replace(OWN["compact"], init_from="compact", augment="full", **_VOTES, **_TAUGHT),
    "compact_camera": replace(
        OWN["compact"],
        init_from="compact_ferplus",
        augment="camera",
        **_VOTES | dict(epochs=12, learning_rate=0.02),
        **_TAUGHT,
    ),
    "micro_ferplus": replace(
        OWN["micro"],
        init_from="micro_one_teacher",  # `micro` as it was before it had two
        augment="full",
        **_VOTES | dict(epochs=40, learning_rate=0.06),
        **_TAUGHT,
    ),
}
"""The same networks, fine-tuned on what ten people saw in each face; the demo's, `compact_camera`, on faces as cameras
show them."""

_ADAMW = dict(optimizer="adamw", learning_rate=2e-3, weight_decay=0.01, schedule="long_warmup_cosine")

MODERN = dict(epochs=40, batch_size=128, **_ADAMW, augment="strong", mix="mixup", label_smoothing=0.1, ema=0.99)
"""One recipe for all networks, so that architecture and training can be told apart."""

ZOO = {
    **RECIPES,
    **FROM_SCRATCH,
    **TEACHERS,
    **DISTILLED,
    **OWN,
    **FERPLUS,
    "oversampled_leaky": replace(RECIPES["oversampled"], split_protocol="leaky"),
    **{f"{name}_modern": TrainConfig(name, **MODERN) for name in RECIPES},
    **{
        f"{name}_seed{seed}": replace(recipe, seed=seed)
        for seed in range(3)
        for name, recipe in RECIPES.items()
        if seed != recipe.seed
    },
    **{
        f"{name}_seed{seed}": replace(FERPLUS[name], seed=seed)
        for seed in (1, 2)
        for name in ("micro_ferplus", "compact_ferplus")
    },
}
"""Every run that `models/` should hold, most needed first: as published, our own, the leak, with the modern recipe, and
other seeds of what was published."""

_SMALL = TrainConfig("simple", width=0.5, epochs=10, learning_rate=5e-4)
# an oversampled epoch is 1.76 times as long: the same number of steps for all
_OVERSAMPLED = dict(balance="oversample", epochs=6)

BALANCING = {
    "none": _SMALL,
    "class_weights": replace(_SMALL, balance="class_weights"),
    "focal": replace(_SMALL, loss="focal"),
    "oversample": replace(_SMALL, **_OVERSAMPLED),
    "oversample_augmented": replace(_SMALL, **_OVERSAMPLED, augment="full"),
}
"""Balancing strategies on one small network and one budget, for notebook 02."""

BALANCING_RUNS = {
    f"{strategy}_{seed}": replace(BALANCING[strategy], seed=seed) for seed in range(3) for strategy in BALANCING
}
"""Three seeds of each, in `models/balancing/`."""
