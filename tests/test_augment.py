import numpy as np
import pytest

from ferlib.augment import AUGMENTATIONS, MIXES, augment_images, draw_seeds


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


def test_shift_and_light_are_drawn_apart():
    ramp = np.repeat(np.tile(np.linspace(60, 180, 48), (48, 1))[None], 200, axis=0).astype(np.uint8)
    changed = augment_images(ramp, augment="full")[:, 12:36, 12:36]
    slope = np.polyfit(np.arange(24), changed.mean(1).T, 1)
    assert abs(np.corrcoef(slope[0], changed.mean((1, 2)))[0, 1]) < 0.3
