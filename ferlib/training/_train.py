"""From settings and faces to a run folder."""

import dataclasses
import importlib.util
import json
import math
import os
import platform
import shutil
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm
from tqdm.keras import TqdmCallback

from ferlib._atomic import UNFINISHED, whole_or_nothing
from ferlib.config import MODELS_DIR, PROJECT_DIR, SPLITS
from ferlib.evaluation import load_run, read_history, read_metadata, write_run
from ferlib.recipes import TrainConfig
from ferlib.training._batches import find_network, label_faces, predict_probabilities, train_val_batches, use_devices
from ferlib.training._batchnorm import use_fused_batchnorm
from ferlib.training._callbacks import AveragedWeights, Checkpoints, Clock, EpochLine
from ferlib.training._export import export_network, round_weights, time_network
from ferlib.training._models import count_multiply_adds
from ferlib.training._trainer import build_network, build_trainer, check_config, choose_precision, stateful_callbacks


def train(
    config,
    faces,
    *,
    run_dir,
    resume=False,
    models_dir=MODELS_DIR,
    overwrite=False,
    time_limit=None,
    on_epoch=None,
    tensorboard=None,
    precision=None,
    verbose="auto",
):
    """Train a network of the zoo and leave a run folder: weights, export, history, probabilities, card.

    Trains on Training, keeps the weights of the epoch that is best on PublicTest, and scores PrivateTest once, at the
    end. Where TensorFlow is not installed, or PrivateTest not at hand, the run is whole without export or score;
    `export_run` adds them elsewhere. Until the run is whole it stands in `<run_dir>.partial`; stopped at any moment, by
    Ctrl-C, a kill or a full disk, it can be resumed from its last whole epoch, and ends as it would have ended
    uninterrupted.

    Its teachers, and the run whose weights it goes on from, are trained first, as they were, where they come without
    their networks.

    Parameters
    ----------
    config : TrainConfig
    faces : FaceDataset
        With Training and PublicTest at least.
    run_dir : path
        The run folder to make.
    resume : bool
        Go on from the last whole epoch of `<run_dir>.partial`.
    models_dir : path
        Holds the runs that `config` names: teachers, and the one to go on from.
    overwrite : bool
        Let the whole run take the place of a run folder that is there already.
    time_limit : float, optional
        Seconds after which to stop; the run can then be resumed.
    on_epoch : callable, optional
        Called after each epoch with the history so far, as in `Run.history`.
    tensorboard : path, optional
        Where to write TensorBoard's logs; needs the package tensorboard.
    precision : str, optional
        Keras' dtype policy for the network; by default what `choose_precision` says.
    verbose : {"auto", True, False}
        A line an epoch, and with "auto" a bar if there is a terminal.

    Returns
    -------
    Path or None
        `run_dir`; None if the time limit came first.

    Raises
    ------
    ValueError
        If `config` names an unknown model or setting, or if settings or data are not those of the run to be resumed.
    FileExistsError
        If `run_dir` is there already.
    FileNotFoundError
        If `config` names a run that is not in `models_dir`.
    """
    run_dir, models_dir = Path(run_dir), Path(models_dir)
    check_config(config)
    if run_dir.exists() and not overwrite:
        raise FileExistsError(f"{run_dir.name}: this run is there already: choose another name with --run-name")
    deadline, commit = find_deadline(time_limit), _git_commit()
    partial = _open_partial(config, faces, run_dir, resume=resume)
    *sources, _ = order_runs({run_dir.name: config}, models_dir)
    options = dict(time_limit=time_limit, precision=precision, verbose=verbose)
    if len(train_in_turn(dict(sources), faces, models_dir, **options)) < len(sources):
        return None
    use_devices(config.batch_size)
    keras.utils.set_random_seed(config.seed)
    batches, validation = train_val_batches(config, faces, models_dir=models_dir)
    precision = precision or choose_precision()
    network = use_fused_batchnorm(build_network(config, precision=precision))
    if config.init_from != "none":
        network.set_weights(keras.models.load_model(find_network(config.init_from, models_dir)).get_weights())
    trainer = build_trainer(network, config, steps=len(batches) * config.epochs)
    stateful = stateful_callbacks(config)
    checkpoints = Checkpoints(partial, batches=batches, stateful=stateful)
    done = checkpoints.restore(trainer)
    clock, averaged = Clock(deadline), [AveragedWeights(network, batches.images)] if config.ema else []
    logger = keras.callbacks.CSVLogger(checkpoints.history, append=done > 0)
    callbacks = [*averaged, clock, *stateful, logger, checkpoints]
    if verbose:
        callbacks.append(EpochLine(len(batches.images), name=run_dir.name))
    if verbose == "auto":
        callbacks.append(TqdmCallback(tqdm_class=tqdm, disable=None, leave=False))
    if on_epoch:
        report = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: on_epoch(read_history(checkpoints.history)))
        callbacks.append(report)
    if tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(tensorboard))
    epochs = {"epochs": config.epochs, "initial_epoch": done}
    # the batches are shuffled already
    trainer.fit(batches, validation_data=validation, **epochs, shuffle=False, callbacks=callbacks, verbose=0)
    if clock.stopped:
        return None
    trainer.load_weights(checkpoints.best())
    for average in averaged:
        average.keep()
    bare = build_network(config)
    bare.set_weights(network.get_weights())
    _finish(config, faces, bare, run_dir, precision=precision, commit=commit)
    return run_dir


def resume_run(run_dir, faces, **options):
    """Go on with the interrupted run of `run_dir`, with its own settings; options and result of `train`.

    A run that is whole but was not exported is exported.

    Raises
    ------
    FileNotFoundError
        If no such run was interrupted.
    """
    run_dir = Path(run_dir)
    if not is_interrupted(run_dir) and needs_export(run_dir):
        return export_run(run_dir, faces)
    config = TrainConfig(**_read_settings(run_dir)["config"])
    return train(config, faces, run_dir=run_dir, resume=True, **options)


def export_run(run_dir, faces):
    """Add to a whole run what was lacking where it was trained: export and timing, and the score on PrivateTest.

    Parameters
    ----------
    run_dir : path
        Of a run with its weights, `model.keras`.
    faces : FaceDataset
        With the PublicTest faces on which its epoch was chosen.

    Returns
    -------
    Path
        `run_dir`.

    Raises
    ------
    FileNotFoundError
        If there is no such run, or if its weights are not there.
    ModuleNotFoundError
        If TensorFlow is not installed, which alone can write the export.
    ValueError
        If the run was scored on other PublicTest faces.
    """
    run_dir = Path(run_dir)
    run = load_run(run_dir.name, models_dir=run_dir.parent)
    run.select_faces(faces, "PublicTest")
    weights = find_network(run_dir.name, run_dir.parent)
    if not weights.is_file():
        raise FileNotFoundError(f"{run_dir.name}/{weights.name} is not there: a run is exported from its weights")
    if not _can_export():
        raise ModuleNotFoundError("TensorFlow is not installed, which alone can write the export", name="tensorflow")
    with whole_or_nothing(run_dir, replace=True) as folder:
        shutil.copytree(run_dir, folder)
        made_by = {key: getattr(run.metadata, key) for key in MADE_BY}
        _complete(folder, run_dir.name, run.config, faces, keras.models.load_model(weights), made_by)
    return run_dir


def needs_export(run_dir):
    """Is this a whole run that could be exported here, and was not where it was trained?"""
    there = (run_dir / "metadata.json").is_file() and find_network(run_dir.name, run_dir.parent).is_file()
    return there and read_metadata(run_dir).network is None and _can_export()


def _can_export():
    return importlib.util.find_spec("tensorflow") is not None


def order_runs(runs, models_dir):
    """`runs`, a dict of `TrainConfig` by name, as a list of pairs in an order in which they can be trained.

    Before each come the sources that it needs, where they are not in `models_dir` with their networks: as `runs` has
    them, or else as they were.
    """
    ordered = {}

    def add(name, config):
        for source in config.sources:
            if source not in ordered and not find_network(source, models_dir).is_file():
                add(source, runs.get(source) or read_metadata(models_dir / source).config)
        ordered.setdefault(name, config)

    for name, config in runs.items():
        add(name, config)
    return list(ordered.items())


def train_in_turn(runs, faces, models_dir, *, time_limit=None, **options):
    """Train `runs`, a dict as for `order_runs`, until the time limit (seconds); names of those that became whole."""
    deadline, done = find_deadline(time_limit), []
    for name, config in runs.items():
        run_dir, left = models_dir / name, deadline - time.monotonic()
        if left <= 0:
            break
        options |= {"run_dir": run_dir, "models_dir": models_dir, "time_limit": left, "overwrite": True}
        if not train(config, faces, resume=is_interrupted(run_dir), **options):
            break
        done.append(name)
    return done


def is_interrupted(run_dir):
    """Is there a state of this run to resume?"""
    return _settings(run_dir).is_file()


def find_deadline(time_limit):
    """When so many seconds will be over, in terms of `time.monotonic()`; never if None."""
    return math.inf if time_limit is None else time.monotonic() + time_limit


def _partial(run_dir):
    return run_dir.with_name(run_dir.name + ".partial")


def _settings(run_dir):
    return _partial(run_dir) / "config.json"


def _read_settings(run_dir):
    if not _settings(run_dir).is_file():
        raise FileNotFoundError(f"{_partial(run_dir).name}: no interrupted run to resume")
    return json.loads(_settings(run_dir).read_text())


def _open_partial(config, faces, run_dir, *, resume):
    partial, this = _partial(run_dir), {"config": dataclasses.asdict(config), "data": faces.fingerprint}
    unfinished = (folder.parent for folder in run_dir.parent.glob(f"{UNFINISHED}*/{run_dir.name}"))
    for left in [*partial.glob(f"{UNFINISHED}*"), *unfinished]:  # what a killed process was writing
        shutil.rmtree(left)
    for key, value in _read_settings(run_dir).items() if resume else ():
        if value != this[key]:
            started = f"{partial.name} was started with other settings or data"
            raise ValueError(f"{started}: {key} {value}, now {this[key]}")
    if not resume:
        shutil.rmtree(partial, ignore_errors=True)
        with whole_or_nothing(_settings(run_dir)) as path:
            path.write_text(json.dumps(this))
    return partial


def _finish(config, faces, network, run_dir, *, precision, commit):
    """Write the run folder, move it to its place whole, and remove the checkpoints."""
    partial = _partial(run_dir)
    with whole_or_nothing(run_dir, replace=True) as folder:
        folder.mkdir()
        shutil.copy(partial / "history.csv", folder)
        round_weights(network)
        network.save(find_network(run_dir.name, folder.parent))
        devices = ", ".join(keras.distribution.list_devices())
        training_rows = len(faces.part("Training"))
        made_by = {
            "data": {"source": faces.source, "fingerprint": faces.fingerprint, "training_rows": training_rows},
            "versions": {"python": platform.python_version(), "keras": version("keras"), "numpy": version("numpy")},
            "prior": _count_prior(config, faces),
            "backend": keras.config.backend(),
            "precision": precision,
            "machine": f"{devices} of {os.cpu_count()} {platform.machine()} cores",
            "parameters": network.count_params(),
            "multiply_adds": count_multiply_adds(network),
            "git_commit": commit,
        }
        _complete(folder, run_dir.name, config, faces, network, made_by)
    shutil.rmtree(partial)


MADE_BY = "data versions prior backend precision machine parameters multiply_adds git_commit".split()
"""Fields of `Metadata` that tell how a network was trained."""


def _count_prior(config, faces):
    """Share of each emotion in the targets of Training, as balancing leaves them: tuple of 7 float."""
    faces, targets = label_faces(config, faces)
    prior = targets[faces.split == SPLITS[0]].mean(0) if config.balance == "none" else np.full(7, 1 / 7)
    return tuple(round(float(share), 6) for share in prior)


def _complete(folder, name, config, faces, network, made_by):
    """Export a network, if TensorFlow is there, and score it on the test splits that are."""
    if _can_export():
        exported = export_network(folder)
        costs = {"file_bytes": exported.stat().st_size, "milliseconds": round(time_network(exported), 3)}
        made_by = made_by | costs
    images = {split: faces.part(split).images for split in SPLITS[1:] if split in faces.split}
    probabilities = {split: predict_probabilities(network, images[split]) for split in images}
    mirrored = {split: predict_probabilities(network, images[split][:, :, ::-1]) for split in images}
    write_run(folder, name, config, faces, probabilities, mirrored=mirrored, made_by=made_by)


def _git_commit():
    """Hash of the project's commit, or None outside of git."""
    result = subprocess.run(["git", "rev-parse", "HEAD"], cwd=PROJECT_DIR, capture_output=True, text=True)
    return result.stdout.strip() or None
