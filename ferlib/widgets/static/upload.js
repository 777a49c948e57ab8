// Photo view: a picture by click, drop or paste -> numbered boxes on it, and a card for every face.

const LONGEST_SIDE = 1600; // of the copy that the page draws
const LARGEST_MESSAGE = 8 * 2 ** 20; // one above 10 MiB cuts the connection to the kernel without a word
const READ_BY_KERNEL = /^image\/(jpeg|png|webp|gif|bmp)$/;
const TIMEOUT = 30_000;

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

function render({ model, el }) {
  const emotions = model.get("emotions");
  const colors = model.get("colors");
  const line = openLine(model);
  let latest = 0; // only the newest photo's answer is shown
  let shown = null; // {bitmap, scale, name, faces} of the answer on the screen

  const input = element("input", "", { type: "file", accept: "image/*", hidden: true });
  const drop = element("div", "ferlib-drop", { tabIndex: 0, role: "group", ariaLabel: "Drop or paste a photo here", ...OWN_KEYS },
    makeButton("Choose a photo", () => input.click()),
    element("span", "", {}, "or drop one here, or click beside the button and paste (Ctrl+V)"), input);
  const status = element("p", "ferlib-status", { role: "status" });
  const canvas = element("canvas", "ferlib-photo", { role: "img" });
  const cards = element("ol", "ferlib-cards");
  const files = element("div", "ferlib-row", {},
    makeButton("Download the photo with its boxes", savePhoto), makeButton("Download csv", saveTable));
  const result = element("div", "", { hidden: true }, element("div", "ferlib-result", {}, canvas, cards), files);
  const root = element("section", "ferlib ferlib-upload", { ariaLabel: "Read a photo" }, drop, status, result);
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

  async function show(answer, crops, mine) {
    const { faces } = answer;
    const made = await Promise.all(faces.map((face, i) => makeCard(face, i + 1, crops[i], emotions, colors)));
    if (mine !== latest) return false;
    shown = answer;
    cards.replaceChildren(...made);
    choose(-1);
    canvas.setAttribute("aria-label", `The photo, with ${faces.length} numbered boxes`);
    result.hidden = false;
    files.hidden = !faces.length;
    return true;
  }

  async function savePhoto() {
    const drawn = element("canvas", "");
    draw(drawn, (face, i) => `${i + 1} ${describe(face)}`);
    download(await toBlob(drawn, "image/jpeg", 0.92), `${shown.name}_faces.jpg`);
  }

  /** A row a face, its box in pixels of the photo as it was chosen. */
  function saveTable() {
    const rows = shown.faces.map((face, i) => [
      i + 1, ...face.box.map((value) => Math.round(value / shown.scale)), face.score.toFixed(4), face.predicted, face.coarse,
      ...face.probabilities.map((probability) => probability.toFixed(4)),
    ]);
    const head = ["face", "x", "y", "width", "height", "score", "predicted", "coarse", ...emotions];
    const text = [head, ...rows].map((row) => `${row.join(",")}\n`).join("");
    download(new Blob([text], { type: "text/csv" }), `${shown.name}_faces.csv`);
  }

  /** Reads a file, or the kernel's sample photo when there is none. */
  async function read(file) {
    const mine = ++latest;
    root.dataset.state = "busy";
    status.classList.remove("ferlib-bad");
    status.textContent = file ? "Reading the photo …" : "Reading a sample photo …";
    try {
      if (file && !file.size) throw new Error("This file is empty (0 bytes).");
      const copy = file && (await shrink(file).catch(() => null));
      if (file && !copy && file.size > 8 * LARGEST_MESSAGE) throw new Error("The browser cannot read this file as a picture.");
      // the kernel reads the file itself, as the command line does; kinds that only the browser knows, as its copy
      const sent = copy && !READ_BY_KERNEL.test(file.type) ? await toBlob(copy, "image/jpeg", 0.92) : file;
      const message = { kind: file ? "photo" : "sample", return_photo: !copy };
      let start = 0;
      let bytes = null;
      for (; sent; start += LARGEST_MESSAGE) {
        bytes = await sent.slice(start, start + LARGEST_MESSAGE).arrayBuffer();
        if (mine !== latest) return;
        if (start + LARGEST_MESSAGE >= sent.size) break;
        await line.ask({ kind: "part", start }, [bytes], TIMEOUT);
      }
      const [answer, pictures] = await line.ask({ ...message, start }, bytes ? [bytes] : [], TIMEOUT);
      const bitmap = copy ?? (await createImageBitmap(new Blob([pictures.at(-1)])));
      const scale = bitmap.width / answer.width;
      const faces = answer.faces.map((face) => ({ ...face, box: face.box.map((value) => value * scale) }));
      const name = file ? file.name.replace(/\.[^.]*$/, "") : "sample";
      if (!(await show({ bitmap, scale, name, faces }, pictures, mine))) return;
      const found = faces.map((face, i) => `${i + 1}: ${describe(face)}`).join(", ");
      const count = faces.length === 1 ? "1 face" : `${faces.length} faces`;
      if (!faces.length) say("No face found in this photo. Faces seen from the front, not too small, are found best.", true);
      else say(`${file ? "" : "A sample to begin with (astronaut Eileen Collins, NASA). "}${count}, ${answer.reading}. ${found}.`);
    } catch (error) {
      if (mine !== latest) return;
      result.hidden = true;
      say(error.message, true);
    }
  }

  const on = (name, handler) => drop.addEventListener(name, handler);
  const take = (event, chosen) => {
    event.preventDefault();
    event.stopPropagation();
    if (chosen.length) read(chosen[0]);
    else say("That was no file. Drop or paste a picture.", true);
  };
  input.addEventListener("change", () => {
    if (input.files.length) read(input.files[0]);
    input.value = ""; // the same file may be chosen again
  });
  canvas.addEventListener("click", (event) => {
    const [x, y] = [event.offsetX / canvas.clientWidth, event.offsetY / canvas.clientHeight];
    const inside = ({ box: [left, top, width, height] }) =>
      Math.abs(x * canvas.width - left - width / 2) < width / 2 && Math.abs(y * canvas.height - top - height / 2) < height / 2;
    choose(shown.faces.findIndex(inside));
  });
  cards.addEventListener("click", (event) => choose([...cards.children].indexOf(event.target.closest("li"))));
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
    line.close();
  };
}

export default { render };
