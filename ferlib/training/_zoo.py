"""What the zoo still lacks, trained in turn or side by side."""

import multiprocessing
import os
import threading
import time
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path

from ferlib.config import BUILD_DIR, MODELS_DIR
from ferlib.evaluation import list_runs, read_metadata
from ferlib.recipes import ZOO
from ferlib.training._train import (
    export_run,
    find_deadline,
    is_interrupted,
    needs_export,
    order_runs,
    train,
    train_in_turn,
)


def train_zoo(faces, *, models_dir=MODELS_DIR, zoo=ZOO, jobs=1, time_limit=None, **options):
    """Train what the zoo still lacks: first runs that are not there, then those that were trained otherwise.

    Whole runs that were not exported where they were trained are exported first, if that can be done here.

    Parameters
    ----------
    faces : FaceDataset
    models_dir : path
    zoo : dict of str to TrainConfig
        The runs that should be there, most needed first.
    jobs : int
        How many to train side by side, each in a process of its own: for a large GPU, which one small network leaves
        idle. A script that asks for several must be guarded by `if __name__ == "__main__"`, as `multiprocessing` tells.
    time_limit : float, optional
        Seconds for all together; the runs then under way go on at the next call.
    **options
        Those of `train`; with several jobs precision and verbose alone.

    Returns
    -------
    list of str
        Names of the runs that became whole.

    Raises
    ------
    RuntimeError
        If trainings side by side ended with an error; the others went on.
    """
    models_dir = Path(models_dir)
    there = list_runs(models_dir)
    for name in there:
        if name in zoo and needs_export(models_dir / name):
            export_run(models_dir / name, faces)
    absent = [name for name in zoo if name not in there]
    otherwise = [name for name in zoo if name in there and read_metadata(models_dir / name).config != zoo[name]]
    runs = dict(order_runs({name: zoo[name] for name in absent + otherwise}, models_dir))
    if jobs == 1:
        return train_in_turn(runs, faces, models_dir, time_limit=time_limit, **options)
    return _train_side_by_side(runs, faces, models_dir, jobs=jobs, time_limit=time_limit, **options)


def _train_side_by_side(runs, faces, models_dir, *, jobs, time_limit, **options):
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(BUILD_DIR / "compiled"))  # inherited by the processes
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # they share the GPU's memory
    context, deadline = multiprocessing.get_context("spawn"), find_deadline(time_limit)
    waiting, processes, whole, failed = dict(runs), {}, [], []
    try:
        while True:
            ready = [name for name in waiting if set(runs[name].sources).isdisjoint(runs.keys() - set(whole))]
            for name in ready[: max(0, jobs - len(processes))] if time.monotonic() < deadline else ():
                ends = time.time() + deadline - time.monotonic()
                arguments = (waiting.pop(name), faces, models_dir / name, ends, options)
                process = context.Process(target=_train_alone, args=arguments, daemon=True)
                process.start()
                processes[name] = process
            if not processes:
                break
            wait([process.sentinel for process in processes.values()])
            for name in [name for name, process in processes.items() if not process.is_alive()]:
                exit_code = processes.pop(name).exitcode
                if exit_code:
                    failed.append(name)
                elif is_interrupted(models_dir / name):  # no time for another epoch
                    deadline = time.monotonic()
                else:
                    whole.append(name)
    finally:
        for process in processes.values():
            process.terminate()
    if failed:
        raise RuntimeError(f"ended with an error, to be read above: {', '.join(failed)}; whole: {', '.join(whole)}")
    return whole


def _train_alone(config, faces, run_dir, ends, options):
    """Train a run in this process, which ends when its parent does; `ends` is a `time.time()`."""
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
    options = {"verbose": True} | options | {"models_dir": run_dir.parent, "time_limit": ends - time.time()}
    with suppress(KeyboardInterrupt):  # the parent tells
        train(config, faces, run_dir=run_dir, resume=is_interrupted(run_dir), overwrite=True, **options)
