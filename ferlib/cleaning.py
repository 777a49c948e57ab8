"""All faults in one table, counted; and which faces survive them."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from ferlib.config import SPLITS
from ferlib.quality import find_duplicates, find_poor_pictures
from ferlib.twins import find_near_duplicates
from ferlib.witnesses import find_non_faces, find_suspect_labels, load_witnesses

UNUSABLE = ("blank", "no face", "conflict", "copy", "near copy")
"""Faults for which `select_clean` drops a face unless told otherwise: nothing to see, or seen elsewhere."""


class Selection(NamedTuple):
    """What `select_clean` returns."""

    rows: np.ndarray
    dropped: pd.DataFrame


def find_faults(faces, witnesses=None, *, near=None):
    """Every fault of every face.

    Parameters
    ----------
    faces : Faces
    witnesses : Witnesses, optional
        From `load_witnesses`, which is asked otherwise.
    near : pandas.DataFrame, optional
        From `find_near_duplicates`, if it is at hand: most of the time goes there.

    Returns
    -------
    pandas.DataFrame
        row, label, usage, fault, reason, evidence; within a fault the worst first. Faults are the keys of
        `PICTURE_RULES`, "no face" (by FER+'s voters), "copy" and "near copy" (not the one to keep), "conflict" (every
        face of a group of copies whose labels differ) and "suspect label" (denied by voters and model; by the model
        where nobody voted).
    """
    witnesses = witnesses or load_witnesses(faces)
    copies = find_duplicates(faces)
    suspects = find_suspect_labels(faces, witnesses.probabilities, witnesses.votes)
    tables = [
        find_poor_pictures(faces),
        find_non_faces(faces, witnesses.votes),
        copies[~copies["kept"]],
        copies[copies["conflict"]].assign(fault="conflict"),
        find_near_duplicates(faces) if near is None else near,
        suspects[suspects["model"] & (suspects["voters"] | ~suspects["voters"].any())],
    ]
    columns = ["row", "label", "usage", "fault", "reason", "evidence"]
    # a face may have several twins: the most alike one tells
    return pd.concat([table[columns] for table in tables]).drop_duplicates(["row", "fault"], ignore_index=True)


def count_faults(faults):
    """Faces with each fault: DataFrame of int indexed by fault, a column a split and "all"."""
    order = faults["fault"].drop_duplicates()
    table = pd.crosstab(faults["fault"], faults["usage"]).reindex(index=order, columns=SPLITS, fill_value=0)
    return table.assign(all=table.sum(axis=1)).rename_axis(index="fault", columns=None)


def count_facts(faces, votes, near):
    """What the literature tells of FER2013's faults, counted on these faces.

    Parameters
    ----------
    faces : Faces
    votes : pandas.DataFrame
        N rows, with the columns `VOTES`.
    near : pandas.DataFrame
        From `find_near_duplicates`.

    Returns
    -------
    pandas.Series
        Numbers by what they tell: counts, or shares (0..1; NaN where nobody voted) where the name begins with "share".
    """
    copies, usage = find_duplicates(faces), faces.usage
    groups = copies.groupby("group")
    facts = {
        "groups of identical faces": groups.ngroups,
        "redundant copies": int((~copies["kept"]).sum()),
        "groups with different labels": int(groups["conflict"].first().sum()),
        "most copies of one face": int(copies["evidence"].max()) if len(copies) else 0,
    }
    seen = find_seen(faces, near)
    for split in SPLITS[1:]:
        part = seen[usage == split]
        facts[f"{split} faces also in Training"] = int((part == "copy").sum())
        facts[f"{split} faces nearly in Training"] = int((part == "near copy").sum())
    facts["faces that voters call none"] = len(find_non_faces(faces, votes))
    voted, unsure = votes.any(axis=1).to_numpy(), (votes["unknown"] > 0).to_numpy()
    facts["share without a majority"] = (votes.max(axis=1) <= votes.sum(axis=1) / 2)[voted].mean()
    for split in ("all", *SPLITS[1:]):
        rows = voted & ((usage == split) | (split == "all"))
        facts[f"share with an unknown vote, {split}"] = unsure[rows].mean() if rows.any() else np.nan
    return pd.Series(facts, name="found", dtype=object)


def find_seen(faces, near):
    """Whose twin stands in Training: (N,) of "copy" (to the byte), "near copy" or ""; Training's own rows have "".

    Parameters
    ----------
    faces : Faces
    near : pandas.DataFrame
        From `find_near_duplicates`.
    """
    training = faces.usage == "Training"
    seen = np.full(len(faces), "", dtype="U9")
    # of exact copies `near` names the first only, so its pairs hold for all of them
    copies, first = find_duplicates(faces), np.arange(len(faces))
    first[copies["row"]] = copies.groupby("group")["row"].transform("min")
    pairs = first[near[["row", "twin"]].to_numpy()]
    trained = np.isin(np.arange(len(faces)), first[training])
    for one, other in (pairs.T, pairs.T[::-1]):
        seen[np.isin(first, one[trained[other]])] = "near copy"
    seen[np.isin(first, first[training])] = "copy"
    seen[training] = ""
    return seen


def select_clean(faces, faults, *, drop=UNUSABLE):
    """Which faces survive, and why the others do not. The data stay as they are.

    Of twins, the one in the later split survives, so a test face is dropped for nothing that stands in Training.

    Parameters
    ----------
    faces : Faces
    faults : pandas.DataFrame
        From `find_faults`, or any of the tables that it joins.
    drop : tuple of str
        Faults for which to drop a face.

    Returns
    -------
    Selection
        `rows` (M,) int64, the survivors, for `faces.select`; `dropped`, a table of row, label, usage, reason (all of
        them, one sentence).

    Raises
    ------
    ValueError
        If a fault of another data set's row is given.
    """
    if len(faults) and faults["row"].max() >= len(faces):
        raise ValueError(
            f"row {faults['row'].max()} has a fault, but {faces.source} has {len(faces)} rows: give its own faults"
        )
    chosen = faults[faults["fault"].isin(drop)]
    reasons = (chosen["fault"] + " (" + chosen["reason"] + ")").groupby(chosen["row"]).agg("; ".join)
    dropped = chosen[["row", "label", "usage"]].drop_duplicates("row").sort_values("row", ignore_index=True)
    rows = np.setdiff1d(np.arange(len(faces)), dropped["row"])
    return Selection(rows, dropped.assign(reason=reasons.reindex(dropped["row"]).to_numpy()))
