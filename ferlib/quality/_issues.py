"""All issues in one table, counted; and which faces survive them."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from ferlib.config import EMOTIONS, SPLITS
from ferlib.data import load_ferplus
from ferlib.quality._duplicates import find_duplicates, find_near_duplicates, find_train_duplicates
from ferlib.quality._images import find_poor_images
from ferlib.quality._labels import find_label_issues, find_learnable, find_non_faces, label_probabilities

UNUSABLE = ("blank", "no face", "conflict", "exact duplicate", "near duplicate")
"""Issues for which `select_clean` drops a face unless told otherwise: nothing to see, or seen elsewhere."""


class Selection(NamedTuple):
    """What `select_clean` returns."""

    rows: np.ndarray
    dropped: pd.DataFrame


def find_issues(faces, ferplus=None, *, near=None):
    """Every issue of every face.

    `ferplus` and `near` are found if they are not given; most of the time goes there.

    Returns
    -------
    pandas.DataFrame
        Of issues, within an issue the worst first. They are the keys of `IMAGE_RULES`, "no face" (by FER+'s voters),
        "exact duplicate" and "near duplicate" (not the one to keep), "conflict" (every face of a group of exact
        duplicates whose labels differ) and "label issue" (contradicted by voters and model; by the model where nobody
        voted).
    """
    ferplus = ferplus or load_ferplus(faces)
    copies = find_duplicates(faces)
    labels = find_label_issues(faces, label_probabilities(faces, ferplus), ferplus.votes)
    tables = [
        find_poor_images(faces),
        find_non_faces(faces, ferplus.votes),
        copies[~copies["kept"]],
        copies[copies["conflict"]].assign(issue="conflict"),
        find_near_duplicates(faces) if near is None else near,
        labels[labels["model"] & (labels["voters"] | ~labels["voters"].any())],
    ]
    columns = ["row", "label", "split", "issue", "reason", "score"]
    # of several duplicates of a face, the most alike one stands in the table
    return pd.concat([table[columns] for table in tables]).drop_duplicates(["row", "issue"], ignore_index=True)


def count_issues(issues):
    """Faces with each issue: DataFrame of int indexed by issue, a column a split and "all"."""
    order = issues["issue"].drop_duplicates()
    table = pd.crosstab(issues["issue"], issues["split"]).reindex(index=order, columns=SPLITS, fill_value=0)
    return table.assign(all=table.sum(axis=1)).rename_axis(index="issue", columns=None)


def count_facts(faces, votes, near):
    """What the literature tells of FER2013's issues, counted on these faces.

    Returns
    -------
    pandas.Series
        Numbers by what they tell: counts, or shares (0..1) where the name begins with "share". NaN where there is
        nothing to count: nobody voted, or a split has no face.
    """
    copies = find_duplicates(faces)
    groups = copies.groupby("group")
    facts = {
        "groups of identical faces": groups.ngroups,
        "redundant copies": int((~copies["kept"]).sum()),
        "groups with different labels": int(groups["conflict"].first().sum()),
        "most copies of one face": int(copies["score"].max()) if len(copies) else 0,
    }
    seen = find_train_duplicates(faces, near)
    for split in SPLITS[1:]:
        part, there = seen[faces.split == split], {split, "Training"} <= {*faces.split}
        facts[f"{split} faces also in Training"] = int((part == "exact duplicate").sum()) if there else np.nan
        facts[f"{split} faces nearly in Training"] = int((part == "near duplicate").sum()) if there else np.nan
    facts["faces that voters call none"] = len(find_non_faces(faces, votes))
    voted, unsure = votes.any(axis=1).to_numpy(), (votes["unknown"] > 0).to_numpy()
    facts["share without a majority"] = (votes.max(axis=1) <= votes.sum(axis=1) / 2)[voted].mean()
    for split in ("all", *SPLITS[1:]):
        rows = voted & ((faces.split == split) | (split == "all"))
        facts[f"share with an unknown vote, {split}"] = unsure[rows].mean() if rows.any() else np.nan
    return pd.Series(facts, name="found", dtype=object)


def find_gaps(faces, ferplus):
    """What `find_issues` and `count_facts` cannot tell of these faces: list of str, a sentence each."""
    ways = dict.fromkeys(SPLITS, "into") | {"Training": "from"}
    gaps = [f"no {split} face: leakage {ways[split]} it is not counted" for split in SPLITS if split not in faces.split]
    if not ferplus.votes.to_numpy().any():
        gaps.append("nobody voted on these faces: nothing is counted of votes")
    learnable = find_learnable(faces) if ferplus.out_of_fold is None else np.unique(faces.labels)
    scarce = [EMOTIONS[label] for label in np.unique(faces.labels) if label not in learnable]
    if scarce or len(learnable) < 2:
        which = ", ".join(scarce) if len(learnable) > 1 else "all emotions but one"
        gaps.append(f"fewer than 5 different faces of {which}: a model cannot judge such labels")
    return gaps


def select_clean(faces, issues, *, drop=UNUSABLE):
    """Which faces survive, and why the others do not. The data stay as they are.

    Of duplicates, the one in the later split survives, so a test face is dropped for nothing that stands in Training.

    Parameters
    ----------
    issues : pandas.DataFrame
        From `find_issues`, or any of the tables that it joins.
    drop : tuple of str
        Issues for which to drop a face.

    Returns
    -------
    Selection
        `rows` (M,) int64, the survivors, for `faces.select`; `dropped`, a table of row, label, split, reason (all of
        them, one sentence).

    Raises
    ------
    ValueError
        If `issues` has a row that the faces have not.
    """
    if len(issues) and issues["row"].max() >= len(faces):
        raise ValueError(
            f"row {issues['row'].max()} has an issue, but {faces.source} has {len(faces)} rows: give its own issues"
        )
    chosen = issues[issues["issue"].isin(drop)]
    reasons = (chosen["issue"] + " (" + chosen["reason"] + ")").groupby(chosen["row"]).agg("; ".join)
    dropped = chosen[["row", "label", "split"]].drop_duplicates("row").sort_values("row", ignore_index=True)
    rows = np.setdiff1d(np.arange(len(faces)), dropped["row"])
    return Selection(rows, dropped.assign(reason=reasons.reindex(dropped["row"]).to_numpy()))
