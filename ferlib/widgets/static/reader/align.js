// Boxes as FER2013 frames its faces, and faces cut out as FER2013 shows them: as ferlib/inference/_detect.py.

import { DARK_BELOW, FRAME_SHIFT, FRAME_WIDTH, IMAGE_SIZE, REFERENCE_LANDMARKS } from "./constants.js";
import { lighten, round, shrink, toGrey, warp } from "./pixels.js";

/** [x, y, width, height] of a square of whole pixels. */
export function frame({ centre: [x, y], width }) {
  const side = FRAME_WIDTH * width;
  const framed = Math.max(1, round(side));
  const [left, top] = [x - width / 2 + width / 2, y - width / 2 + width / 2 + FRAME_SHIFT * width];
  return [round(left - side / 2), round(top - side / 2), framed, framed];
}

/** Grey pixels, 48x48, of a face turned upright. */
export function cropFace(photo, { box: [x, y, w, h], keypoints }) {
  if (x >= photo.width || y >= photo.height || x + w <= 0 || y + h <= 0) {
    throw new Error(`box (${x}, ${y}, ${w}, ${h}) does not lie in the photo of ${photo.width}x${photo.height} pixels`);
  }
  const [zoom, shift] = findSimilarity(REFERENCE_LANDMARKS, [keypoints[0], keypoints[1], keypoints[3]]);
  // drawn larger and then averaged, so that a large face is not jagged
  const finer = Math.min(16, Math.ceil(Math.hypot(...zoom)));
  const [re, im] = zoom.map((value) => value / finer);
  const corner = [shift[0] + 0.5 * (re - im) - 0.5, shift[1] + 0.5 * (re + im) - 0.5];
  const side = IMAGE_SIZE * finer;
  const fine = toGrey(warp(photo, [[re, -im, corner[0]], [im, re, corner[1]]], side, true), 3);
  return lighten(shrink(fine, [side, side], [IMAGE_SIZE, IMAGE_SIZE]), IMAGE_SIZE, DARK_BELOW);
}

/** Rotation with zoom, and shift, as complex numbers, that bring points nearest to others (Umeyama 1991). */
function findSimilarity(source, target) {
  const [from, to] = [source, target].map((points) => [0, 1].map((axis) =>
    points.reduce((sum, point) => sum + point[axis], 0) / points.length));
  let [re, im, norm] = [0, 0, 0];
  source.forEach(([sx, sy], i) => {
    const [x, y, [u, v]] = [sx - from[0], sy - from[1], target[i]];
    re += x * u + y * v;
    im += x * v - y * u;
    norm += x * x + y * y;
  });
  [re, im] = [re / norm, im / norm];
  return [[re, im], [to[0] - (re * from[0] - im * from[1]), to[1] - (re * from[1] + im * from[0])]];
}
