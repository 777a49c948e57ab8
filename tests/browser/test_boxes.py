"""The boxes that a page draws over a photo, on a canvas of their own."""

import numpy as np
import pytest
from lab import open_browser

from ferlib.widgets._view import read_static

pytestmark = pytest.mark.browser

DRAW = """boxes => {
    const canvas = element("canvas", "", { width: 800, height: 500 });
    const context = canvas.getContext("2d");
    const tags = [];
    context.fillRect = (...place) => tags.push(place);
    const taken = [...boxes];
    boxes.forEach((box, i) => drawBox(context, box, `${i + 1} not sure (sad 43 %)`, "#0072B2", 28, { taken }));
    return tags;
}"""


@pytest.mark.parametrize("count", [1, 5, 20])
def test_labels_cover_neither_faces_nor_one_another(chromium, count):
    rng = np.random.default_rng(count)
    boxes = [[*map(int, rng.integers(-20, (760, 460))), *[int(rng.integers(30, 120))] * 2] for _ in range(count)]
    with open_browser(chromium) as page:
        page.add_script_tag(content=read_static("common.js"))
        tags = page.evaluate(DRAW, boxes)
    assert len(tags) > 0.8 * count
    areas = np.array(boxes + tags)
    areas[:, 2:] += areas[:, :2]
    for i, tag in enumerate(areas[count:], count):
        assert (tag[:2] >= 0).all() and (tag[2:] <= (800, 500)).all()
        assert not (np.maximum(tag[:2], areas[:i, :2]) < np.minimum(tag[2:], areas[:i, 2:])).all(1).any()
