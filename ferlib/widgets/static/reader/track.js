// Faces of successive frames -> persons, smoothed: as Tracker in ferlib/inference/_video.py.

import { FORGET, HOLD_SECONDS, IMAGE_SIZE, SAME_FACE_IOU, SHARPNESS, SMOOTH_SECONDS } from "./constants.js";
import { predictedAs } from "./predict.js";

export function openTracker() {
  let persons = new Map(); // by number: when last seen, smoothed face, answer, since when another leads
  let count = 0;

  /** The faces of the next frame, each with the number of its person, smoothed, and the person's answer. */
  function update(faces, seconds) {
    const sharp = faces.filter(({ crop }) => findSharpness(crop) >= SHARPNESS);
    persons = new Map([...persons].filter(([, person]) => seconds - person.seen <= FORGET));
    const numbers = [...persons.keys()];
    const overlaps = [...persons.values()].map(({ face }) => sharp.map(({ box }) => overlap(face.box, box)));
    const known = new Map();
    assign(overlaps).forEach((now, old) => overlaps[old][now] >= SAME_FACE_IOU && known.set(now, numbers[old]));
    return sharp.map((face, i) => {
      const number = known.get(i) ?? ++count;
      const before = persons.get(number);
      let [answer, since, smoothed] = [predictedAs(face), seconds, face];
      if (before) {
        const fresh = 1 - Math.exp((before.seen - seconds) / SMOOTH_SECONDS);
        const last = before.face.probabilities;
        const smooth = (share, k) => fresh * share + (1 - fresh) * last[k];
        smoothed = { ...face, probabilities: face.probabilities.map(smooth) };
        since = predictedAs(smoothed) === predictedAs(before.face) ? before.since : seconds;
        answer = seconds - since >= HOLD_SECONDS ? predictedAs(smoothed) : before.answer;
      }
      persons.set(number, { seen: seconds, face: smoothed, answer, since });
      return { ...smoothed, person: number, answer };
    });
  }

  /** Forget everybody: the next frame shows another scene. */
  const cut = () => persons.clear();

  return { update, cut };
}

/** Intersection over union of two boxes. */
function overlap(first, second) {
  const [w, h] = [0, 1].map((i) =>
    Math.max(0, Math.min(first[i] + first[i + 2], second[i] + second[i + 2]) - Math.max(first[i], second[i])));
  return (w * h) / (first[2] * first[3] + second[2] * second[3] - w * h);
}

/**
 * The column of each row so that the sum of the values is highest, -1 for none: the Hungarian algorithm, a shortest
 * augmenting path for each row (Jonker and Volgenant 1987).
 */
function assign(values) {
  const size = Math.max(values.length, values[0]?.length ?? 0);
  const cost = (row, column) => -(values[row - 1]?.[column - 1] ?? 0);
  const [rowPrice, columnPrice, rowOf] = [0, 1, 2].map(() => new Array(size + 1).fill(0));
  for (let row = 1; row <= size; row++) {
    const [least, from, done] = [Infinity, 0, false].map((value) => new Array(size + 1).fill(value));
    let column = 0;
    rowOf[0] = row;
    do {
      done[column] = true;
      let [step, next] = [Infinity, 0];
      for (let j = 1; j <= size; j++) {
        if (done[j]) continue;
        const reduced = cost(rowOf[column], j) - rowPrice[rowOf[column]] - columnPrice[j];
        if (reduced < least[j]) [least[j], from[j]] = [reduced, column];
        if (least[j] < step) [step, next] = [least[j], j];
      }
      for (let j = 0; j <= size; j++) {
        if (done[j]) [rowPrice[rowOf[j]], columnPrice[j]] = [rowPrice[rowOf[j]] + step, columnPrice[j] - step];
        else least[j] -= step;
      }
      column = next;
    } while (rowOf[column]);
    for (; column; column = from[column]) rowOf[column] = rowOf[from[column]];
  }
  const columns = values.map(() => -1);
  rowOf.forEach((row, j) => j && row <= values.length && j <= (values[0]?.length ?? 0) && (columns[row - 1] = j - 1));
  return columns;
}

/** What there is of details 1 to 2 pixels large, in contrasts of the crop. */
function findSharpness(crop) {
  const [fine, coarse] = [blur(crop, 1), blur(crop, 2)];
  return deviation(fine.map((value, i) => value - coarse[i])) / Math.max(deviation(Float32Array.from(crop)), 1);
}

function deviation(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

/** A crop blurred as cv2.GaussianBlur does it: mirrored at the edges. */
export function blur(crop, sigma) {
  const reach = Math.round(8 * sigma + 1) >> 1;
  const bell = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * sigma ** 2)));
  const sum = bell.reduce((total, weight) => total + weight, 0);
  const mirror = (at) => IMAGE_SIZE - 1 - Math.abs(IMAGE_SIZE - 1 - Math.abs(at));
  function along(values, [step, stride]) {
    const blurred = new Float32Array(IMAGE_SIZE ** 2);
    for (let line = 0; line < IMAGE_SIZE; line++) {
      for (let at = 0; at < IMAGE_SIZE; at++) {
        let total = 0;
        for (let k = -reach; k <= reach; k++) total += bell[k + reach] * values[line * stride + mirror(at + k) * step];
        blurred[line * stride + at * step] = total / sum;
      }
    }
    return blurred;
  }
  return along(along(crop, [1, IMAGE_SIZE]), [IMAGE_SIZE, 1]);
}
