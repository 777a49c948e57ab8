// Steps view: how the answer for the latest face came about, redone as face or network are changed.

const TIMEOUT = 30_000;

const round = (value, digits) => value.toLocaleString("en", { maximumSignificantDigits: digits });

const PRIOR = "In a talk nobody is disgusted every seventh second: 0, as common as in the pictures it learned from. " +
  "Faces that are acted out: 1, all seven alike.";

/** "Answers as most people would say: right on 69.0 % of 3,589 faces that it never saw (67.5 to 70.5 %). 1.4 M ..." */
function describeNetwork({ parameters, file_bytes, milliseconds, accuracy, low, high, n }, reading) {
  const share = (value) => (100 * value).toFixed(1);
  const size = parameters < 1e6 ? `${round(parameters, 2)}` : `${round(parameters / 1e6, 2)} million`;
  return `Answers ${reading}: right on ${share(accuracy)} % of ${n.toLocaleString("en")} faces that it never saw ` +
    `(${share(low)} to ${share(high)} %). ${size} parameters, ${round(file_bytes / 1e6, 2)} MB, ` +
    `${round(milliseconds, 2)} ms a face where it was trained.`;
}

function render({ model, el }) {
  const emotions = model.get("emotions");
  const colors = model.get("colors");
  const sliders = model.get("sliders");
  const networks = model.get("networks");
  const line = openLine(model);
  let asking = false;
  let wanted = null; // what to ask next: "photo", and its steps, or "steps" alone

  const option = (value, text) => element("option", "", { value, textContent: text });
  const readings = model.get("readings");
  const find = (wantedName) => networks.find(({ name }) => name === wantedName);
  const names = new Set([model.get("network"), ...networks.map(({ name }) => name)]);
  const title = (name) => (find(name) ? `${name} (${readings[find(name).labels]})` : name);
  const network = element("select", "ferlib-select", { ariaLabel: "Network", ...OWN_KEYS }, ...[...names].map((name) => option(name, title(name))));
  network.value = model.get("network");
  const about = element("span", "ferlib-about");
  const person = element("select", "ferlib-select", { ariaLabel: "Face", ...OWN_KEYS });
  const status = element("p", "ferlib-status", { role: "status" });

  const photo = element("canvas", "", { role: "img", ariaLabel: "The photo, and the face found in it" });
  const [crop, corrupted, looked] = ["Turned upright, 48 by 48 grey pixels", "The same face, as you changed it", "Where the answer comes from"].map(
    (alt) => element("img", "ferlib-step", { alt }));
  const answer = element("div", "ferlib-answer");
  const captions = ["1 photo, face found", "2 upright, 48x48", "3 changed by you", "4 red: what the answer rests on", "5 answer"];
  const figures = [photo, crop, corrupted, looked, answer].map((content, i) =>
    element("figure", "", {}, content, element("figcaption", "", {}, captions[i])));

  function makeSlider({ name, low, high, step, usual, unit }) {
    const output = element("output", "");
    const input = element("input", "", { type: "range", min: low, max: high, step, ariaLabel: `${name}, ${unit}`, ...OWN_KEYS });
    input.value = usual;
    return { input, output, row: element("label", "ferlib-slider", {}, element("span", "", {}, name), input, output) };
  }
  const inputs = sliders.map(makeSlider);
  const usualPrior = () => find(network.value)?.logit_adjustment ?? 0;
  const prior = makeSlider({ name: "rare emotions", low: 0, high: 1, step: 0.05, usual: usualPrior(), unit: "0 to 1" });
  const reset = makeButton("Reset", () => {
    inputs.forEach(({ input }, i) => (input.value = sliders[i].usual));
    prior.input.value = usualPrior();
    redo();
  });
  const root = element("section", "ferlib ferlib-steps", { ariaLabel: "How it works" },
    element("div", "ferlib-row", {}, element("label", "", {}, "Network ", network), about, person), status,
    element("p", "ferlib-limits", {}, LIMITS),
    element("div", "ferlib-figures", {}, ...figures),
    element("div", "ferlib-sliders", {}, ...inputs.map(({ row }) => row), prior.row, reset),
    element("p", "ferlib-about", {}, PRIOR));
  el.append(root);

  function say(text, bad = false) {
    status.textContent = text;
    status.classList.toggle("ferlib-bad", bad);
    root.dataset.state = bad ? "error" : "done";
  }

  const toBitmap = (bytes) => createImageBitmap(new Blob([bytes]));

  function show(image, bytes) {
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
  }

  const chosen = () => ({ network: network.value, logit_adjustment: Number(prior.input.value) });

  /** Asks for the photo that was read last. */
  async function fetchPhoto() {
    const [{ boxes }, [bytes]] = await line.ask({ kind: "photo", ...chosen() }, [], TIMEOUT);
    const bitmap = await toBitmap(bytes);
    if (person.length !== boxes.length) person.replaceChildren(...boxes.map((_, i) => option(i, `face ${i + 1}`)));
    person.hidden = boxes.length < 2;
    [photo.width, photo.height] = [bitmap.width, bitmap.height];
    const context = photo.getContext("2d");
    context.drawImage(bitmap, 0, 0);
    const number = Number(person.value);
    drawBox(context, boxes[number], String(number + 1), "#ffffff", Math.max(photo.width, photo.height) / 14, { taken: [...boxes] });
  }

  async function fetchSteps() {
    const settings = inputs.map(({ input }, i) => [sliders[i], Number(input.value)]);
    const changes = Object.fromEntries(settings.filter(([slider, value]) => value !== slider.usual)
      .map(([slider, value]) => [slider.change, value]));
    const question = { kind: "steps", ...chosen(), face: Number(person.value), changes };
    const [{ face }, pictures] = await line.ask(question, [], TIMEOUT);
    [crop, corrupted, looked].forEach((image, i) => show(image, pictures[i]));
    answer.replaceChildren(makeBars(face.probabilities, emotions, colors));
    say(`${network.value} says: ${describe(face)}.`);
  }

  /** Redoes the steps; while one question is under way, further changes wait and go as one. */
  async function redo({ anew = false } = {}) {
    inputs.forEach(({ input, output }, i) => (output.textContent = `${input.value} ${sliders[i].unit}`));
    prior.output.textContent = prior.input.value;
    const costs = find(network.value);
    about.textContent = costs ? describeNetwork(costs, readings[costs.labels]) : "";
    wanted = anew || wanted === "photo" ? "photo" : "steps";
    if (asking) return;
    asking = true;
    root.dataset.state = "busy";
    try {
      while (wanted) {
        const now = wanted;
        wanted = null;
        if (now === "photo") await fetchPhoto();
        await fetchSteps();
      }
    } catch (error) {
      wanted = null;
      say(error.message, true);
    }
    asking = false;
  }

  network.addEventListener("change", () => {
    prior.input.value = usualPrior();
    redo();
  });
  prior.input.addEventListener("input", () => redo());
  person.addEventListener("change", () => redo({ anew: true }));
  for (const { input } of inputs) input.addEventListener("input", () => redo());
  // the photo read last may be another one whenever the tab is opened
  const opened = new IntersectionObserver((entries) => entries.at(-1).isIntersecting && redo({ anew: true }));
  opened.observe(root);
  return () => {
    opened.disconnect();
    line.close();
  };
}

export default makeView(render);
