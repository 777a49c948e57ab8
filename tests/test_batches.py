import numpy as np
import pytest

from ferlib.batches import Batches, ask_teacher, blend_labels, choose_rows
from ferlib.config import TrainConfig
from ferlib.testsets import VOTES


def test_the_official_split_is_trained_and_chosen_on(drawn_faces):
    rows, validation = choose_rows(TrainConfig(), drawn_faces)
    assert set(drawn_faces.usage[rows]) == {"Training"}
    assert set(drawn_faces.usage[validation]) == {"PublicTest"}


def test_oversampling_repeats_training_rows_only(drawn_faces):
    rows, validation = choose_rows(TrainConfig(balance="oversample"), drawn_faces)
    assert set(drawn_faces.usage[rows]) == {"Training"}
    assert len(set(np.bincount(drawn_faces.labels[rows], minlength=7))) == 1
    assert len(set(validation)) == len(validation)


def test_data_without_a_test_split_is_refused(drawn_faces):
    with pytest.raises(ValueError, match="no PrivateTest face"):
        choose_rows(TrainConfig(), drawn_faces.select(drawn_faces.usage != "PrivateTest"))


def test_votes_have_their_share_in_the_labels(drawn_faces, monkeypatch):
    import pandas as pd

    from ferlib import batches
    from ferlib.witnesses import Witnesses

    names = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
    votes = pd.DataFrame(0, index=range(len(drawn_faces)), columns=list(VOTES))
    votes["neutral"] = 4
    for label, name in enumerate(names):
        votes.loc[drawn_faces.labels == label, name] += 6
    monkeypatch.setattr(batches, "load_witnesses", lambda faces: Witnesses(votes, None, ""))
    rows = np.flatnonzero(drawn_faces.usage == "Training")
    plain, blended = (blend_labels(TrainConfig(votes=share), drawn_faces, rows) for share in (0, 0.4))
    assert np.array_equal(plain, np.eye(7)[drawn_faces.labels[rows]])
    assert blended.sum(1) == pytest.approx(1, abs=1e-5)
    assert (blended.max(1) > 0.6).all() and (blended.max(1) < 1).all()
    assert np.array_equal(blended.argmax(1), drawn_faces.labels[rows])


def test_a_teacher_has_its_share_in_the_labels(drawn_faces, monkeypatch):
    from ferlib import batches

    rows = np.arange(5)
    monkeypatch.setattr(batches, "ask_teacher", lambda teacher, images, **_: np.full((len(images), 7), 1 / 7))
    plain = np.eye(7)[drawn_faces.labels[rows]]
    blended = blend_labels(TrainConfig(teacher="any", distillation=0.7), drawn_faces, rows)
    assert blended == pytest.approx(0.3 * plain + 0.1)


def test_teachers_answer_with_their_mean_whichever_side_is_left(trained_run, drawn_faces):
    images = drawn_faces.images[:8]
    one, twice = (
        ask_teacher(teacher, images, models_dir=trained_run.parent)
        for teacher in (trained_run.name, f"{trained_run.name}+{trained_run.name}")
    )
    assert one.sum(1) == pytest.approx(1, abs=1e-5)
    assert one == pytest.approx(twice, abs=1e-6)
    assert one == pytest.approx(
        ask_teacher(trained_run.name, images[:, :, ::-1], models_dir=trained_run.parent), abs=1e-5
    )


def test_batches_hold_every_face_once_an_epoch(drawn_faces):
    batches = Batches(drawn_faces, batch_size=64, seed=0)
    orders = []
    for epoch in (0, 1):
        batches.start_epoch(epoch)
        orders.append(batches.rows)
        assert sum(len(batches[index][1]) for index in range(len(batches))) == len(drawn_faces)
        assert sorted(batches.rows) == list(range(len(drawn_faces)))
    assert not np.array_equal(*orders)
    images, labels, weights = batches[0]
    assert np.array_equal(images["images"][..., 0], drawn_faces.images[batches.rows[:64]])
    assert np.array_equal(labels.argmax(1), drawn_faces.labels[batches.rows[:64]])
    assert set(weights) == {1.0}
