"""From settings and faces to a run folder."""

import contextlib
import dataclasses
import json
import os
import platform
import shutil
import time
from pathlib import Path

import keras

from ferlib.balance import class_weights
from ferlib.batches import Batches, blend_labels, choose_rows, find_network, load_network, predict_probabilities
from ferlib.callbacks import AveragedWeights, Checkpoints, EpochLog, Progress, TimeLimit
from ferlib.config import MODELS_DIR, ZOO, TrainConfig
from ferlib.export import export_network, round_weights, time_network
from ferlib.fused import fuse_norms
from ferlib.models import count_multiply_adds
from ferlib.runs import git_commit, load_run, read_history, write_run
from ferlib.trainer import (
    SCORING_BATCH,
    build_network,
    build_trainer,
    check_config,
    choose_precision,
    stateful_callbacks,
    use_devices,
)


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

    Runs that it starts from or learns from are trained first, as they were, where they come without their networks.

    Parameters
    ----------
    config : TrainConfig
    faces : Faces
        With its three splits.
    run_dir : path
        The run folder to make.
    resume : bool
        Go on from the last whole epoch of `<run_dir>.partial`.
    models_dir : path
        Holds the runs that `config` starts from and learns from.
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
        If `config` starts from or learns from a run that is not in `models_dir`.
    """
    run_dir = Path(run_dir)
    check_config(config)
    if run_dir.exists() and not overwrite:
        raise FileExistsError(f"{run_dir.name}: this run is there already; choose another name or delete it")
    partial, commit, start = _open_partial(config, faces, run_dir, resume=resume), git_commit(), time.monotonic()
    if not _train_sources(config, faces, models_dir, time_limit=time_limit, precision=precision, verbose=verbose):
        return None
    devices = use_devices(config.batch_size)
    keras.utils.set_random_seed(config.seed)
    rows, validation_rows = choose_rows(config, faces)
    training, validation = faces.select(rows), faces.select(validation_rows)
    batches = Batches(
        training,
        targets=blend_labels(config, faces, rows, models_dir=models_dir, devices=devices),
        batch_size=config.batch_size,
        seed=config.seed,
        class_weight=class_weights(training.labels) if config.balance == "class_weights" else None,
        devices=devices,
    )

    precision = precision or choose_precision()
    network = fuse_norms(build_network(config, precision=precision))
    if config.start != "none":
        network.set_weights(load_network(config.start, models_dir=models_dir).get_weights())
    trainer = build_trainer(network, config, steps=len(batches) * config.epochs)
    stateful = stateful_callbacks(config)
    checkpoints = Checkpoints(partial, batches=batches, stateful=stateful)
    done = checkpoints.restore(trainer)
    limit = TimeLimit(float("inf") if time_limit is None else time_limit - (time.monotonic() - start))
    averaged = [AveragedWeights(network, batches.images)] if config.ema else []
    callbacks = [
        *averaged,
        EpochLog(),
        *stateful,
        keras.callbacks.CSVLogger(checkpoints.history, append=done > 0),
        checkpoints,
        limit,
    ]
    if verbose:
        callbacks.append(Progress(len(training), name=run_dir.name, bar=verbose == "auto"))
    if on_epoch:
        callbacks.append(
            keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: on_epoch(read_history(checkpoints.history)))
        )
    if tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(tensorboard))
    trainer.fit(
        batches,
        validation_data=Batches(validation, batch_size=SCORING_BATCH, devices=devices),
        epochs=config.epochs,
        initial_epoch=done,
        shuffle=False,  # the batches are shuffled already
        callbacks=callbacks,
        verbose=0,
    )
    if limit.reached:
        return None
    trainer.load_weights(checkpoints.best())
    for average in averaged:
        average.keep()
    bare = build_network(config)
    bare.set_weights(network.get_weights())
    _finish(config, faces, bare, partial, run_dir, precision=precision, devices=devices, commit=commit)
    return run_dir


def resume_run(run_dir, faces, **options):
    """Go on with the interrupted run of `run_dir`, with its own settings.

    Parameters
    ----------
    run_dir : path
    faces : Faces
    **options
        Of `train`.

    Returns
    -------
    Path or None
        As `train`.

    Raises
    ------
    FileNotFoundError
        If no such run was interrupted.
    """
    run_dir = Path(run_dir)
    settings = _partial(run_dir) / "config.json"
    if not settings.is_file():
        raise FileNotFoundError(f"{_partial(run_dir).name}: no interrupted run to resume")
    config = TrainConfig(**json.loads(settings.read_text())["config"])
    return train(config, faces, run_dir=run_dir, resume=True, **options)


def train_zoo(faces, *, models_dir=MODELS_DIR, zoo=ZOO, time_limit=None, **options):
    """Train what the zoo still lacks: first runs that are not there, then those that were trained otherwise.

    Parameters
    ----------
    faces : Faces
    models_dir : path
    zoo : dict of str to TrainConfig
    time_limit : float, optional
        Seconds after which to stop; the run then under way goes on at the next call.
    **options
        Of `train`.

    Returns
    -------
    list of str
        Names of the runs that became whole.
    """
    return _train_in_turn(_find_lacking(zoo, models_dir), faces, models_dir, time_limit=time_limit, **options)


def _find_lacking(zoo, models_dir):
    there = {}
    for name in zoo:
        with contextlib.suppress(FileNotFoundError):
            there[name] = load_run(name, models_dir=models_dir).config
    absent = [name for name in zoo if name not in there]
    return [(name, zoo[name]) for name in absent + [name for name in there if there[name] != zoo[name]]]


def _train_sources(config, faces, models_dir, **options):
    """Train the sources of a run that come without their networks; are they all there?"""

    def lacking():  # found out one by one: training one source may train another, its own
        return (name for name in config.sources if not find_network(name, models_dir=models_dir).is_file())

    runs = ((name, load_run(name, models_dir=models_dir).config) for name in lacking())
    _train_in_turn(runs, faces, models_dir, **options)
    return not any(lacking())


def _train_in_turn(runs, faces, models_dir, *, time_limit, **options):
    start, done = time.monotonic(), []
    for name, config in runs:
        run_dir, left = Path(models_dir) / name, None
        if time_limit is not None:
            left = time_limit - (time.monotonic() - start)
        if left is not None and left <= 0:
            break
        options |= {"run_dir": run_dir, "models_dir": models_dir, "time_limit": left, "overwrite": True}
        if not train(config, faces, resume=(_partial(run_dir) / "config.json").is_file(), **options):
            break
        done.append(name)
    return done


def _partial(run_dir):
    return run_dir.with_name(run_dir.name + ".partial")


def _open_partial(config, faces, run_dir, *, resume):
    partial = _partial(run_dir)
    settings = partial / "config.json"
    this = {"config": dataclasses.asdict(config), "data": faces.fingerprint}
    if resume:
        if not settings.is_file():
            raise FileNotFoundError(f"{partial.name}: no interrupted run to resume")
        for key, value in json.loads(settings.read_text()).items():
            if value != this[key]:
                raise ValueError(
                    f"{partial.name} was started with other settings or data: {key} {value}, now {this[key]}"
                )
        return partial
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    half_written = settings.with_suffix(".half-written")
    half_written.write_text(json.dumps(this))
    os.replace(half_written, settings)
    return partial


def _finish(config, faces, network, partial, run_dir, *, precision, devices, commit):
    """Write the run folder beside the checkpoints, and move it to its place whole."""
    whole = partial / "whole"
    shutil.rmtree(whole, ignore_errors=True)
    whole.mkdir()
    shutil.copy(partial / "history.csv", whole)
    round_weights(network)
    network.save(whole / "model.keras")
    exported = export_network(whole)
    images = {usage: faces.images[faces.usage == usage] for usage in ("PublicTest", "PrivateTest")}
    probabilities = {usage: predict_probabilities(network, images[usage], devices=devices) for usage in images}
    mirrored = {usage: predict_probabilities(network, images[usage][:, :, ::-1], devices=devices) for usage in images}
    made_by = {
        "backend": keras.config.backend(),
        "precision": precision,
        "machine": f"{', '.join(keras.distribution.list_devices())} of {os.cpu_count()} {platform.machine()} cores",
        "parameters": network.count_params(),
        "multiply_adds": count_multiply_adds(network),
        "file_bytes": exported.stat().st_size,
        "milliseconds": round(time_network(exported), 3),
        "git_commit": commit,
    }
    write_run(whole, run_dir.name, config, faces, probabilities, mirrored=mirrored, made_by=made_by)
    shutil.rmtree(run_dir, ignore_errors=True)
    os.replace(whole, run_dir)
    shutil.rmtree(partial)
