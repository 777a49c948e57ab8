// Answers to the views' questions, as ferlib/widgets/_demo.py gives them.

import { DEMO_RUN, IMAGE_SIZE } from "./constants.js";
import { locate } from "./files.js";
import { describe, openPredictor } from "./predict.js";
import { openScenes } from "./scene.js";
import { corrupt, drawHeat } from "./steps.js";
import { openTracker } from "./track.js";

const UNREADABLE = "This file is not a picture that the browser can read: expected JPEG, PNG, WebP, GIF or BMP";

/** `reply(message, pictures)` resolves to [answer, pictures]. */
export async function openSession() {
  let predictor = await openPredictor(DEMO_RUN);
  let latest = null; // {photo, faces}: the photo or frame with a face that was read last
  let parts = new Blob();
  const live = openTracker();
  let film = null; // {tracker, isCut, seconds} of the film that is read

  async function predict(photo) {
    const faces = await predictor.predict(photo);
    if (faces.length) latest = { photo, faces };
    return faces;
  }

  const tell = (faces, rest) => ({ kind: "faces", faces, reading: predictor.reading, ...rest });

  const tellPersons = (persons) => [tell(persons.map((face) => ({ person: face.person, ...describe(face) }))), []];

  async function readPhoto(file, return_photo) {
    const photo = await toPixels(file);
    const faces = await predict(photo);
    const pictures = await Promise.all(faces.map(({ crop }) => toFile(crop)));
    return [tell(faces.map(describe), { width: photo.width }), return_photo ? [...pictures, file] : pictures];
  }

  const sample = async () => (await fetch(locate("sample.jpg"))).blob();

  async function choose({ network, logit_adjustment }) {
    predictor = await openPredictor(network, logit_adjustment);
    if (!latest) await readPhoto(await sample());
  }

  const replies = {
    ready: async () => [{ kind: "ready", reading: predictor.reading }, []],

    sample: async ({ return_photo }) => readPhoto(await sample(), return_photo),

    async part({ start }, [bytes]) {
      parts = new Blob([parts.slice(0, start), bytes]);
      return [{ kind: "part" }, []];
    },

    async photo({ start = 0, return_photo, ...message }, [picture]) {
      if (picture) {
        const file = picture instanceof ArrayBuffer ? new Blob([parts.slice(0, start), picture]) : picture;
        parts = new Blob();
        return readPhoto(file, return_photo);
      }
      await choose(message);
      const { photo: { data, width, height }, faces } = latest;
      const boxes = faces.map(({ box }) => box);
      return [{ kind: "photo", boxes }, [await toFile(data, width, height, "image/jpeg")]];
    },

    /** A frame of the camera, or of a film, at so many seconds: a film begins at 0, may be wound back, and cut. */
    async frame({ seconds }, [picture]) {
      const photo = await toPixels(picture);
      if (seconds === undefined) return tellPersons(live.update(await predict(photo), performance.now() / 1000));
      if (!(seconds > film?.seconds)) film = { tracker: openTracker(), isCut: openScenes() };
      film.seconds = seconds;
      if (film.isCut(photo)) film.tracker.cut();
      return tellPersons(film.tracker.update(await predictor.predict(photo), seconds));
    },

    async steps({ face: number, changes, ...message }) {
      await choose(message);
      const face = latest.faces[number];
      const crop = corrupt(face.crop, changes);
      const probabilities = await predictor.predictImage(crop);
      const pictures = [face.crop, crop, await drawHeat(predictor.predictImage, crop)];
      const files = await Promise.all(pictures.map((picture) => toFile(picture)));
      return [{ kind: "steps", face: describe({ ...face, probabilities }) }, files];
    },
  };
  return { reply: (message, pictures) => replies[message.kind](message, pictures) };
}

const AS_STORED = { colorSpaceConversion: "none" }; // as Python reads a file, whatever its colour profile
const MOST_PIXELS = 2 ** 24; // a canvas on a phone holds no more
const canvas = new OffscreenCanvas(1, 1);
const context = canvas.getContext("2d", { willReadFrequently: true });

/** RGBA pixels of a file's content, an ImageBitmap, which is closed, or ImageData; on white where transparent. */
async function toPixels(picture) {
  if (picture instanceof ImageData) return picture;
  const refuse = () => Promise.reject(new Error(UNREADABLE));
  const isBitmap = picture instanceof ImageBitmap;
  const bitmap = isBitmap ? picture : await createImageBitmap(new Blob([picture]), AS_STORED).catch(refuse);
  const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (bitmap.width * bitmap.height)));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.floor(side * scale)));
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

/** A picture file of grey, RGB or RGBA pixels. */
function toFile(pixels, width = IMAGE_SIZE, height = IMAGE_SIZE, type = "image/png") {
  const picture = new OffscreenCanvas(width, height);
  const image = new ImageData(width, height);
  const channels = pixels.length / (width * height);
  for (let i = 0; i < image.data.length; i++) {
    const [at, k] = [(i >> 2) * channels, i & 3];
    image.data[i] = k === 3 ? 255 : pixels[channels === 1 ? at : at + k];
  }
  picture.getContext("2d").putImageData(image, 0, 0);
  return picture.convertToBlob({ type });
}
