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
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ferlib.config import DEMO_RUN, EMOTIONS
from ferlib.evaluation import adjust_logits
from ferlib.inference._files import explain
from ferlib.inference._ledger import done_chunks, open_plan, read_chunk, read_plan, read_table, tidy, write_chunk
from ferlib.inference._litert import CORES, use_one_core
from ferlib.inference._photos import photo_time, read_photo
from ferlib.inference._predict import load_predictor
from ferlib.inference._video import Source, film_time

FILM_RATE = 1  # frames a second: a mood lasts longer
RETRIES = 3  # of a chunk on a cluster


class Scored(NamedTuple):
    """What a folder of scores holds so far.

    Attributes
    ----------
    files, faces, rejected : int
        Photos, films and parts of long films that are done; faces in them; how many of them were not read.
    left : int
        Chunks that are not done, because another shard has them.
    remarks : list of str
        What was found in the sources, and what was passed over.
    """

    files: int
    faces: int
    rejected: int
    left: int
    remarks: list[str]


def score_files(sources, *, folder, model=DEMO_RUN, jobs=CORES, shard=(1, 1), scheduler=None):
    """Score every face of photos and films, at any depth of folders, into Parquet tables: `load_scores` reads them.

    Stopped anywhere and called again, it goes on with what is left. The tables are the same however they were made.

    Parameters
    ----------
    sources : list of path
        What they hold at the first call is scored; what comes later needs another folder.
    folder : path
        Nothing else need be in it; it may lie in a source.
    model : str
        A run, as `load_predictor` takes it.
    jobs : int
        Processes; each has one core.
    shard : (int, int)
        (3, 40) scores the third of forty shares, beside others that share the folder.
    scheduler : str, optional
        The address of a Dask cluster, whose workers see sources and folder under the same names; instead of `jobs`.

    Returns
    -------
    Scored

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
    if jobs < 1 or not 1 <= part <= parts:
        raise ValueError(f"jobs {jobs}, shard {part}/{parts}: expected jobs from 1 on, and a shard from 1/{parts} on")
    folder, version = Path(os.path.abspath(folder)), _version(load_predictor(model))
    sizes = open_plan(folder, sources, model=model, version=version)
    own, done = [*range(part - 1, len(sizes), parts)], set(done_chunks(folder))
    todo = [number for number in own if number not in done]
    run = partial(_on_cluster, scheduler) if scheduler else partial(_in_processes, jobs)
    counts = {"total": sizes[own].sum(), "initial": sizes[own].sum() - sizes[todo].sum()}
    with (
        tqdm(**counts, unit=" files", disable=None) as bar,
        closing(run(partial(score_chunk, folder), todo)) as finished,
    ):
        for number in finished:
            bar.update(sizes[number])
    left = len(sizes) - len(done_chunks(folder))
    if not left:
        tidy(folder)
    files = read_table(folder, "files", ["faces", "rejected"]).to_pydict()
    rejected = sum(map(bool, files["rejected"]))
    return Scored(len(files["faces"]), sum(files["faces"]), rejected, left, read_plan(folder)["remarks"])


def score_chunk(folder, number):
    """Score a chunk of the plan in a folder, write its tables, and give back its number."""
    use_one_core()
    cv2.setNumThreads(1)
    plan = read_plan(folder)
    for source in plan["sources"]:
        if not Path(source).exists():
            raise FileNotFoundError(f"{source}: no such file or folder on this machine")
    predictor = _load(plan["model"], threading.get_ident())
    if _version(predictor) != plan["version"]:
        raise ValueError(f"{folder} was begun with another network than this machine's {plan['model']}")
    faces, files = [], []
    for part in read_chunk(folder, number):
        group, rows, taken, reason = part.file.rpartition("/")[0], [], None, ""
        try:
            for second, begun, predictions in _look(part, predictor):
                taken = begun and begun + timedelta(seconds=part.start)
                clock = 0 if np.isnan(second) else round(1000 * second)
                at = {"taken": begun and begun + timedelta(milliseconds=clock), "second": second}
                about = {"file": part.file, "group": group, **at, "model": predictor.name, "version": plan["version"]}
                rows += [about | _row(face, count, predictor) for count, face in enumerate(predictions, 1)]
        except Exception as problem:
            reason = explain(problem, f"{part.file} cannot be read").replace(str(part.path), part.file)
        files.append({"file": part.file, "group": group, "taken": taken, "faces": len(rows), "rejected": reason})
        faces += rows
    write_chunk(folder, number, faces, files)
    return number


def _look(part, predictor):
    """Second (NaN in a photo), when photo or film were begun (or None), and the faces, of a photo or each frame."""
    if not part.is_film:
        photo = read_photo(part.path)
        yield np.nan, photo_time(part.path), predictor(photo)
        return
    film, begun = Source(part.path), film_time(part.path)
    with closing(film.read(FILM_RATE, start=part.start, end=part.end)) as frames:
        for second, frame in frames:
            yield second, begun, predictor(frame)


def _row(face, count, predictor):
    """A face's row; it is named as the demo would, but its probabilities are not shifted to rarer emotions."""
    strength, shown = predictor.metadata.logit_adjustment, face
    if strength:
        shown = replace(face, probabilities=adjust_logits(face.probabilities, predictor.metadata.prior, strength))
    numbers = dict(zip(("face", "x", "y", "width", "height"), (count, *face.box), strict=True))
    shares = dict(zip(EMOTIONS, face.probabilities.tolist(), strict=True))
    answer = {"predicted": shown.predicted, "abstained": shown.predicted == "not sure"}
    return {**numbers, "score": face.score, **shares, **answer}


@lru_cache
def _load(model, thread):
    """A predictor of a thread's own: they would wait for one another."""
    return load_predictor(model, logit_adjustment=0)


def _version(predictor):
    return predictor.metadata.network_sha256[:12]


def _in_processes(jobs, score, numbers):
    """Score chunks in so many processes, which end when this one does; yields their numbers as they are done."""
    context = multiprocessing.get_context("spawn")
    alive, owner = context.Pipe(duplex=False)
    with ProcessPoolExecutor(min(jobs, max(1, len(numbers))), context, _start_process, (alive,)) as pool:
        try:
            for future in as_completed([pool.submit(score, number) for number in numbers]):
                yield future.result()
        except BrokenProcessPool:
            raise RuntimeError(
                "a process was killed, perhaps for want of memory: start again, with fewer jobs"
            ) from None
        except BaseException:
            owner.close()
            raise


def _start_process(alive):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who started this

    def watch():
        alive.poll(None)  # until the other end is closed, by whatever ends its process
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _on_cluster(scheduler, score, numbers):
    """Score chunks on a Dask cluster; yields their numbers as they are done."""
    from distributed import Client, KilledWorker
    from distributed import as_completed as as_completed_there

    with Client(scheduler) as client:
        try:
            for future in as_completed_there(client.map(score, numbers, retries=RETRIES, pure=False)):
                yield future.result()
        except KilledWorker as problem:
            raise RuntimeError(f"workers of the cluster died: {problem}") from None
