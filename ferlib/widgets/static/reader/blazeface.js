// BlazeFace on views of a photo, as ferlib/inference/_blazeface.py, which says why each step is there.

import {
  ACCEPT_SCORE, ACCEPT_TURNED_SCORE, BOX_STEPS, CANDIDATE_SCORE, CERTAIN_SCORE, CERTAIN_WIDTH, CLEAR_TRACE, DARK_BELOW,
  FACES_IN_TILE, FAR_VIEW, FAR_VIEW_DEGREES, GLANCE_DEGREES, GRID_SIZE, MAX_TURNS, REFINE_SIDES, ROLLED_DEGREES,
  SCORE_LOSS, SECOND_SIDE_SCORE, SMALLEST_TILE, TILE_OVERLAP, TRACE, VIEW_SIZE,
} from "./constants.js";
import { halve, lighten, round, warp } from "./pixels.js";

const RADIANS = Math.PI / 180;
const SCALED = Float32Array.from({ length: 256 }, (_, value) => Math.fround(value / 127.5) - 1);
const input = new Float32Array(3 * VIEW_SIZE ** 2); // one for all views: they are looked at in turn
const RANGE = (count) => Array.from({ length: count }, (_, i) => i);

/** Degrees by which the eyes are off the horizontal. */
const roll = ({ keypoints: [left, right] }) => Math.atan2(right[1] - left[1], right[0] - left[0]) / RADIANS;

/** Faces {centre, width, score, keypoints} in a photo, best first. */
export async function findFaces(network, photo, minFace) {
  const detector = { network, levels: makePyramid(photo), height: photo.height, width: photo.width };
  const faces = await detectInViews(detector, tileViews(photo, minFace), ACCEPT_SCORE);
  return faces.length ? faces : detectInViews(detector, await farViews(detector), ACCEPT_TURNED_SCORE);
}

function makePyramid(photo) {
  const levels = [photo];
  for (let last = photo; Math.min(last.width, last.height) >= 2 && Math.max(last.width, last.height) > VIEW_SIZE; ) {
    levels.push((last = halve(last)));
  }
  return levels;
}

/** Square views {centre, side, degrees}: the whole photo, then overlapping tiles. */
function tileViews({ width, height }, minFace) {
  const whole = Math.max(width, height);
  const side = Math.max(SMALLEST_TILE * whole, FACES_IN_TILE * minFace);
  const tile = (x, y, size) => ({ centre: [x, y], side: size, degrees: 0 });
  const views = [tile(width / 2, height / 2, whole)];
  if (side >= whole) return views;
  const columns = tileCentres(width, side);
  return views.concat(tileCentres(height, side).flatMap((y) => columns.map((x) => tile(x, y, side))));
}

function tileCentres(length, side) {
  if (length <= side) return [length / 2];
  const steps = Math.ceil((length - side) / (side * (1 - TILE_OVERLAP)));
  return RANGE(steps + 1).map((i) => side / 2 + (i * (length - side)) / steps);
}

/** Views from further off, turned: those in which a glance at four at once finds a trace, or all if it is clear. */
async function farViews(detector) {
  const { width, height } = detector;
  const [centre, side] = [[width / 2, height / 2], FAR_VIEW * Math.max(width, height)];
  const views = [...FAR_VIEW_DEGREES, ...GLANCE_DEGREES].map((degrees) => ({ centre, side, degrees }));
  const traces = [...(await glance(detector, views.slice(0, 4))), ...(await glance(detector, views.slice(4)))];
  const least = Math.max(...traces) > CLEAR_TRACE ? -1 : TRACE;
  return views.slice(0, FAR_VIEW_DEGREES.length).filter((_, i) => traces[i] > least);
}

/** The highest score in the middle of each of four views, laid side by side. */
async function glance(detector, views) {
  const half = VIEW_SIZE / 2;
  const four = new Uint8Array(3 * VIEW_SIZE ** 2);
  views.forEach((view, i) => {
    const { pixels } = drawView(detector, { ...view, side: view.side / 2 }, half);
    for (let y = 0; y < half; y++) {
      const row = pixels.subarray(3 * half * y, 3 * half * (y + 1));
      four.set(row, 3 * (VIEW_SIZE * (y + half * (i >> 1)) + half * (i & 1)));
    }
  });
  const { scores } = await look(detector.network, four);
  const highest = [0, 0, 0, 0];
  scores.forEach((score, cell) => {
    const quarter = 2 * (2 * cell >= GRID_SIZE ** 2) + (2 * (cell % GRID_SIZE) >= GRID_SIZE);
    highest[quarter] = Math.max(highest[quarter], score);
  });
  return highest;
}

/** Faces in some views of the photo that an upright view close to them confirms; best first. */
async function detectInViews(detector, views, accept) {
  const seen = [];
  for (const view of views) seen.push(...(await detectInView(detector, view)));
  const confirmed = [];
  for (const candidate of suppress(seen)) confirmed.push(...(await confirm(detector, candidate, accept)));
  return suppress(confirmed);
}

async function confirm(detector, candidate, accept) {
  const certain = candidate.score > CERTAIN_SCORE && candidate.widthInView > CERTAIN_WIDTH;
  if (certain && Math.abs(roll(candidate)) < ROLLED_DEGREES) return [candidate];
  let [face, before] = [await refine(detector, candidate), roll(candidate)];
  for (let turn = 0; face && turn < MAX_TURNS && Math.abs(roll(face) - before) >= ROLLED_DEGREES; turn++) {
    const again = await refine(detector, face);
    if (!again || again.score < face.score - SCORE_LOSS) break;
    [face, before] = [again, roll(face)];
  }
  if (!face) return [];
  const score = 0.6 * face.score + 0.4 * candidate.score;
  return score > accept ? [{ ...face, score }] : [];
}

/** The same face in an upright view close to it, if it is found there. */
async function refine(detector, face) {
  for (const side of face.score > SECOND_SIDE_SCORE ? REFINE_SIDES : REFINE_SIDES.slice(0, 1)) {
    const view = { centre: face.centre, side: side * face.width, degrees: roll(face) };
    const near = (value, i) => Math.abs(value - face.centre[i]) < face.width / 2;
    const found = (await detectInView(detector, view)).find(({ centre }) => centre.every(near));
    if (found) return found;
  }
  return null;
}

/** A square view, turned by degrees and lightened, and the (2, 3) matrix from its pixels to the photo's. */
function drawView({ levels, width, height }, { centre: [x, y], side, degrees }, size = VIEW_SIZE) {
  const scale = side / size;
  const level = levels[Math.min(levels.length - 1, Math.max(0, Math.trunc(Math.log2(scale))))];
  const [cos, sin] = [scale * Math.cos(degrees * RADIANS), scale * Math.sin(degrees * RADIANS)];
  const toPhoto = [[cos, -sin, x - (cos - sin) * (size / 2)], [sin, cos, y - (sin + cos) * (size / 2)]];
  const shrunk = [level.width / width, level.height / height];
  const matrix = toPhoto.map((row, i) => row.map((value) => value * shrunk[i]));
  return { pixels: lighten(warp(level, matrix, size), size, DARK_BELOW), toPhoto };
}

/** Boxes with keypoints, 16 numbers a cell, in pixels from its middle, and scores of the cells of a view. */
async function look(network, pixels) {
  for (let i = 0; i < pixels.length; i++) input[i] = SCALED[pixels[i]];
  const [boxes, logits] = await network.run(input);
  return { boxes, scores: logits.map((logit) => 1 / (1 + Math.exp(-Math.max(-80, Math.min(80, logit))))) };
}

/** Faces in a square view of the photo; best first. */
async function detectInView(detector, view) {
  const { pixels, toPhoto } = drawView(detector, view);
  const { boxes, scores } = await look(detector.network, pixels);
  const [scale, step] = [view.side / VIEW_SIZE, VIEW_SIZE / GRID_SIZE];
  const cells = RANGE(scores.length).filter((cell) => scores[cell] > CANDIDATE_SCORE);
  return cells.sort((a, b) => scores[b] - scores[a]).map((cell) => {
    const exact = boxes.slice(16 * cell, 16 * cell + 12); // without the ears
    const box = exact.map((value) => round(value * BOX_STEPS) / BOX_STEPS);
    const [left, top] = [((cell % GRID_SIZE) + 0.5) * step, (Math.floor(cell / GRID_SIZE) + 0.5) * step];
    const [centre, ...keypoints] = [0, 4, 6, 8, 10].map((at) => {
      const [x, y] = [box[at] + left, box[at + 1] + top];
      return toPhoto.map(([a, b, c]) => a * x + b * y + c);
    });
    const widthInView = Math.max(box[2], box[3]);
    return { centre, width: widthInView * scale, score: scores[cell], keypoints, widthInView };
  });
}

/** Of the faces, the best of those that cover half of the smaller one. */
function suppress(faces) {
  const kept = [];
  for (const face of faces.sort((a, b) => b.score - a.score)) {
    const hidden = kept.some((other) => {
      const smaller = Math.min(face.width, other.width);
      const [w, h] = face.centre.map((value, i) =>
        Math.max(0, Math.min(smaller, (face.width + other.width) / 2 - Math.abs(value - other.centre[i]))));
      return w * h > smaller ** 2 / 2;
    });
    if (!hidden) kept.push(face);
  }
  return kept;
}
