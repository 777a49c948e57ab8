from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks.bench_event import measure, simulate
from ferlib.config import EMOTIONS
from ferlib.evaluation import Correction, event_report, fit_correction, format_event, load_run

FEW = 20  # resamples: enough to see what is done with them


@pytest.fixture(scope="module")
def compact():
    return load_run("compact")


@pytest.fixture(scope="module")
def correction(compact):
    return fit_correction(compact, resamples=FEW)


@pytest.fixture(scope="module")
def event(compact):
    """Faces, files and true shares of a simulated event of 200 photos."""
    return next(simulate(compact, events=1, faces=(1000, 1001), seed=3))


@pytest.fixture
def certain():
    """A correction for a network that never errs."""
    weights = np.vstack([np.eye(7), np.zeros((1, 7))])
    return Correction("compact", "", "fer2013", 1.0, np.array([weights] * (1 + FEW)))


def seen(emotions, **columns):
    """Faces of which the network is certain, a photo each, and the files they are in."""
    faces = pd.DataFrame(np.eye(7)[[EMOTIONS.index(emotion) for emotion in emotions]], columns=list(EMOTIONS))
    told = {"group": "hall", "taken": pd.Timestamp("2026-05-01 20:00"), "second": np.nan, "width": 96}
    told |= {"abstained": False, "model": "compact", "version": "", "file": [f"{n}.jpg" for n in range(len(faces))]}
    faces = faces.assign(**told | columns)
    files = faces.groupby("file", as_index=False).agg(faces=("file", "size")).assign(rejected="")
    return faces, files


def parts_of(table):
    return table["faces"].groupby(level=0).sum().to_dict()


def test_corrected_shares_are_nearer_to_the_truth_and_their_intervals_hold_it(compact):
    table = measure(compact, events=8, resamples=FEW, faces=(300, 800))
    emotions = table.drop(index="mean")
    assert (emotions["corrected: points off"] < emotions["raw: points off"]).sum() >= 6
    assert table.loc["mean", "corrected: points off"] < table.loc["mean", "raw: points off"] / 2
    assert table.loc["mean", "corrected: covered"] >= 0.8 > table.loc["mean", "raw: covered"]


def test_the_same_seed_gives_the_same_report(event, correction):
    faces, files, _ = event
    pd.testing.assert_frame_equal(*(event_report(faces, files, correction=correction).shares for _ in range(2)))


def test_a_network_that_never_errs_is_not_corrected(certain):
    faces, files = seen(["happy"] * 15 + ["sad"] * 5)
    shares = event_report(faces, files, correction=certain).shares
    assert shares["corrected"].to_numpy() == pytest.approx(shares["raw"].to_numpy(), abs=1e-3)
    assert shares.loc["happy", "faces"] == 15
    assert shares["corrected"].sum() == pytest.approx(1)


def test_wider_intervals_are_surer(event, correction):
    faces, files, _ = event
    narrow, wide = (event_report(faces, files, correction=correction, level=level).shares for level in (0.5, 0.95))
    for name in ("raw", "photo", "corrected"):
        widths = [(table[f"{name} high"] - table[f"{name} low"]).mean() for table in (narrow, wide)]
        assert 0 < widths[0] < widths[1]


def test_faces_of_one_photo_are_not_independent(certain):
    moods = ["happy", "sad"] * 10
    alone, files = seen(np.repeat(moods, 5))
    together = alone.assign(file=[f"{number // 5}.jpg" for number in range(100)])
    widths = []
    for faces in (alone, together):
        shares = event_report(faces, files, correction=certain).shares.loc["happy"]
        widths.append(shares["photo high"] - shares["photo low"])
        assert shares["raw high"] - shares["raw low"] == pytest.approx(0.19, abs=0.01)
    assert widths[1] > 1.5 * widths[0]


def test_too_few_photos_give_no_interval_by_photo(certain):
    faces, files = seen(["happy"] * 20, file="one.jpg")
    report = event_report(faces, files, correction=certain)
    assert report.shares["photo low"].isna().all()
    assert (format_event(report.shares)["by photo"] == "").all()


def test_minutes_of_a_film_count_as_photos_do(certain):
    faces, files = seen(["happy", "sad"] * 360, file="film.mp4", second=np.arange(720.0))
    assert event_report(faces, files, correction=certain).shares["photo low"].notna().all()


def test_small_groups_are_never_alone(certain):
    groups = ["a"] * 2 + ["b"] * 4 + ["c"] * 9 + ["d"] * 20
    faces, files = seen(["happy"] * 35, group=groups)
    assert parts_of(event_report(faces, files, correction=certain).by_group) == {"c": 9, "d": 20, "others": 6}
    # one small group alone would be what is left of the whole
    faces, files = seen(["happy"] * 30, group=["a"] * 2 + ["c"] * 8 + ["d"] * 20)
    assert parts_of(event_report(faces, files, correction=certain).by_group) == {"d": 20, "others": 10}


@pytest.mark.parametrize(
    ("alone", "parts"),
    [(5, {"22:00": 30, "23:00": 5, "01:00": 15}), (1, {"22:00": 30, "others": 16})],
)
def test_times_are_those_of_the_clock_and_never_small(certain, alone, parts):
    minutes = [*range(0, 60, 2), *range(65, 65 + alone), *range(200, 230, 2)]
    taken = pd.Timestamp("2026-05-01 22:00") + pd.to_timedelta(minutes, unit="min")
    faces, files = seen(["happy"] * len(minutes), taken=taken[::-1])
    by_time = event_report(faces, files, correction=certain).by_time
    assert list(by_time.index.unique(0)) == list(parts) and parts_of(by_time) == parts


def test_an_event_of_days_is_told_by_the_time_of_day_and_the_unknown_stand_apart(certain):
    taken = pd.to_datetime([f"2026-05-0{day} {hour}:10" for day in (1, 2, 3) for hour in (9, 15) for _ in range(4)])
    faces, files = seen(["happy"] * 30, taken=[*taken, *[pd.NaT] * 6])
    by_time = event_report(faces, files, correction=certain).by_time
    assert parts_of(by_time) == {"08:00": 12, "14:00": 12, "unknown": 6}


def test_facts_tell_of_what_tells_nothing(certain):
    faces, files = seen(["happy"] * 10, width=[20] * 4 + [96] * 6, abstained=[True] * 2 + [False] * 8)
    lost = pd.DataFrame({"file": ["broken.jpg", "wall.jpg"], "faces": 0, "rejected": ["broken.jpg is empty", ""]})
    report = event_report(faces, pd.concat([files, lost]), correction=certain)
    assert report.facts["count"].to_list() == [12, 1, 1, 10, 2, 4]
    assert report.facts["share"].iloc[-1] == 0.4


def test_the_report_begins_with_what_it_may_be_used_for(certain):
    first, second = str(event_report(*seen(["happy"] * 8), correction=certain)).splitlines()
    assert "agreed" in first and "work and in education (article 5)" in first
    assert second.startswith("8 faces in 8 files.") and "happy, 100.0%" in second


def test_a_few_faces_are_no_event(certain):
    with pytest.raises(ValueError, match="4 faces: fewer than 5"):
        event_report(*seen(["happy"] * 4), correction=certain)


def test_a_correction_is_for_one_network(certain):
    faces, files = seen(["happy"] * 8, model="micro")
    with pytest.raises(ValueError, match=r"scored by micro \(\), the correction is for compact \(\)"):
        event_report(faces, files, correction=certain)


def test_what_has_no_face_to_learn_from_is_not_corrected(compact):
    labels, probabilities = compact.select("PublicTest")
    few = replace(compact, probabilities={"PublicTest": (np.where(labels == 1, 0, labels), probabilities)})
    with pytest.raises(ValueError, match="run compact: no PublicTest face is labelled disgust"):
        fit_correction(few)


def test_a_run_on_people_s_votes_is_corrected_for_their_labels(compact):
    voted = replace(compact, metadata=replace(compact.metadata, config=replace(compact.config, labels="ferplus")))
    correction = fit_correction(voted, resamples=1)
    assert correction.labels == "ferplus" and correction.weights.shape == (2, 8, 7)
    assert correction.accuracy == voted.accuracy("PublicTest", labels="ferplus")
