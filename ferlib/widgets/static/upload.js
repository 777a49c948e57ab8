// Photo view: pictures by click, drop or paste -> numbered boxes on one, a card for every face, a row of all of them.

const LONGEST_SIDE = 1600; // of the copy that the page draws
const LARGEST_MESSAGE = 8 * 2 ** 20; // one above 10 MiB cuts the connection to the kernel without a word
const READ_BY_KERNEL = /^image\/(jpeg|png|webp|gif|bmp)$/;
const TIMEOUT = 30_000;
const MOST_TOLD = 4; // faces in a sentence: of more, their cards tell
const THUMB = 128; // pixels of a picture in the row
const SAMPLE = { name: "sample", caption: "A sample to begin with (astronaut Eileen Collins, NASA)" }; // the kernel has it

/** A canvas of at most 1600 pixels a side with the picture, upright, on white as the kernel reads it. */
async function shrink(file) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = element("canvas", "", {
    width: Math.max(1, Math.round(bitmap.width * scale)),
    height: Math.max(1, Math.round(bitmap.height * scale)),
  });
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas;
}

async function makeCard(face, number, crop, emotions, colors) {
  const bitmap = await createImageBitmap(new Blob([crop], { type: "image/png" }));
  const picture = element("canvas", "ferlib-crop", { width: bitmap.width, height: bitmap.height, role: "img" });
  picture.setAttribute("aria-label", `Face ${number} as the network sees it: 48 by 48 pixels`);
  picture.getContext("2d").drawImage(bitmap, 0, 0);
  const badge = element("span", "ferlib-number", {}, String(number));
  badge.style.background = colorOf(face, colors);
  badge.style.color = inkOn(colorOf(face, colors));
  const head = element("button", "ferlib-head", { type: "button", "aria-pressed": "false", ...OWN_KEYS },
    badge, element("strong", "", {}, describe(face)), element("span", "ferlib-coarse", {}, face.coarse));
  return element("li", "ferlib-card", {},
    head, element("div", "ferlib-body", {}, picture, makeBars(face.probabilities, emotions, colors)));
}

/** "1: happy 93 %, 2: sad 60 %"; of many faces "3 happy, 1 sad". */
function summarize(faces) {
  if (faces.length <= MOST_TOLD) return faces.map((face, i) => `${i + 1}: ${describe(face)}`).join(", ");
  const counts = {};
  for (const { predicted } of faces) counts[predicted] = (counts[predicted] ?? 0) + 1;
  return Object.entries(counts).sort((a, b) => b[1] - a[1]).map(([name, n]) => `${n} ${name}`).join(", ");
}

const countFaces = (n) => (n === 1 ? "1 face" : `${n} faces`);

/** `area` takes drops and pastes: the whole page, or by default the view's own field for it; `show` opens the view's tab. */
function render({ model, el, area, show }) {
  const emotions = model.get("emotions");
  const colors = model.get("colors");
  const line = openLine(model);
  const examples = (model.get("examples") ?? [SAMPLE]).map((example) => ({ ...example }));
  let latest = 0; // only the photo that was opened last is shown
  let turn = Promise.resolve(); // photos are asked for one after the other
  let shown = null; // {photo, bitmap, faces} on the screen

  const input = element("input", "", { type: "file", accept: "image/*", multiple: true, hidden: true });
  const hint = area ? "or drop some anywhere, or paste" : "or drop some here, or click beside the button and paste (Ctrl+V)";
  const drop = element("div", "ferlib-drop", { tabIndex: area ? -1 : 0, role: "group", ariaLabel: "Drop or paste photos here", ...OWN_KEYS },
    makeButton("Choose photos", () => input.click()), element("span", "ferlib-hint", {}, hint), input);
  const row = element("ul", "ferlib-thumbs", { ariaLabel: "Photos", hidden: true });
  const status = element("p", "ferlib-status", { role: "status" });
  const canvas = element("canvas", "ferlib-photo", { role: "img", hidden: true });
  const cards = element("ol", "ferlib-cards");
  const files = element("div", "ferlib-row ferlib-files", {},
    makeButton("Download the photo with its boxes", savePhoto), makeButton("Download csv", saveTable));
  const told = element("div", "ferlib-told", {}, status, element("p", "ferlib-limits", {}, LIMITS), cards, files);
  const result = element("div", "ferlib-result ferlib-waiting", {}, canvas, told);
  const root = element("section", "ferlib ferlib-upload", { ariaLabel: "Read a photo" }, drop, row, result);
  el.append(root);

  function say(text, bad = false) {
    status.textContent = text;
    status.classList.toggle("ferlib-bad", bad);
    root.dataset.state = bad ? "error" : "done";
  }

  /** The photo with its boxes; the chosen face's is thicker. */
  function draw(target, label, chosen = -1) {
    const { bitmap, faces } = shown;
    target.width = bitmap.width;
    target.height = bitmap.height;
    const context = target.getContext("2d");
    context.drawImage(bitmap, 0, 0);
    const unit = Math.max(bitmap.width, bitmap.height) / 28;
    const taken = faces.map((face) => face.box);
    faces.forEach((face, i) => {
      const look = { line: Math.max(2, unit / (i === chosen ? 2.5 : 8)), dash: DASHES[i % DASHES.length], taken };
      drawBox(context, face.box, label(face, i), colorOf(face, colors), unit, look);
    });
  }

  function choose(chosen) {
    draw(canvas, (_, i) => String(i + 1), chosen);
    [...cards.children].forEach((card, i) => {
      card.classList.toggle("ferlib-chosen", i === chosen);
      card.firstChild.setAttribute("aria-pressed", String(i === chosen));
      if (i === chosen) card.scrollIntoView({ block: "nearest" });
    });
  }

  async function savePhoto() {
    const drawn = element("canvas", "");
    draw(drawn, (face, i) => `${i + 1} ${describe(face)}`);
    download(await toBlob(drawn, "image/jpeg", 0.92), `${shown.photo.stem}_faces.jpg`);
  }

  /** A row a face of all photos that were chosen together, its box in pixels of the photo as it was chosen. */
  async function saveTable() {
    const { batch, stem } = shown.photo;
    const table = openTable(["photo", ...FACE_COLUMNS, ...emotions]);
    const read = await Promise.allSettled(batch.map((photo) => photo.answer));
    read.forEach(({ value }, number) => value?.faces.forEach((face, i) =>
      table.add([quote(batch[number].name), ...toCells(i + 1, face)])));
    table.save(batch.length > 1 ? "faces.csv" : `${stem}_faces.csv`);
  }

  /** Puts photos at the head of the row; `batch`: all of them, if they were chosen together. */
  function offer(photos, batch) {
    for (const photo of photos) {
      const picture = photo.thumb ? element("img", "", { src: photo.thumb, alt: "" }) : element("canvas", "", { width: THUMB, height: THUMB });
      const badge = element("span", "ferlib-found", { ariaHidden: "true" });
      const button = element("button", "ferlib-thumb", { type: "button", title: photo.name, ariaLabel: photo.name, ...OWN_KEYS }, picture, badge);
      button.addEventListener("click", () => open(photo));
      Object.assign(photo, { picture, badge, button, batch: batch ?? [photo], stem: stemOf(photo.name) });
    }
    row.prepend(...photos.map(({ button }) => element("li", "", {}, button)));
    row.hidden = row.children.length < 2;
  }

  /** A photo's copy to draw; null if the browser cannot read it, or only the kernel has it. */
  async function load(photo) {
    if (photo.src) photo.file ??= await fetch(photo.src).then((response) => response.blob());
    if (!photo.file) return null;
    const copy = await shrink(photo.file).catch(() => null);
    if (copy && !photo.thumb) {
      const [side, context] = [Math.min(copy.width, copy.height), photo.picture.getContext("2d")];
      context.drawImage(copy, (copy.width - side) / 2, (copy.height - side) / 2, side, side, 0, 0, THUMB, THUMB);
    }
    return copy;
  }

  /** Sends a photo, or asks for the kernel's sample: {faces, reading, width, pictures}. */
  async function ask({ file }, copy) {
    if (file && !file.size) throw new Error("This file is empty (0 bytes).");
    if (file && !copy && file.size > 8 * LARGEST_MESSAGE) throw new Error("The browser cannot read this file as a picture.");
    // the kernel reads the file itself, as the command line does; kinds that only the browser knows, as its copy
    const asCopy = copy && !READ_BY_KERNEL.test(file.type);
    const sent = asCopy ? await toBlob(copy, "image/jpeg", 0.92) : file;
    const message = { kind: file ? "photo" : "sample", return_photo: !copy };
    let start = 0;
    let bytes = null;
    for (; sent; start += LARGEST_MESSAGE) {
      bytes = await sent.slice(start, start + LARGEST_MESSAGE).arrayBuffer();
      if (start + LARGEST_MESSAGE >= sent.size) break;
      await line.ask({ kind: "part", start }, [bytes], TIMEOUT);
    }
    const [answer, pictures] = await line.ask({ ...message, start }, bytes ? [bytes] : [], TIMEOUT);
    return { ...answer, pictures };
  }

  /** The answer for a photo, asked for once. */
  async function read(photo, copy) {
    const mark = (sign, words) => {
      photo.badge.textContent = sign;
      photo.button.setAttribute("aria-label", `${photo.name}: ${words}`);
    };
    try {
      photo.answer ??= turn = turn.catch(() => {}).then(() => ask(photo, copy));
      const answer = await photo.answer;
      mark(answer.faces.length, countFaces(answer.faces.length));
      return answer;
    } catch (error) {
      photo.answer = null; // may be asked for again
      mark("!", error.message);
      throw error;
    }
  }

  /** Shows a photo at once, and its answer as soon as it comes. */
  async function open(photo) {
    const mine = ++latest;
    root.dataset.state = "busy";
    status.classList.remove("ferlib-bad");
    status.textContent = photo.file || photo.src ? "Reading the photo …" : "Reading a sample photo …";
    for (const button of row.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button === photo.button));
    result.classList.add("ferlib-waiting");
    shown = null;
    try {
      const copy = await load(photo);
      if (mine !== latest) return;
      if (copy) {
        [canvas.width, canvas.height] = [copy.width, copy.height];
        canvas.getContext("2d").drawImage(copy, 0, 0);
        canvas.setAttribute("aria-label", "The photo");
        canvas.hidden = false;
      }
      const answer = await read(photo, copy);
      const bitmap = copy ?? (await createImageBitmap(new Blob([answer.pictures.at(-1)])));
      const scale = bitmap.width / answer.width;
      const faces = answer.faces.map((face) => ({ ...face, box: face.box.map((value) => value * scale) }));
      const made = await Promise.all(faces.map((face, i) => makeCard(face, i + 1, answer.pictures[i], emotions, colors)));
      if (mine !== latest) return;
      shown = { photo, bitmap, faces };
      cards.replaceChildren(...made);
      choose(-1);
      canvas.setAttribute("aria-label", `The photo, with ${faces.length} numbered boxes`);
      files.hidden = !faces.length;
      canvas.hidden = false;
      result.classList.remove("ferlib-waiting");
      if (!faces.length) say("No face found in this photo. Faces seen from the front, not too small, are found best.", true);
      else say(`${photo.caption ? `${photo.caption}. ` : ""}${countFaces(faces.length)}, ${answer.reading}. ${summarize(faces)}.`);
    } catch (error) {
      if (mine !== latest) return;
      canvas.hidden = true;
      cards.replaceChildren();
      say(error.message, true);
    }
  }

  /** Reads files, the first one on the screen; films that come with them are another view's. */
  async function take(chosen) {
    const files = area ? chosen.filter((file) => !isFilm(file)) : chosen;
    if (chosen.length && !files.length) return;
    show?.();
    const photos = files.map((file) => ({ file, name: file.name }));
    if (!photos.length) return say("That was no file. Drop or paste a picture.", true);
    offer(photos, photos);
    await open(photos[0]);
    for (const photo of photos.slice(1)) await load(photo).then((copy) => read(photo, copy)).catch(() => {}); // its badge tells
  }

  const leaving = new AbortController();
  takeFiles(area ?? drop, drop, take, leaving);
  input.addEventListener("change", () => {
    if (input.files.length) take([...input.files]);
    input.value = ""; // the same file may be chosen again
  });
  canvas.addEventListener("click", (event) => {
    if (!shown) return;
    const [x, y] = [event.offsetX / canvas.clientWidth, event.offsetY / canvas.clientHeight];
    const inside = ({ box: [left, top, width, height] }) =>
      Math.abs(x * canvas.width - left - width / 2) < width / 2 && Math.abs(y * canvas.height - top - height / 2) < height / 2;
    choose(shown.faces.findIndex(inside));
  });
  cards.addEventListener("click", (event) => choose([...cards.children].indexOf(event.target.closest("li"))));

  offer(examples);
  const [{ width, height }] = examples;
  if (width) Object.assign(canvas, { width, height, hidden: false }); // its place, so that nothing moves when it comes
  open(examples[0]);
  return () => {
    latest = -1;
    leaving.abort();
    line.close();
  };
}

export default makeView(render);
