// What the views share: elements, colours, boxes, bars, files in, tables out, and asking for answers.

/** A new element with a class, attributes (or properties) and children. */
function element(tag, className, attributes = {}, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  for (const [name, value] of Object.entries(attributes)) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** Black or white, whichever reads better on a colour "#rrggbb" (WCAG relative luminance). */
function inkOn(color) {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000000" : "#ffffff";
}

// on each element that takes keys: else JupyterLab takes an arrow or Ctrl+V as its own
const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };

function makeButton(text, handler) {
  const button = element("button", "ferlib-button", { type: "button", ...OWN_KEYS }, text);
  button.addEventListener("click", handler);
  return button;
}

const percent = (probability) => `${Math.round(100 * probability)} %`;

/** "happy 93 %", or "not sure (happy 43 %)" */
function describe(face) {
  const likeliest = `${face.emotion} ${percent(Math.max(...face.probabilities))}`;
  return face.predicted === face.emotion ? likeliest : `${face.predicted} (${likeliest})`;
}

/** Seven bars with names and shares. */
function makeBars(probabilities, emotions, colors) {
  const top = Math.max(...probabilities);
  const list = element("ul", "ferlib-bars");
  probabilities.forEach((probability, i) => {
    const fill = element("span", "ferlib-fill");
    fill.style.width = `${100 * probability}%`;
    fill.style.background = colors[emotions[i]];
    list.append(element("li", probability === top ? "ferlib-top" : "", {},
      element("span", "ferlib-name", {}, emotions[i]),
      element("span", "ferlib-track", {}, fill),
      element("span", "ferlib-value", {}, percent(probability))));
  });
  return list;
}

const LIMITS = "It names the expression that most people would name, not what a person feels, and it errs more often on faces " +
  "unlike those it learnt from. Not for decisions about people.";

/** Hands files that are dropped or pasted on `target` to `take`, until `leaving` aborts; `field` shows where they go. */
function takeFiles(target, field, take, leaving) {
  const on = (name, handler) => target.addEventListener(name, handler, leaving);
  const handle = (event, data) => {
    event.preventDefault();
    event.stopPropagation();
    field.classList.remove("ferlib-over");
    take([...data.files]);
  };
  on("paste", (event) => handle(event, event.clipboardData));
  on("drop", (event) => handle(event, event.dataTransfer));
  on("dragover", (event) => {
    event.preventDefault();
    field.classList.add("ferlib-over");
  });
  on("dragleave", () => field.classList.remove("ferlib-over"));
}

const isFilm = ({ type }) => type.startsWith("video/");

/** Hands a file to the reader; nothing passes through the kernel. */
function download(blob, name) {
  const href = URL.createObjectURL(blob);
  element("a", "", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}

const FACE_COLUMNS = ["face", "x", "y", "width", "height", "score", "predicted", "coarse"]; // and the emotions

/** A face's cells in a table; its box in pixels of the picture, which is `scale` times what was read. */
const toCells = (number, { box, score, predicted, coarse, probabilities }, scale = 1) => [
  number, ...box.map((value) => Math.round(value * scale)), score.toFixed(4), predicted, coarse,
  ...probabilities.map((probability) => probability.toFixed(4)),
];

const countRows = (n) => (n === 1 ? "1 row" : `${n.toLocaleString("en")} rows`);
const stemOf = (name) => name.replace(/\.[^.]*$/, "");
const quote = (text) => `"${text.replaceAll('"', '""')}"`;

/** A table that is saved as csv. Its older rows lie in blobs, outside the page's memory: it may become long. */
function openTable(columns) {
  const [parts, lines] = [[], []];
  let count = -1; // without its head

  function add(cells) {
    lines.push(`${cells.join(",")}\n`);
    count += 1;
    if (lines.length === 1000) parts.push(new Blob(lines.splice(0)));
  }
  add(columns);
  const save = (name) => download(new Blob([...parts, ...lines], { type: "text/csv" }), name);
  return { add, save, count: () => count };
}

const toBlob = (canvas, type, quality) => new Promise((resolve) => canvas.toBlob(resolve, type, quality));

const DASHES = [[], [7, 5], [1, 3]]; // strokes and gaps of the first, second, third person, in widths of the line

const MOST_BARS = 3; // people with bars: more would hide them
const LEAST_TEXT = 12; // pixels of the screen

/** The colour of what is predicted: a light grey where the network is not sure. */
const colorOf = (face, colors) => colors[face.predicted] ?? "#E6E6E6";

/** Where a tag [width, height] stands beside a box, inside the canvas and clear of all boxes `taken`; or undefined. */
function findPlace(canvas, [x, y, width, height], tag, gap, taken) {
  const [right, bottom] = [canvas.width - tag[0], canvas.height - tag[1]];
  const lefts = [x - gap, x + width + gap - tag[0]].map((left) => Math.max(0, Math.min(left, right)));
  const tops = [y - gap, y + height + gap - tag[1]].map((top) => Math.max(0, Math.min(top, bottom)));
  const places = [y - gap - tag[1], y + height + gap].flatMap((top) => lefts.map((left) => [left, top]));
  places.push(...[x + width + gap, x - gap - tag[0]].flatMap((left) => tops.map((top) => [left, top])));
  const free = ([left, top]) => left >= 0 && top >= 0 && left <= right && top <= bottom && taken.every((other) =>
    left >= other[0] + other[2] || left + tag[0] <= other[0] || top >= other[1] + other[3] || top + tag[1] <= other[1]);
  return places.find(free);
}

/**
 * A box with a filled label beside it; `unit` is the size of a line of text in canvas pixels. Where there is no room
 * the text is smaller, then its first word alone, then none. The label's place is added to the boxes `taken`.
 */
function drawBox(context, box, label, color, unit, { line = Math.max(2, unit / 8), dash = DASHES[0], taken = [box] } = {}) {
  context.lineJoin = "round";
  // a dark rim under the coloured line, so that it is seen on any background
  context.strokeStyle = "rgba(0, 0, 0, 0.65)";
  context.lineWidth = line * 1.9;
  context.strokeRect(...box);
  context.strokeStyle = color;
  context.lineWidth = line;
  context.setLineDash(dash.map((part) => part * line));
  context.strokeRect(...box);
  context.setLineDash([]);

  const [number] = label.split(" ");
  for (const [text, size] of [[label, unit], [label, unit * 0.7], [number, unit * 0.7], [number, unit * 0.5]]) {
    context.font = `600 ${size}px system-ui, sans-serif`;
    const tag = [context.measureText(text).width + size * 0.9, size * 1.5];
    const place = findPlace(context.canvas, box, tag, line, taken);
    if (!place) continue;
    taken.push([...place, ...tag]);
    context.textBaseline = "middle";
    context.fillStyle = color;
    context.fillRect(...place, ...tag);
    context.fillStyle = inkOn(color);
    context.fillText(text, place[0] + size * 0.45, place[1] + tag[1] / 2);
    return;
  }
}

/** Seven bars beside a box, if there is room clear of all boxes `taken`. */
function drawBars(context, box, probabilities, emotions, colors, unit, taken) {
  const row = unit * 0.95;
  const size = [unit * 7.5, row * (emotions.length + 0.6)];
  const place = findPlace(context.canvas, box, size, unit * 0.4, taken);
  if (!place) return;
  taken.push([...place, ...size]);
  const [left, top] = place;
  context.fillStyle = "rgba(255, 255, 255, 0.82)";
  context.fillRect(...place, ...size);
  context.font = `${unit * 0.75}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  emotions.forEach((emotion, i) => {
    const middle = top + row * (i + 0.8);
    context.fillStyle = "#212121";
    context.fillText(emotion, left + unit * 0.3, middle);
    context.fillStyle = colors[emotion];
    context.fillRect(left + unit * 3.7, middle - row * 0.35, unit * 3.5 * probabilities[i], row * 0.7);
  });
}

/** What a face that is followed shows: its answer, which is held, and how likely that is now. */
const describeHeld = (face, emotions) =>
  describe({ ...face, probabilities: [face.probabilities[emotions.indexOf(face.emotion)]] });

/** Draws what is told of people over a moving picture: at each's box, in pixels of the canvas. */
function drawPeople(context, faces, boxes, emotions, colors, numbered) {
  const { width, clientWidth } = context.canvas;
  const hasBars = faces.length <= MOST_BARS;
  const unit = Math.max(width / (hasBars ? 32 : 48), (LEAST_TEXT * width) / (clientWidth || width));
  const taken = [...boxes];
  faces.forEach((face, i) => {
    const text = `${numbered ? `${face.person} ` : ""}${describeHeld(face, emotions)}`;
    drawBox(context, boxes[i], text, colorOf(face, colors), unit, { dash: DASHES[(face.person - 1) % DASHES.length], taken });
  });
  if (hasBars) faces.forEach((face, i) => drawBars(context, boxes[i], face.probabilities, emotions, colors, unit, taken));
}

/** A column shared by seven colours. */
function drawShares(context, [left, top, width, height], probabilities, emotions, colors) {
  let bottom = top + height;
  probabilities.forEach((probability, i) => {
    context.fillStyle = colors[emotions[i]];
    context.fillRect(left, (bottom -= probability * height), width, probability * height);
  });
}

const makeLegend = (emotions, colors) => emotions.map((emotion) => {
  const swatch = element("i", "ferlib-swatch");
  swatch.style.background = colors[emotion];
  return element("span", "", {}, swatch, emotion);
});

const SILENT = "No answer from the kernel: it is busy or was restarted. If it stays so, choose Run All Cells.";
const GONE = "The kernel was restarted or shut down: choose Run All Cells.";

/**
 * Asks the kernel: `ask(message, buffers, timeout)` resolves to [answer, buffers] or rejects with an Error,
 * whose `silent` is true when no answer came in time. Answers to other views of the widget are passed over.
 * A model that answers by itself, without a kernel, has an `ask` of its own, which takes bitmaps (`isHere`).
 */
function openLine(model) {
  if (model.ask) return { ask: model.ask, isHere: true, close() {} };
  const view = Math.random().toString(36).slice(2);
  const waiting = new Map();
  let count = 0;

  function receive(answer, buffers) {
    const settle = waiting.get(answer.id);
    if (settle) settle(answer, buffers);
  }
  model.on("msg:custom", receive);

  function ask(message, buffers, timeout) {
    const id = `${view}-${++count}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(Object.assign(new Error(SILENT), { silent: true }));
      }, timeout);
      waiting.set(id, (answer, received) => {
        clearTimeout(timer);
        waiting.delete(id);
        if (answer.kind === "error") reject(new Error(answer.text));
        else resolve([answer, received]);
      });
      try {
        model.send({ ...message, id }, undefined, buffers);
      } catch {
        clearTimeout(timer);
        waiting.delete(id);
        reject(new Error(GONE));
      }
    });
  }

  function close() {
    model.off("msg:custom", receive);
    waiting.clear();
  }
  return { ask, close };
}

/**
 * A view of a page whose model answers by itself, or in Jupyter. There it asks the kernel, or the browser's reader where
 * the model names one, and without its kernel gives way to a sentence.
 */
function makeView(render) {
  async function attend({ model, el, host }) {
    const name = model.get("reader");
    if (name) {
      const reader = (await host.getWidget(name)).exports.open();
      const leave = render({ model: { get: model.get, ask: reader.ask }, el });
      return () => [leave, reader.close].forEach((close) => close());
    }
    let leave = render({ model, el });
    model.on("comm_live_update", () => {
      leave();
      leave = () => {};
      el.replaceChildren(element("div", "ferlib", {}, element("p", "ferlib-status ferlib-bad", { role: "status" }, GONE)));
    });
    return () => leave();
  }
  return { render: (context) => (context.model.ask ? render(context) : attend(context)) };
}
