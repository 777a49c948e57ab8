// Photo view: a picture by click, drop or paste -> numbered boxes on it, and a card for every face.

const LONGEST_SIDE = 1600; // a message above 10 MiB cuts the connection to the kernel without a word
const LARGEST_MESSAGE = 8 * 2 ** 20;
const TIMEOUT = 30_000;

/** What to send: a JPEG of at most 1600 pixels a side, upright, and the bitmap that the page draws. */
async function shrink(file) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = element("canvas", "", {
    width: Math.max(1, Math.round(bitmap.width * scale)),
    height: Math.max(1, Math.round(bitmap.height * scale)),
  });
  const context = canvas.getContext("2d");
  context.fillStyle = "white"; // JPEG has no transparency, and black would hide a cut-out portrait
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  return { bitmap: canvas, bytes: await blob.arrayBuffer() };
}

function bars(face, emotions, colors) {
  const list = element("ul", "ferlib-bars");
  face.probabilities.forEach((probability, i) => {
    const fill = element("span", "ferlib-fill");
    fill.style.width = `${100 * probability}%`;
    fill.style.background = colors[emotions[i]];
    list.append(element("li", emotions[i] === face.emotion ? "ferlib-top" : "", {},
      element("span", "ferlib-name", {}, emotions[i]),
      element("span", "ferlib-track", {}, fill),
      element("span", "ferlib-value", {}, percent(probability))));
  });
  return list;
}

async function card(face, number, crop, emotions, colors) {
  const bitmap = await createImageBitmap(new Blob([crop], { type: "image/png" }));
  const picture = element("canvas", "ferlib-crop", { width: bitmap.width, height: bitmap.height });
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", `Face ${number} as the network sees it: 48 by 48 pixels`);
  picture.getContext("2d").drawImage(bitmap, 0, 0);
  const badge = element("span", "ferlib-number", {}, String(number));
  badge.style.background = colors[face.emotion];
  badge.style.color = inkOn(colors[face.emotion]);
  return element("li", "ferlib-card", {},
    element("div", "ferlib-head", {}, badge, element("strong", "", {}, describe(face))),
    element("div", "ferlib-body", {}, picture, bars(face, emotions, colors)));
}

function render({ model, el }) {
  const emotions = model.get("emotions");
  const colors = model.get("colors");
  const line = openLine(model);
  const cleanup = new AbortController();
  let latest = 0; // only the newest photo's answer is shown

  const input = element("input", "", { type: "file", accept: "image/*", hidden: true });
  const button = element("button", "ferlib-button", { type: "button" }, "Choose a photo");
  const drop = element("div", "ferlib-drop", { tabIndex: 0, role: "group", ariaLabel: "Drop or paste a photo here" },
    button, element("span", "", {}, "or drop one here, or click beside the button and paste (Ctrl+V)"), input);
  // JupyterLab would take Ctrl+V for "paste a cell"
  drop.setAttribute("data-lm-suppress-shortcuts", "true");
  const status = element("p", "ferlib-status", { role: "status" });
  const canvas = element("canvas", "ferlib-photo");
  canvas.setAttribute("role", "img");
  const cards = element("ol", "ferlib-cards");
  const result = element("div", "ferlib-result", { hidden: true }, canvas, cards);
  const root = element("section", "ferlib ferlib-upload", { ariaLabel: "Read a photo" }, drop, status, result);
  el.append(root);

  function say(text, bad = false) {
    status.textContent = text;
    status.classList.toggle("ferlib-bad", bad);
    root.dataset.state = bad ? "error" : "done";
  }

  async function show(bitmap, faces, crops, mine) {
    const made = await Promise.all(faces.map((face, i) => card(face, i + 1, crops[i], emotions, colors)));
    if (mine !== latest) return false;
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    const context = canvas.getContext("2d");
    context.drawImage(bitmap, 0, 0);
    const unit = Math.max(bitmap.width, bitmap.height) / 28;
    faces.forEach((face, i) => drawBox(context, face.box, String(i + 1), colors[face.emotion], unit));
    canvas.setAttribute("aria-label", `The photo, with ${faces.length} numbered boxes`);
    cards.replaceChildren(...made);
    result.hidden = false;
    return true;
  }

  /** Reads a file, or the kernel's sample photo when there is none. */
  async function read(file) {
    const mine = ++latest;
    root.dataset.state = "busy";
    status.classList.remove("ferlib-bad");
    status.textContent = file ? "Reading the photo …" : "Reading a sample photo …";
    try {
      let photo = null;
      let buffers;
      if (file) {
        if (!file.size) throw new Error("This file is empty (0 bytes).");
        photo = await shrink(file).catch(() => null);
        // the kernel knows kinds of picture that this browser does not, and says what is wrong with the rest
        if (!photo && file.size > LARGEST_MESSAGE) throw new Error("The browser cannot read this file as a picture.");
        buffers = [photo ? photo.bytes : await file.arrayBuffer()];
      }
      const message = { kind: file ? "photo" : "sample", return_photo: !photo };
      const [answer, pictures] = await line.ask(message, buffers, TIMEOUT);
      const bitmap = photo ? photo.bitmap : await createImageBitmap(new Blob([pictures.at(-1)]));
      if (!(await show(bitmap, answer.faces, pictures, mine))) return;
      const found = answer.faces.map((face, i) => `${i + 1}: ${describe(face)}`).join(", ");
      const count = answer.faces.length === 1 ? "1 face" : `${answer.faces.length} faces`;
      if (!answer.faces.length) say("No face found in this photo. Faces seen from the front, not too small, are found best.", true);
      else say(`${file ? "" : "A sample to begin with (astronaut Eileen Collins, NASA). "}${count}. ${found}.`);
    } catch (error) {
      if (mine !== latest) return;
      result.hidden = true;
      say(error.message, true);
    }
  }

  const on = (name, handler) => drop.addEventListener(name, handler, { signal: cleanup.signal });
  const take = (event, files) => {
    event.preventDefault();
    event.stopPropagation();
    if (files.length) read(files[0]);
    else say("That was no file. Drop or paste a picture.", true);
  };
  input.addEventListener("change", () => {
    if (input.files.length) read(input.files[0]);
    input.value = ""; // the same file may be chosen again
  }, { signal: cleanup.signal });
  button.addEventListener("click", () => input.click(), { signal: cleanup.signal });
  on("paste", (event) => take(event, event.clipboardData.files));
  on("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("ferlib-over");
  });
  on("dragleave", () => drop.classList.remove("ferlib-over"));
  on("drop", (event) => {
    drop.classList.remove("ferlib-over");
    take(event, event.dataTransfer.files);
  });

  read(null);
  return () => {
    latest = -1;
    cleanup.abort();
    line.close();
  };
}

export default { render };
