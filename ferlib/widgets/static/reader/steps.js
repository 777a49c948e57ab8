// How an answer came about: a face corrupted, and what of it the answer rests on, as ferlib.evaluation does it.

import { HEAT_COLOR, IMAGE_SIZE } from "./constants.js";
import { warp } from "./pixels.js";
import { blur } from "./track.js";

const [PATCH, STEP] = [10, 4]; // pixels
const PLACE = [0.85062, 0.63696]; // of what covers the face, where NumPy's generator draws it

/** The same sequence of numbers in [0, 1) each time (mulberry32). */
function makeNoise() {
  let state = 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const CORRUPTIONS = {
  blur,
  "too dark": (crop, factor) => Float32Array.from(crop, (grey) => grey * factor),
  rotation(crop, degrees) {
    const [radians, middle] = [(degrees * Math.PI) / 180, (IMAGE_SIZE - 1) / 2];
    const [cos, sin] = [Math.cos(radians), Math.sin(radians)];
    const data = Uint8Array.from({ length: 4 * crop.length }, (_, i) => crop[i >> 2]);
    const matrix = [[cos, -sin, middle * (1 - cos + sin)], [sin, cos, middle * (1 - sin - cos)]];
    return warp({ data, width: IMAGE_SIZE, height: IMAGE_SIZE }, matrix, IMAGE_SIZE).filter((_, i) => i % 3 === 0);
  },
  noise(crop, sigma) {
    const draw = makeNoise();
    const normal = () => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
    return Float32Array.from(crop, (grey) => grey + sigma * normal());
  },
  occlusion(crop, side) {
    const [top, left] = PLACE.map((share) => Math.floor(share * (IMAGE_SIZE - side + 1)));
    return cover(crop, [left, top], side, 128);
  },
};

function cover(crop, [left, top], side, grey) {
  const covered = crop.slice();
  for (let y = top; y < top + side; y++) covered.fill(grey, y * IMAGE_SIZE + left, y * IMAGE_SIZE + left + side);
  return covered;
}

/** A crop under several corruptions at once, by their names in `ferlib.evaluation`. */
export const corrupt = (crop, changes) => Object.entries(changes).reduce((image, [name, setting]) =>
  new Uint8Array(new Uint8ClampedArray(CORRUPTIONS[name](image, setting))), crop);

/** The crop, RGB, red where a grey patch costs much of the likeliest emotion's probability (Zeiler and Fergus 2014). */
export async function drawHeat(predictImage, crop) {
  const probabilities = await predictImage(crop);
  const label = probabilities.indexOf(Math.max(...probabilities));
  const mean = crop.reduce((sum, grey) => sum + grey, 0) / crop.length;
  const [total, times] = [new Float32Array(crop.length), new Float32Array(crop.length)];
  for (let top = 0; top <= IMAGE_SIZE - PATCH; top += STEP) {
    for (let left = 0; left <= IMAGE_SIZE - PATCH; left += STEP) {
      const loss = probabilities[label] - (await predictImage(cover(crop, [left, top], PATCH, mean)))[label];
      cover(new Uint8Array(crop.length), [left, top], PATCH, 1).forEach((here, i) => {
        total[i] += here * loss;
        times[i] += here;
      });
    }
  }
  const matters = total.map((loss, i) => Math.max(0, loss / Math.max(times[i], 1)));
  const highest = Math.max(...matters, 1e-6);
  return Uint8Array.from({ length: 3 * crop.length }, (_, i) => {
    const share = 0.8 * Math.sqrt(matters[Math.floor(i / 3)] / highest);
    return Math.round((1 - share) * crop[Math.floor(i / 3)] + share * HEAT_COLOR[i % 3]);
  });
}
