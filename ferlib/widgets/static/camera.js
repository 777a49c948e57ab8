// Camera view: the video plays natively; boxes, answers and bars glide after the faces on a canvas over it.

const FRAME_WIDTH = 320;
const TIMEOUT = 3000;
const GLIDE = 60; // ms in which a box goes most of the way to where its face was last seen
const STRIP_SECONDS = 60;
const STRIP_STEP = 250; // ms a column
const MOST_BARS = 3; // faces with bars: more would hide the people

// a colour a person, whatever they show (Okabe and Ito's for the colour-blind)
const PERSONS = ["#56B4E9", "#E69F00", "#009E73", "#F0E442", "#CC79A7", "#D55E00"];

const SENTENCES = {
  NotAllowedError: "The camera is not allowed here: click the camera sign in the address bar, allow it, and press Start.",
  NotFoundError: "No camera found: plug one in and press Start.",
  NotReadableError: "The camera is used by another program: close that and press Start.",
  OverconstrainedError: "This camera is gone: choose another and press Start.",
  insecure: "Browsers give a camera only to pages on https or localhost. Serve JupyterLab with https, or forward its port with ssh -L.",
  ended: "The camera was unplugged or taken away. Press Start to try again.",
};

/** Seven bars beside a box, where there is room. */
function drawBars(context, [x, y, width], probabilities, emotions, colors, unit) {
  const row = unit * 0.95;
  const size = { width: unit * 7.5, height: row * (emotions.length + 0.6) };
  const right = x + width + unit * 0.4;
  const left = right + size.width <= context.canvas.width ? right : Math.max(0, x - size.width - unit * 0.4);
  const top = Math.max(0, Math.min(y, context.canvas.height - size.height));
  context.fillStyle = "rgba(255, 255, 255, 0.82)";
  context.fillRect(left, top, size.width, size.height);
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

/** The last minute of the largest face: a column each quarter of a second, shared by seven colours. */
function makeStrip(emotions, colors) {
  const columns = (1000 * STRIP_SECONDS) / STRIP_STEP;
  const canvas = element("canvas", "ferlib-strip", { width: columns, height: 50, role: "img" });
  canvas.setAttribute("aria-label", `The emotions of the largest face in the last ${STRIP_SECONDS} seconds`);
  const context = canvas.getContext("2d");
  const names = emotions.map((emotion) => {
    const swatch = element("i", "ferlib-swatch");
    swatch.style.background = colors[emotion];
    return element("span", "", {}, swatch, emotion);
  });
  const figure = element("figure", "ferlib-minute", {}, canvas,
    element("figcaption", "", {}, `last ${STRIP_SECONDS} seconds: `, ...names));

  function add(probabilities) {
    context.globalCompositeOperation = "copy";
    context.drawImage(canvas, -1, 0);
    context.globalCompositeOperation = "source-over";
    let top = canvas.height;
    probabilities?.forEach((probability, i) => {
      const height = probability * canvas.height;
      context.fillStyle = colors[emotions[i]];
      context.fillRect(columns - 1, (top -= height), 1, height);
    });
  }
  return { figure, add };
}

function render({ model, el }) {
  const emotions = model.get("emotions");
  const colors = model.get("colors");
  const line = openLine(model);
  let session = null; // {stream} of the camera that runs
  let persons = new Map(); // number -> {face, target, box}: where a person is, and where the box stands

  const button = makeButton("Start camera", () => (session ? stop() : start()));
  const snapshot = makeButton("Snapshot", saveSnapshot);
  const cameras = element("select", "ferlib-select", { ariaLabel: "Camera", hidden: true, ...OWN_KEYS });
  const mirror = element("input", "", { type: "checkbox", checked: true, ...OWN_KEYS });
  const status = element("p", "ferlib-status", { role: "status" });
  const rate = element("span", "ferlib-rate");
  const video = element("video", "", { muted: true, playsInline: true, autoplay: true });
  const overlay = element("canvas", "");
  const strip = makeStrip(emotions, colors);
  const stage = element("div", "", { hidden: true }, element("div", "ferlib-stage", {}, video, overlay), strip.figure);
  const root = element("section", "ferlib ferlib-camera", { ariaLabel: "Read the camera" },
    element("div", "ferlib-row", {}, button, snapshot, cameras, element("label", "", {}, mirror, " mirror"), rate), status, stage);
  Object.assign(root.dataset, { answers: 0, frames: 0 });
  snapshot.disabled = true;
  el.append(root);
  say("Frames go to this notebook's kernel only and are not stored.");

  function say(text, bad = false) {
    status.textContent = text;
    status.classList.toggle("ferlib-bad", bad);
  }

  async function start() {
    if (!navigator.mediaDevices?.getUserMedia) return say(SENTENCES.insecure, true);
    const mine = (session = { stream: null });
    button.textContent = "Stop camera";
    say("Waiting for the camera …");
    try {
      const which = cameras.value ? { deviceId: { exact: cameras.value } } : { facingMode: "user" };
      const stream = await navigator.mediaDevices.getUserMedia({
        video: { width: { ideal: 640 }, height: { ideal: 480 }, ...which },
      });
      if (session !== mine) return stream.getTracks().forEach((track) => track.stop()); // stopped meanwhile
      mine.stream = stream;
      for (const track of stream.getTracks()) track.onended = () => session === mine && stop(SENTENCES.ended);
      video.srcObject = stream;
      await video.play();
      await listCameras(stream);
      stage.hidden = snapshot.disabled = false;
      root.dataset.state = "running";
      animate(mine);
      await follow(mine);
    } catch (error) {
      if (session === mine) stop(SENTENCES[error.name] ?? error.message);
    }
  }

  /** Stops the camera; with a sentence, if something went wrong. */
  function stop(sentence) {
    const stream = session?.stream;
    session = null;
    for (const track of stream?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
    video.srcObject = null;
    persons = new Map();
    stage.hidden = snapshot.disabled = true;
    rate.textContent = "";
    root.dataset.state = sentence ? "error" : "stopped";
    button.textContent = "Start camera";
    say(sentence ?? "The camera is off.", Boolean(sentence));
  }

  async function listCameras(stream) {
    const devices = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
    cameras.replaceChildren(...devices.map(({ deviceId, label }, i) =>
      element("option", "", { value: deviceId, textContent: label || `camera ${i + 1}` })));
    cameras.value = stream.getVideoTracks()[0].getSettings().deviceId;
    cameras.hidden = devices.length < 2;
  }

  /** Sends a frame and waits for its answer: so only one frame is ever under way. */
  async function follow(mine) {
    const frame = element("canvas", "");
    const context = frame.getContext("2d");
    const times = [];
    let misses = 0;
    let told = 0;
    let drawn = 0;
    while (session === mine) {
      if (!video.videoWidth || !root.offsetParent) { // not yet playing, or in a tab that is not shown
        await new Promise((resolve) => setTimeout(resolve, 100));
        continue;
      }
      const began = performance.now();
      frame.width = FRAME_WIDTH;
      frame.height = Math.round((FRAME_WIDTH * video.videoHeight) / video.videoWidth);
      context.drawImage(video, 0, 0, frame.width, frame.height);
      const bytes = await (await toBlob(frame, "image/jpeg", 0.8)).arrayBuffer();
      try {
        const [{ faces }] = await line.ask({ kind: "frame" }, [bytes], TIMEOUT);
        if (session !== mine) return;
        misses = 0;
        place(faces, video.videoWidth / frame.width);
        const now = performance.now();
        times.push(now);
        if (times.length > 20) times.shift();
        if (now - drawn > STRIP_STEP) {
          const area = ({ box: [, , width, height] }) => width * height;
          strip.add([...faces].sort((a, b) => area(b) - area(a))[0]?.probabilities);
          drawn = now;
        }
        if (now - told > 1000) { // a screen reader speaks each change
          const text = faces.length ? faces.map(describe).join(", ") : "No face in view.";
          if (status.textContent !== text) say(text);
          const answers = (1000 * (times.length - 1)) / (times.at(-1) - times[0]);
          if (times.length > 1) rate.textContent = `${Math.round(answers)} answers a second, ${Math.round(now - began)} ms each`;
          told = now;
        }
        root.dataset.milliseconds = (now - began).toFixed(1);
        root.dataset.answers = Number(root.dataset.answers) + 1;
      } catch (error) {
        if (session !== mine) return;
        if (!error.silent) return stop(error.message);
        if (++misses === 2) return stop(`The camera is off. ${SILENT}`);
        say("The kernel is busy: waiting for its answer …");
      }
    }
  }

  /** Tells each person's box where to go. */
  function place(faces, scale) {
    const here = new Map();
    for (const face of faces) {
      const target = face.box.map((value) => value * scale);
      here.set(face.person, { face, target, box: persons.get(face.person)?.box ?? target });
    }
    persons = here;
  }

  /** Draws the overlay at the screen's rate, the boxes on their way. */
  function animate(mine) {
    const context = overlay.getContext("2d");
    let before = performance.now();
    function draw(now) {
      if (session !== mine) return;
      requestAnimationFrame(draw);
      if (!video.videoWidth || !root.offsetParent) return;
      const way = 1 - Math.exp((before - now) / GLIDE);
      before = now;
      [overlay.width, overlay.height] = [video.videoWidth, video.videoHeight];
      const unit = overlay.width / 32;
      for (const person of persons.values()) {
        const { face, target } = person;
        person.box = person.box.map((value, i) => value + (target[i] - value) * way);
        const [x, y, width, height] = person.box;
        // the video is mirrored by CSS; boxes are mirrored here, so that their text is not
        const box = [mirror.checked ? overlay.width - x - width : x, y, width, height];
        if (persons.size <= MOST_BARS) drawBars(context, box, face.probabilities, emotions, colors, unit);
        drawBox(context, box, describe(face), PERSONS[(face.person - 1) % PERSONS.length], unit);
      }
      root.dataset.frames = Number(root.dataset.frames) + 1;
    }
    requestAnimationFrame(draw);
  }

  async function saveSnapshot() {
    const picture = element("canvas", "", { width: video.videoWidth, height: video.videoHeight });
    const context = picture.getContext("2d");
    context.save();
    if (mirror.checked) context.transform(-1, 0, 0, 1, picture.width, 0);
    context.drawImage(video, 0, 0);
    context.restore();
    context.drawImage(overlay, 0, 0);
    download(await toBlob(picture, "image/png"), "snapshot.png");
  }

  mirror.addEventListener("change", () => video.classList.toggle("ferlib-unmirrored", !mirror.checked));
  cameras.addEventListener("change", () => {
    stop();
    start();
  });
  return () => {
    if (session) stop();
    line.close();
  };
}

export default { render };
