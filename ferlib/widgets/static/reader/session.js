// Answers to the views' questions, as ferlib/widgets/_demo.py gives them.

import { DEMO_RUN, NETWORKS } from "./constants.js";
import { describe, openPredictor } from "./predict.js";
import { openTracker } from "./track.js";

const UNREADABLE = "This file is not a picture that the browser can read: expected JPEG, PNG, WebP, GIF or BMP";

/** `reply(message, pictures)` resolves to [answer, pictures]. */
export async function openSession() {
  const { predict } = await openPredictor(DEMO_RUN);
  const { reading } = NETWORKS[DEMO_RUN];
  const tracker = openTracker();
  let parts = new Blob();

  async function replyToPhoto({ start = 0, return_photo }, file) {
    const source = file instanceof ArrayBuffer ? new Blob([parts.slice(0, start), file]) : file;
    parts = new Blob();
    const photo = await toPixels(source);
    const faces = await predict(photo);
    const pictures = await Promise.all(faces.map(({ crop }) => toFile(crop)));
    if (return_photo) pictures.push(source);
    return [{ kind: "faces", faces: faces.map(describe), reading, width: photo.width }, pictures];
  }

  const replies = {
    ready: async () => [{ kind: "ready", reading }, []],
    part: async ({ start = 0 }, [bytes]) => {
      parts = new Blob([parts.slice(0, start), bytes]);
      return [{ kind: "part" }, []];
    },
    photo: (message, [file]) => replyToPhoto(message, file),
    sample: async (message) =>
      replyToPhoto(message, await (await fetch(new URL("sample.jpg", import.meta.url))).blob()),
    frame: async ({ seconds = performance.now() / 1000 }, [picture]) => {
      const persons = tracker.update(await predict(await toPixels(picture)), seconds);
      return [{ kind: "faces", faces: persons.map((face) => ({ person: face.person, ...describe(face) })), reading }, []];
    },
  };
  return { reply: (message, pictures) => replies[message.kind](message, pictures) };
}

const canvas = new OffscreenCanvas(1, 1);
const context = canvas.getContext("2d", { willReadFrequently: true });

/** RGBA pixels of a file (ArrayBuffer or Blob), an ImageBitmap, which is closed, or ImageData; transparency on white. */
async function toPixels(source) {
  if (source instanceof ImageData) return source;
  const bitmap = source instanceof ImageBitmap ? source : await createImageBitmap(new Blob([source])).catch(() => {
    throw new Error(UNREADABLE);
  });
  const { width, height } = bitmap;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

/** A crop as a PNG file. */
function toFile(crop) {
  const side = Math.sqrt(crop.length);
  const picture = new OffscreenCanvas(side, side);
  const pixels = new ImageData(side, side);
  crop.forEach((grey, i) => pixels.data.set([grey, grey, grey, 255], 4 * i));
  picture.getContext("2d").putImageData(pixels, 0, 0);
  return picture.convertToBlob();
}
