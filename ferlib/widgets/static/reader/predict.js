// Photo -> faces with their probabilities, as ferlib/inference/_predict.py.

import { cropFace, frame } from "./align.js";
import { findFaces } from "./blazeface.js";
import { COARSE, CONFIDENCE_THRESHOLD, EMOTIONS, MIN_FACE, NETWORKS } from "./constants.js";
import { openNetwork } from "./litert.js";

/** `predict(photo)` resolves to faces left to right, `predictImage(crop)` to the probabilities of one. */
export async function openPredictor(name, logitAdjustment = NETWORKS[name]?.logitAdjustment) {
  if (!NETWORKS[name]) throw new Error(`no network ${name}: there are ${Object.keys(NETWORKS).join(", ")}`);
  const { temperature, prior, reading } = NETWORKS[name];
  const [detector, network] = await Promise.all(["blazeface.tflite", `${name}.tflite`].map(open));

  async function predictImage(crop) {
    const [raw] = await network.run(new Float32Array(crop));
    const calibrated = normalise(Array.from(raw, (share) => Math.max(share, 1e-9) ** (1 / temperature)));
    return logitAdjustment ? normalise(calibrated.map((share, i) => share / prior[i] ** logitAdjustment)) : calibrated;
  }

  async function predict(photo) {
    const found = await findFaces(detector, photo, MIN_FACE);
    const faces = found.map((face) => ({ box: frame(face), score: face.score, keypoints: face.keypoints }));
    faces.sort((a, b) => a.box[0] - b.box[0] || a.box[1] - b.box[1]);
    for (const face of faces) {
      face.crop = cropFace(photo, face);
      face.probabilities = await predictImage(face.crop);
    }
    return faces;
  }
  return { predict, predictImage, reading };
}

const opened = new Map();

/** A network by its file's name, opened once; one that could not be loaded may be tried again. */
function open(file) {
  if (!opened.has(file)) opened.set(file, openNetwork(file));
  opened.get(file).catch(() => opened.delete(file));
  return opened.get(file);
}

function normalise(shares) {
  const sum = shares.reduce((total, share) => total + share, 0);
  return shares.map((share) => share / sum);
}

/** An emotion or "not sure": a face's answer where a tracker knows better, else what is likeliest. */
export function predictedAs({ answer, probabilities }) {
  const highest = Math.max(...probabilities);
  return answer ?? (highest >= CONFIDENCE_THRESHOLD ? EMOTIONS[probabilities.indexOf(highest)] : "not sure");
}

/** A face as the views take it. */
export function describe(face) {
  const { box, score, probabilities } = face;
  const predicted = predictedAs(face);
  const likeliest = EMOTIONS[probabilities.indexOf(Math.max(...probabilities))];
  const emotion = EMOTIONS.includes(face.answer) ? face.answer : likeliest;
  const share = (group) => group.reduce((sum, member) => sum + probabilities[EMOTIONS.indexOf(member)], 0);
  const shares = Object.entries(COARSE).map(([name, group]) => [name, group.includes(predicted) + share(group)]);
  const [coarse] = shares.reduce((best, other) => (other[1] > best[1] ? other : best));
  return { box, score, emotion, predicted, coarse, probabilities };
}
