"""The record of a run, `metadata.json`: how to use its network, and how it was trained."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ferlib._atomic import whole_or_nothing
from ferlib.config import EMOTIONS, IMAGE_SIZE, MODELS_DIR
from ferlib.recipes import TrainConfig

INPUT = {"height": IMAGE_SIZE, "width": IMAGE_SIZE, "channels": 1, "low": 0, "high": 255}
"""What a network must expect: grey 48x48 images with pixels 0..255. Any rescaling is inside it."""


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """How to use the network of a run, and how it was trained.

    Attributes
    ----------
    name : str
    emotions, input
        Order of the network's outputs, `EMOTIONS`, and what it expects, `INPUT`.
    temperature : float
        Of the calibration, fitted to PublicTest; see `apply_temperature`.
    prior : tuple of float, or None
        How common each emotion is in what the network learned from, sum 1; None where that is not known.
    logit_adjustment : float
        Strength at which the demo corrects for it, in [0, 1]; see `adjust_logits`.
    network, network_sha256 : str or None
        File of the exported network in the run folder; None if it was not exported.
    config : TrainConfig
    epochs_done, seconds : int
    accuracy_with_mirror_image : dict of str to float, or None
        By split, averaged with the predictions for the mirrored face; None if that was not measured.
    data : dict
        source and fingerprint of the `FaceDataset`, training_rows of it.
    versions : dict of str to str
        Of python, keras and numpy.
    backend, precision, machine : str
        Of Keras; its dtype policy in training, or None where it is not known; devices and cores.
    parameters, multiply_adds, file_bytes, milliseconds : int, int, int or None, float or None
        Costs of the network: multiply-adds a face; size of its export, and time a face on one thread of the machine
        that exported it, which need not be `machine`.
    git_commit : str or None
        Of the project when the training began; None outside of git.
    """

    name: str
    emotions: tuple[str, ...] = EMOTIONS
    input: dict[str, int]
    temperature: float
    prior: tuple[float, ...] | None = None
    logit_adjustment: float = 0.0
    network: str | None = None
    network_sha256: str | None = None
    config: TrainConfig
    epochs_done: int
    seconds: int
    accuracy_with_mirror_image: dict[str, float] | None = None
    data: dict[str, str | int]
    versions: dict[str, str]
    backend: str
    precision: str | None = None
    machine: str
    parameters: int
    multiply_adds: int
    file_bytes: int | None = None
    milliseconds: float | None = None
    git_commit: str | None = None


def read_metadata(folder):
    """The `Metadata` of a run folder, checked; loads neither pandas nor scikit-learn.

    Raises
    ------
    FileNotFoundError
        If there is no such run; the message lists those there are.
    ValueError
        If the record is damaged or incomplete, or was made for other emotions or another input.
    """
    folder = Path(folder)
    path, runs = folder / "metadata.json", ", ".join(list_runs(folder.parent)) or "none"
    if not path.is_file():
        where = f"no run {folder.name!r} in {folder.parent} (runs there: {runs})"
        raise FileNotFoundError(f"{where}: train it, or name another")
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        kept |= {"emotions": tuple(kept["emotions"]), "temperature": float(kept["temperature"])}
        kept |= {"prior": tuple(map(float, kept["prior"]))} if kept.get("prior") else {}
        metadata = Metadata(**kept | {"config": TrainConfig(**kept["config"])})
    except KeyError as error:
        raise ValueError(f"{path} lacks {error}: export the run again") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error}): export the run again") from error
    if metadata.emotions != EMOTIONS:
        raise ValueError(f"{path}: emotions {' '.join(map(str, metadata.emotions))}, expected {' '.join(EMOTIONS)}")
    if metadata.input != INPUT:
        raise ValueError(f"{path}: input {metadata.input}, expected {INPUT}")
    if not 0 < metadata.temperature < float("inf"):
        raise ValueError(f"{path}: temperature {metadata.temperature}, expected more than 0")
    return metadata


def write_metadata(folder, metadata):
    """Write the record of a run into its folder."""
    with whole_or_nothing(folder / "metadata.json") as path:
        path.write_text(json.dumps(asdict(metadata), indent=1) + "\n", encoding="utf-8")


def list_runs(models_dir=MODELS_DIR):
    """Names of the whole runs in a folder, sorted."""
    return sorted(path.parent.name for path in Path(models_dir).glob("*/metadata.json"))
