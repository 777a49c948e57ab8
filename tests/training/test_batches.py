import numpy as np
import pandas as pd
import pytest

from ferlib.data import VOTES, FerPlus
from ferlib.recipes import TrainConfig
from ferlib.training._batches import Batches, label_faces, soft_targets, teacher_probabilities, train_val_rows


def test_the_official_split_is_trained_and_chosen_on(drawn_faces):
    rows, validation = train_val_rows(TrainConfig(), drawn_faces)
    assert set(drawn_faces.split[rows]) == {"Training"}
    assert set(drawn_faces.split[validation]) == {"PublicTest"}


def test_oversampling_repeats_training_rows_only(drawn_faces):
    rows, validation = train_val_rows(TrainConfig(balance="oversample"), drawn_faces)
    assert set(drawn_faces.split[rows]) == {"Training"}
    assert len(set(np.bincount(drawn_faces.labels[rows], minlength=7))) == 1
    assert len(set(validation)) == len(validation)


@pytest.mark.parametrize(("protocol", "split"), [("official", "PublicTest"), ("leaky", "PrivateTest")])
def test_data_without_a_split_that_is_needed_is_refused(protocol, split, drawn_faces):
    with pytest.raises(ValueError, match=f"no {split} face"):
        train_val_rows(TrainConfig(split_protocol=protocol), drawn_faces.select(drawn_faces.split != split))


@pytest.fixture
def votes(drawn_faces, monkeypatch):
    """Six votes for the label of each face, and four for neutral."""
    votes = pd.DataFrame(0, index=range(len(drawn_faces)), columns=list(VOTES))
    votes["neutral"] = 4
    for label, name in enumerate(["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]):
        votes.loc[drawn_faces.labels == label, name] += 6
    monkeypatch.setattr("ferlib.training._batches.load_ferplus", lambda faces: FerPlus(votes, None, ""))
    return votes


def test_faces_can_be_learned_with_the_votes_for_them(drawn_faces, votes):
    training, public_test = (np.flatnonzero(drawn_faces.split == split) for split in ("Training", "PublicTest"))
    votes.loc[training[0]] = dict.fromkeys(VOTES, 1) | {"NF": 3}  # nobody but single voters saw an emotion
    votes.loc[public_test[0]] = dict.fromkeys(VOTES, 0) | {"happiness": 5, "sadness": 5}  # no majority
    votes.loc[public_test[1]] = dict.fromkeys(VOTES, 0) | {"contempt": 9, "sadness": 1}
    faces, targets = label_faces(TrainConfig(labels="ferplus"), drawn_faces)
    kept = np.setdiff1d(np.arange(len(drawn_faces)), [training[0], *public_test[:2]])
    assert np.array_equal(faces.images, drawn_faces.images[kept])
    assert np.array_equal(faces.labels, drawn_faces.labels[kept])
    assert targets[faces.labels == 3][0] == pytest.approx([0, 0, 0, 0.6, 0, 0, 0.4])
    assert targets.sum(1) == pytest.approx(1)


def test_faces_on_which_nobody_voted_cannot_be_learned_with_votes(drawn_faces):
    with pytest.raises(ValueError, match="nobody voted on these faces"):
        label_faces(TrainConfig(labels="ferplus"), drawn_faces)


def test_ferplus_votes_have_their_share_in_the_targets(drawn_faces, votes):
    rows = np.flatnonzero(drawn_faces.split == "Training")
    hard = np.eye(7)[drawn_faces.labels[rows]]
    soft = soft_targets(TrainConfig(ferplus_weight=0.4), drawn_faces, rows, targets=hard)
    assert soft.sum(1) == pytest.approx(1, abs=1e-5)
    assert (soft.max(1) > 0.6).all() and (soft.max(1) < 1).all()
    assert np.array_equal(soft.argmax(1), drawn_faces.labels[rows])


def test_a_teacher_has_its_share_in_the_targets(drawn_faces, monkeypatch):
    rows, batches = np.arange(5), "ferlib.training._batches"
    uniform = lambda teacher, images, **_: np.full((len(images), 7), 1 / 7)  # noqa: E731
    monkeypatch.setattr(f"{batches}.teacher_probabilities", uniform)
    hard = np.eye(7)[drawn_faces.labels[rows]]
    soft = soft_targets(TrainConfig(teacher="any", distillation=0.7), drawn_faces, rows, targets=hard)
    assert soft == pytest.approx(0.3 * hard + 0.1)


def test_several_teachers_are_averaged_over_both_mirror_images(trained_run, drawn_faces):
    images = drawn_faces.images[:8]
    one, twice = (
        teacher_probabilities(teacher, images, models_dir=trained_run.parent)
        for teacher in (trained_run.name, f"{trained_run.name}+{trained_run.name}")
    )
    assert one.sum(1) == pytest.approx(1, abs=1e-5)
    assert one == pytest.approx(twice, abs=1e-6)
    assert one == pytest.approx(
        teacher_probabilities(trained_run.name, images[:, :, ::-1], models_dir=trained_run.parent), abs=1e-5
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
