import numpy as np
import pytest

from ferlib.augment import AUGMENTATIONS, MIXES, augment_images


@pytest.mark.parametrize("augment", AUGMENTATIONS)
def test_augmentation_keeps_shape_and_range(augment, drawn_faces):
    changed = augment_images(drawn_faces.images[:8], augment=augment)
    assert changed.shape == (8, 48, 48)
    assert changed.min() >= 0
    assert changed.max() <= 255
    assert np.array_equal(changed, drawn_faces.images[:8]) == (augment == "none")


@pytest.mark.parametrize("mix", ["mixup", "cutmix"])
def test_mixing_blends_labels_as_it_blends_images(mix):
    (layer,) = MIXES[mix](0)
    shades = np.linspace(0, 255, 7, dtype="float32")
    images, labels = np.tile(shades[:, None, None, None], (1, 48, 48, 1)), np.eye(7, dtype="float32")
    mixed = layer({"images": images, "labels": labels}, training=True)
    assert np.asarray(mixed["images"]).mean((1, 2, 3)) == pytest.approx(np.asarray(mixed["labels"]) @ shades, abs=4)
    assert not np.array_equal(mixed["labels"], labels)
