import numpy as np

from ferlib.explain import occlusion_map


def test_the_part_that_decides_is_found():
    image = np.full((48, 48), 100, np.uint8)
    image[30:40, 10:20] = 255

    def predict_images(images):
        bright = (images[:, 30:40, 10:20] > 200).mean((1, 2))
        return np.stack([bright, 1 - bright], axis=1)

    matters = occlusion_map(predict_images, image)
    assert matters.shape == (48, 48)
    assert matters[30:40, 10:20].min() > 0.3
    assert np.abs(matters[:15, 30:]).max() == 0
    assert np.array_equal(occlusion_map(predict_images, image, emotion=1), -matters)
