import dataclasses
import platform

import keras
import numpy as np
import pytest

from ferlib.recipes import TrainConfig
from ferlib.training._batches import Batches
from ferlib.training._models import MODELS
from ferlib.training._trainer import LOSSES, SCHEDULES, build_trainer, check_config, keep_memory


def rates(name, steps=100):
    schedule = SCHEDULES[name](1.0, steps)
    return [float(schedule(step)) for step in range(steps + 1)]


@pytest.mark.parametrize(("schedule", "highest"), [("warmup_cosine", 10), ("long_warmup_cosine", 30)])
def test_warm_up_climbs_for_its_share_of_the_run_and_ends_at_zero(schedule, highest):
    moving = rates(schedule)
    assert np.argmax(moving) == highest
    assert moving[0] == pytest.approx(1 / 25)
    assert moving[-1] == pytest.approx(0, abs=1e-6)


def test_cosine_falls_from_the_first_step():
    assert np.all(np.diff(rates("cosine")) < 0)


def test_weight_decay_spares_biases_and_batch_normalisation():
    config = TrainConfig("mini_xception", width=0.5, optimizer="adamw", weight_decay=0.1, learning_rate=1e-12)
    trainer = build_trainer(MODELS["mini_xception"](0.5), config, steps=1)
    decayed = {v.name for v in trainer.trainable_variables if trainer.optimizer._use_weight_decay(v)}
    spared = {v.name for v in trainer.trainable_variables if not trainer.optimizer._use_weight_decay(v)}
    assert decayed == {"kernel", "depthwise_kernel", "pointwise_kernel"}
    assert spared == {"bias", "gamma", "beta"}


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep memory")
def test_freed_memory_is_kept():
    resource, page_faults = pytest.importorskip("resource"), []
    keep_memory()
    for _ in range(5):
        b"x" * 2**26
        page_faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
    assert page_faults[-1] - page_faults[0] < 2**26 / resource.getpagesize()  # of four blocks not one was fetched anew


def test_loss_and_accuracy_compare_with_the_mixed_labels(drawn_faces):
    config = TrainConfig("simple", width=0.1, mix="mixup")
    trainer = build_trainer(MODELS["simple"](0.1), config, steps=1)
    inputs, labels, _ = Batches(drawn_faces, batch_size=32)[0]
    outputs = trainer(inputs, training=True)
    assert not np.array_equal(outputs["labels"], labels)
    mixed = keras.losses.CategoricalCrossentropy()(outputs["labels"], outputs["probabilities"])
    assert float(trainer.compute_loss(inputs, labels, outputs)) == pytest.approx(float(mixed))
    correct = keras.metrics.categorical_accuracy(outputs["labels"], outputs["probabilities"])
    measured = trainer.compute_metrics(inputs, labels, outputs)["accuracy"]
    assert float(measured) == pytest.approx(float(np.mean(correct)))
    assert np.array_equal(trainer(inputs, training=False)["labels"], labels)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_every_optimizer_learns(optimizer, drawn_faces):
    config = dataclasses.replace(TrainConfig("simple", width=0.1), optimizer=optimizer, learning_rate=0.003)
    keras.utils.set_random_seed(0)
    trainer = build_trainer(MODELS["simple"](0.1), config, steps=20)
    inputs, labels, _ = Batches(drawn_faces, batch_size=64, seed=0)[0]
    losses = [float(trainer.train_on_batch(inputs, labels)[0]) for _ in range(20)]
    assert losses[-1] < losses[0]


def test_focal_loss_weighs_faces_less_that_are_predicted_well():
    labels, well, badly = np.eye(7)[:1], np.full((1, 7), 0.1 / 6), np.full((1, 7), 0.9 / 6)
    well[0, 0], badly[0, 0] = 0.9, 0.1
    plain, focal = LOSSES["cross_entropy"](), LOSSES["focal"]()
    ratios = [float(focal(labels, p) / plain(labels, p)) for p in (well, badly)]
    assert ratios == pytest.approx([0.01, 0.81], rel=1e-3)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs", 0),
        ("batch_size", -1),
        ("width", 0.0),
        ("width", float("nan")),
        ("learning_rate", -1.0),
        ("learning_rate", float("inf")),
        ("patience", -1),
        ("ferplus_weight", 1.1),
        ("label_smoothing", 1.0),
        ("ema", 1.0),
    ],
)
def test_numbers_out_of_range_are_named(setting, value):
    with pytest.raises(ValueError, match=rf"{setting}={value}.: expected "):
        check_config(TrainConfig(**{setting: value}))
