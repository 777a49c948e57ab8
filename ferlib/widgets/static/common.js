// What the views share: elements, colours, boxes, bars, downloads, and asking the kernel.

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

/** Hands a file to the reader; nothing passes through the kernel. */
function download(blob, name) {
  const href = URL.createObjectURL(blob);
  element("a", "", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}

const toBlob = (canvas, type, quality) => new Promise((resolve) => canvas.toBlob(resolve, type, quality));

/** A box with a filled label; `unit` is the size of a line of text in canvas pixels. */
function drawBox(context, [x, y, width, height], label, color, unit, line = Math.max(2, unit / 6)) {
  context.lineJoin = "round";
  // a dark rim under the coloured line, so that it is seen on any background
  context.strokeStyle = "rgba(0, 0, 0, 0.65)";
  context.lineWidth = line * 1.9;
  context.strokeRect(x, y, width, height);
  context.strokeStyle = color;
  context.lineWidth = line;
  context.strokeRect(x, y, width, height);

  context.font = `600 ${unit}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const tag = { width: context.measureText(label).width + unit * 0.9, height: unit * 1.5 };
  const left = Math.max(0, Math.min(x - line, context.canvas.width - tag.width));
  const top = y - tag.height >= 0 ? y - tag.height : Math.min(y + height, context.canvas.height - tag.height);
  context.fillStyle = color;
  context.fillRect(left, top, tag.width, tag.height);
  context.fillStyle = inkOn(color);
  context.fillText(label, left + unit * 0.45, top + tag.height / 2);
}

const SILENT = "No answer from the kernel: it is busy or was restarted. If it stays so, run this cell again.";
const GONE = "The kernel was restarted or shut down: run this cell again.";

/**
 * Asks the kernel: `ask(message, buffers, timeout)` resolves to [answer, buffers] or rejects with an Error,
 * whose `silent` is true when no answer came in time. Answers to other views of the widget are passed over.
 */
function openLine(model) {
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
