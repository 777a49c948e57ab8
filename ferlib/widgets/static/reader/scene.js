// Whether a film cuts to another scene, as in ferlib/inference/_video.py.

import { SAME_SCENE } from "./constants.js";
import { shrink, toGrey } from "./pixels.js";

const [SIDE, RIM] = [32, 4];
const INNER = SIDE - 2 * RIM;

/** The pixels of a window of a scene, less their mean, and the root of the sum of their squares. */
function look(scene, left, top) {
  const pixels = Array.from({ length: INNER ** 2 }, (_, i) =>
    scene[(top + Math.floor(i / INNER)) * SIDE + left + (i % INNER)]);
  const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
  const centred = pixels.map((value) => value - mean);
  return [centred, Math.sqrt(centred.reduce((sum, value) => sum + value * value, 0))];
}

/** A function that tells of each frame whether it shows another scene than the one before. */
export function openScenes() {
  let before = null;
  return (photo) => {
    const scene = shrink(toGrey(photo.data, 4), [photo.width, photo.height], [SIDE, SIDE]);
    const [middle, size] = look(scene, RIM, RIM);
    let likeness = before && size ? -1 : 1;
    for (let place = 0; likeness < SAME_SCENE && place < (2 * RIM + 1) ** 2; place++) {
      const [window, other] = look(before, place % (2 * RIM + 1), Math.floor(place / (2 * RIM + 1)));
      const product = window.reduce((sum, value, i) => sum + value * middle[i], 0);
      likeness = Math.max(likeness, other ? product / (size * other) : 0);
    }
    before = scene;
    return likeness < SAME_SCENE;
  };
}
