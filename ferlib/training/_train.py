"""From settings and faces to a run folder."""

import dataclasses
import json
import math
import os
import platform
import shutil
import subprocess
import time
from pathlib import Path

import keras
from tqdm import tqdm
from tqdm.keras import TqdmCallback

from ferlib._atomic import UNFINISHED, whole_or_nothing
from ferlib.config import MODELS_DIR, PROJECT_DIR
from ferlib.evaluation import list_runs, read_history, read_metadata, write_run
from ferlib.recipes import ZOO, TrainConfig
from ferlib.training._batches import find_network, predict_probabilities, train_val_batches, use_devices
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
    end. Until the run is whole it stands in `<run_dir>.partial`; stopped at any moment, by Ctrl-C, a kill or a full
    disk, it can be resumed from its last whole epoch, and ends as it would have ended uninterrupted.

    Its teachers, and the run whose weights it goes on from, are trained first, as they were, where they come without
    their networks.

    Parameters
    ----------
    config : TrainConfig
    faces : FaceDataset
        With its three splits.
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
        raise FileExistsError(f"{run_dir.name}: this run is there already; choose another name or delete it")
    deadline, commit = _deadline(time_limit), _git_commit()
    partial = _open_partial(config, faces, run_dir, resume=resume)
    if not _train_sources(config, faces, models_dir, time_limit=time_limit, precision=precision, verbose=verbose):
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

    Raises
    ------
    FileNotFoundError
        If no such run was interrupted.
    """
    config = TrainConfig(**_read_settings(Path(run_dir))["config"])
    return train(config, faces, run_dir=run_dir, resume=True, **options)


def train_zoo(faces, *, models_dir=MODELS_DIR, zoo=ZOO, time_limit=None, **options):
    """Train what the zoo still lacks: first runs that are not there, then those that were trained otherwise.

    `zoo` is a dict of `TrainConfig` by run, `time_limit` that of all together in seconds: the run then under way goes
    on at the next call. Other options are those of `train`. Returns the names of the runs that became whole.
    """
    models_dir = Path(models_dir)
    there = list_runs(models_dir)
    absent = [name for name in zoo if name not in there]
    otherwise = [name for name in zoo if name in there and read_metadata(models_dir / name).config != zoo[name]]
    runs = [(name, zoo[name]) for name in absent + otherwise]
    return _train_in_turn(runs, faces, models_dir, time_limit=time_limit, **options)


def _train_sources(config, faces, models_dir, **options):
    """Train the sources of a run that come without their networks; are they all there?"""

    def lacking():  # found out one by one: training one source may train another, its own
        return (name for name in config.sources if not find_network(name, models_dir).is_file())

    runs = ((name, read_metadata(models_dir / name).config) for name in lacking())
    _train_in_turn(runs, faces, models_dir, **options)
    return not any(lacking())


def _train_in_turn(runs, faces, models_dir, *, time_limit, **options):
    deadline, done = _deadline(time_limit), []
    for name, config in runs:
        run_dir, left = models_dir / name, deadline - time.monotonic()
        if left <= 0:
            break
        options |= {"run_dir": run_dir, "models_dir": models_dir, "time_limit": left, "overwrite": True}
        if not train(config, faces, resume=_settings(run_dir).is_file(), **options):
            break
        done.append(name)
    return done


def _deadline(time_limit):
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
        network.save(folder / "model.keras")
        exported = export_network(folder)
        images = {split: faces.part(split).images for split in ("PublicTest", "PrivateTest")}
        devices = ", ".join(keras.distribution.list_devices())
        made_by = {
            "backend": keras.config.backend(),
            "precision": precision,
            "machine": f"{devices} of {os.cpu_count()} {platform.machine()} cores",
            "parameters": network.count_params(),
            "multiply_adds": count_multiply_adds(network),
            "file_bytes": exported.stat().st_size,
            "milliseconds": round(time_network(exported), 3),
            "git_commit": commit,
        }
        probabilities = {split: predict_probabilities(network, images[split]) for split in images}
        mirrored = {split: predict_probabilities(network, images[split][:, :, ::-1]) for split in images}
        write_run(folder, run_dir.name, config, faces, probabilities, mirrored=mirrored, made_by=made_by)
    shutil.rmtree(partial)


def _git_commit():
    """Hash of the project's commit, or None outside of git."""
    result = subprocess.run(["git", "rev-parse", "HEAD"], cwd=PROJECT_DIR, capture_output=True, text=True)
    return result.stdout.strip() or None
