"""Albums and archives: every face of many photos and films, by one process, many, or a cluster.

A chunk is scored by one function of the folder and its number, on one core, so that whoever runs it writes the same
bytes.
"""

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from ferlib.config import DEMO_RUN
from ferlib.evaluation import adjust_logits
from ferlib.inference._files import explain, is_video
from ferlib.inference._ledger import done_chunks, open_plan, read_chunk, read_plan, read_table, tidy, write_chunk
from ferlib.inference._litert import CORES, use_one_core
from ferlib.inference._photos import photo_time
from ferlib.inference._predict import load_predictor, read_network
from ferlib.inference._video import Source

FILM_RATE = 1  # frames a second: a mood lasts longer
RETRIES = 3  # of a chunk on a cluster


def score_files(sources, *, folder, model=DEMO_RUN, jobs=None, shard=(1, 1), scheduler=None):
    """Score every face of photos and films, at any depth of folders, into Parquet tables: `load_scores` reads them.

    Stopped anywhere and called again, it goes on with what is left. The tables are the same however they were made.

    Parameters
    ----------
    sources : list of path
        What they hold at the first call is scored; what comes later needs another folder. Films' times are turned into
        the local time of the machine that calls first, since cameras write them in UTC, and photos' in local time.
    folder : path
        Nothing else need be in it; it may lie in a source.
    model : str
        A run, as `load_predictor` takes it.
    jobs : int, optional
        Processes; each has one core. By default one a core, four at most.
    shard : (int, int)
        (3, 40) scores the third of forty shares, beside others that share the folder.
    scheduler : str, optional
        The address of a Dask cluster, whose workers see sources and folder under the same names; instead of `jobs`.

    Returns
    -------
    files : DataFrame
        Photos, films and parts of long films that are done, as `load_scores` returns them.
    left : int
        Chunks that are not done, because another shard has them.
    remarks : list of str
        What was found in the sources, and what was passed over.

    Raises
    ------
    FileNotFoundError, ValueError
        As `load_predictor` does; if a source is not there; if the folder holds scores of other sources or another
        network.
    OSError, RuntimeError
        If a disk is full, a worker was killed, or the cluster cannot be reached.
    """
    from tqdm import tqdm

    part, parts = shard
    if not 1 <= part <= parts:
        raise ValueError(f"shard {part}/{parts}: expected 1/{parts} to {parts}/{parts}")
    folder = Path(os.path.abspath(folder))
    sizes = open_plan(folder, sources, model=model, version=_version(read_network(model)[0]))
    own = np.arange(part - 1, len(sizes), parts)
    todo = np.setdiff1d(own, done_chunks(folder))
    bar = tqdm(total=sizes[own].sum(), initial=sizes[own].sum() - sizes[todo].sum(), unit=" files", disable=None)
    with bar, _start_workers(CORES if jobs is None else jobs, scheduler) as workers:
        for future in as_completed([workers.submit(score_chunk, folder, number) for number in todo.tolist()]):
            bar.update(sizes[future.result()])
    if not (left := len(sizes) - len(done_chunks(folder))):
        tidy(folder)
    return read_table(folder, "files"), left, read_plan(folder)["remarks"]


def score_chunk(folder, number):
    """Score a chunk of the plan in a folder, write its tables, and give back its number."""
    use_one_core()
    cv2.setNumThreads(1)
    plan = read_plan(folder)
    for source in plan["sources"]:
        if not Path(source).exists():
            raise FileNotFoundError(f"{source}: no such file or folder on this machine")
    predictor = _load(plan["model"], threading.get_ident())
    if _version(predictor.metadata) != plan["version"]:
        raise ValueError(f"{folder} was begun with another network than this machine's {plan['model']}")
    faces, files = [], []
    for part in read_chunk(folder, number):
        about = {"file": part["file"], "group": part["file"].rpartition("/")[0]}
        first, found, reason = None, [], ""
        try:
            for second, taken, predictions in _look(part, predictor):
                first = first or taken
                seen = {**about, "taken": taken, "second": second, "model": plan["model"], "version": plan["version"]}
                found += [seen | {"face": count, **_name(face, predictor)} for count, face in enumerate(predictions, 1)]
        except Exception as problem:
            reason = explain(problem, f"{part['file']} cannot be read").replace(str(part["path"]), part["file"])
        files.append({**about, "taken": first, "faces": len(found), "rejected": reason})
        faces += found
    write_chunk(folder, number, faces, files)
    return number


def _look(part, predictor):
    """Second (NaN in a photo), when it was taken (or None), and the faces, of a photo or each frame of a film."""
    path = part["path"]
    if not is_video(path):
        predictions = predictor(path)
        yield np.nan, photo_time(path), predictions
        return
    for second, frame in Source(path).read(FILM_RATE, start=part["start"], end=part["end"]):
        taken = part["begun"] and part["begun"] + timedelta(milliseconds=round(1000 * second))
        yield second, taken, predictor(frame)


def _name(face, predictor):
    """A face's row; it is named as the demo would, but its probabilities are not shifted to rarer emotions."""
    metadata, shown = predictor.metadata, face
    if metadata.logit_adjustment:
        shifted = adjust_logits(face.probabilities, metadata.prior, metadata.logit_adjustment)
        shown = replace(face, probabilities=shifted)
    return face.as_row() | {"predicted": shown.predicted, "abstained": shown.predicted == "not sure"}


@lru_cache
def _load(model, thread):
    """A predictor of a thread's own: they would wait for one another."""
    return load_predictor(model, logit_adjustment=0)


def _version(metadata):
    return metadata.network_sha256[:12]


@contextmanager
def _start_workers(jobs, scheduler):
    """An executor of so many processes, or of a Dask cluster; processes end when this one does."""
    if scheduler:
        from distributed import Client, KilledWorker

        try:
            with Client(scheduler) as client:
                yield client.get_executor(pure=False, retries=RETRIES)
        except KilledWorker as problem:
            raise RuntimeError(f"workers of the cluster died: {problem}") from None
        return
    context = multiprocessing.get_context("spawn")
    alive, owner = context.Pipe(duplex=False)
    try:
        with ProcessPoolExecutor(jobs, context, _start_process, (alive,)) as pool, owner:
            yield pool
    except BrokenProcessPool:
        raise RuntimeError("a process was killed, perhaps for want of memory: start again, with fewer jobs") from None


def _start_process(alive):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who started this

    def watch():
        alive.poll(None)  # until the other end is closed, by whatever ends that
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
