import cv2
import numpy as np
import pytest

from ferlib.training._augment import AUGMENTATIONS, MIXES, RandomAffine, RandomDegradation, augment_images, draw_seeds


@pytest.mark.parametrize("augment", AUGMENTATIONS)
def test_augmentation_keeps_shape_and_range(augment, drawn_faces):
    changed = augment_images(drawn_faces.images[:8], augment=augment)
    assert changed.shape == (8, 48, 48)
    assert changed.min() >= 0
    assert changed.max() <= 255
    assert np.array_equal(changed, drawn_faces.images[:8]) == (augment == "none")


@pytest.mark.parametrize("mix", ["mixup", "cutmix"])
def test_mixing_blends_labels_as_it_blends_images(mix):
    (layer,) = MIXES[mix](draw_seeds(0))
    shades = np.linspace(0, 255, 7, dtype="float32")
    images, labels = np.tile(shades[:, None, None, None], (1, 48, 48, 1)), np.eye(7, dtype="float32")
    mixed = layer({"images": images, "labels": labels}, training=True)
    assert np.asarray(mixed["images"]).mean((1, 2, 3)) == pytest.approx(np.asarray(mixed["labels"]) @ shades, abs=4)
    assert not np.array_equal(mixed["labels"], labels)


def test_seeds_fit_every_backend():
    assert max(draw_seeds(0)) < 2**31


def test_shift_and_brightness_are_drawn_independently():
    ramp = np.repeat(np.tile(np.linspace(60, 180, 48), (48, 1))[None], 200, axis=0).astype(np.uint8)
    changed = augment_images(ramp, augment="full")[:, 12:36, 12:36]
    slope = np.polyfit(np.arange(24), changed.mean(1).T, 1)
    assert abs(np.corrcoef(slope[0], changed.mean((1, 2)))[0, 1]) < 0.3


def degrade(images, **most):
    layer = RandomDegradation(**{"blur": 0, "noise": 0, "jpeg": 0} | most, seed=0)
    return np.asarray(layer(images[..., None].astype("float32"), training=True))[..., 0]


def test_degradation_is_that_of_opencv(drawn_faces):
    images = np.repeat(drawn_faces.images[:1], 200, axis=0)
    assert degrade(images) == pytest.approx(images.astype("float32"), abs=0.2)
    noise = (degrade(images, noise=12)[:, 20:28, 20:28] - images[:, 20:28, 20:28]).std((1, 2))
    assert (noise < 0.1).mean() == pytest.approx(0.5, abs=0.1) and 8 < noise.max() < 16
    blurred = np.abs(degrade(images, blur=1.5) - images).mean((1, 2))
    opencv = np.abs(cv2.GaussianBlur(images[0], (0, 0), 1.5).astype(float) - images[0]).mean()
    assert blurred.min() < 0.1 and blurred.max() == pytest.approx(opencv, rel=0.2)
    coded = np.abs(degrade(images, jpeg=2) - images).mean((1, 2))
    content = cv2.imencode(".jpg", images[0], [cv2.IMWRITE_JPEG_QUALITY, 25])[1]
    opencv = np.abs(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE).astype(float) - images[0]).mean()
    assert coded.min() < 0.1 and coded.max() == pytest.approx(opencv, rel=0.2)


@pytest.mark.parametrize(
    ("ranges", "lowest", "highest"),
    [
        ({"shift": 0.125}, {"x": -6, "y": -6}, {"x": 6, "y": 6}),
        ({"degrees": 15}, {"x": 10 * np.cos(np.pi / 12) - 10, "y": -10 * np.sin(np.pi / 12)}, {"x": 0, "y": 2.6}),
        ({"zoom": 0.2}, {"x": 10 / 1.2 - 10, "y": 0}, {"x": 10 / 0.8 - 10, "y": 0}),
    ],
)
def test_affine_moves_a_dot_as_far_as_it_may_and_no_further(ranges, lowest, highest):
    y, x = np.mgrid[:48, :48] - 23.5
    dots = np.tile(np.exp(-((x - 10) ** 2 + y**2) / 8).astype("float32")[None, ..., None], (500, 1, 1, 1))
    moved = np.asarray(RandomAffine(**{"shift": 0, "degrees": 0, "zoom": 0} | ranges, seed=0)(dots, training=True))
    assert np.array_equal(RandomAffine(shift=1, degrees=90, zoom=1, seed=0)(dots, training=False), dots)
    for axis, where, start in (("x", x, 10), ("y", y, 0)):
        moved_by = (moved[..., 0] * where).sum((1, 2)) / moved.sum((1, 2, 3)) - start
        assert moved_by.min() == pytest.approx(lowest[axis], abs=0.15)
        assert moved_by.max() == pytest.approx(highest[axis], abs=0.15)
