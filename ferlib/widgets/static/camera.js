// Camera view: the video plays natively; boxes, answers and bars glide after the faces on a canvas over it.

const FRAME_WIDTH = 320;
const TIMEOUT = 3000;
const GLIDE = 60; // ms in which a box goes most of the way to where its face was last seen
const STRIP_SECONDS = 60;
const STRIP_STEP = 250; // ms a column
const STILL = 500; // ms for which words and percentages stand still, to be read
const CALM = matchMedia("(prefers-reduced-motion: reduce)"); // boxes jump then, and do not glide

const SENTENCES = {
  NotAllowedError: "The camera is not allowed here: click the camera sign in the address bar, allow it, and press Start.",
  NotFoundError: "No camera found: plug one in and press Start.",
  NotReadableError: "The camera is used by another program: close that and press Start.",
  OverconstrainedError: "This camera is gone: choose another and press Start.",
  insecure: "Browsers give a camera only to pages on https or localhost. Serve this page with https, or forward its port with ssh -L.",
  ended: "The camera was unplugged or taken away. Press Start to try again.",
};

/** The last minute of the largest face: a column each quarter of a second, shared by seven colours. */
function makeStrip(emotions, colors) {
  const columns = (1000 * STRIP_SECONDS) / STRIP_STEP;
  const canvas = element("canvas", "ferlib-strip", { width: columns, height: 50, role: "img" });
  canvas.setAttribute("aria-label", `The emotions of the largest face in the last ${STRIP_SECONDS} seconds`);
  const context = canvas.getContext("2d");
  const figure = element("figure", "", {}, canvas,
    element("figcaption", "", {}, `last ${STRIP_SECONDS} seconds: `, ...makeLegend(emotions, colors)));

  function add(probabilities) {
    context.globalCompositeOperation = "copy";
    context.drawImage(canvas, -1, 0);
    context.globalCompositeOperation = "source-over";
    if (probabilities) drawShares(context, [columns - 1, 0, 1, canvas.height], probabilities, emotions, colors);
  }
  return { figure, add };
}

/** Records what is told of faces while its button is pressed, and then offers it as a table; the page alone has it. */
function makeRecorder(emotions) {
  let [table, began, running] = [null, 0, false];
  const button = makeButton("Record", () => (running ? stop() : start()));
  const save = makeButton("Download csv", () => table.save("camera.csv"));
  const told = element("span", "ferlib-recorded", { role: "status" });
  const row = element("div", "ferlib-row", {}, button, save, told);
  button.classList.add("ferlib-record");
  button.disabled = save.disabled = true;

  function show(isRunning) {
    running = isRunning;
    button.setAttribute("aria-pressed", String(running));
    save.disabled = running || !table?.count();
    told.setAttribute("aria-live", running ? "off" : "polite"); // a screen reader would speak each count
  }
  function start() {
    [table, began] = [openTable(["time", ...FACE_COLUMNS, ...emotions]), performance.now()];
    show(true);
    count();
  }
  function stop() {
    if (!running) return;
    show(false);
    count();
  }
  function count() {
    const length = `${countRows(table.count())} in ${Math.round((performance.now() - began) / 1000)} s`;
    told.textContent = running ? `recording: ${length}` : `${length}, a row for each face and moment`;
  }
  function add(faces, scale) {
    if (!running) return;
    const time = ((performance.now() - began) / 1000).toFixed(3);
    for (const face of faces) table.add([time, ...toCells(face.person, face, scale)]);
  }
  function enable(isEnabled) {
    if (!isEnabled) stop();
    button.disabled = !isEnabled;
  }
  show(false);
  return { row, add, enable, refresh: () => running && count() };
}

function render({ model, el }) {
  const emotions = model.get("emotions");
  const colors = model.get("colors");
  const line = openLine(model);
  let session = null; // {stream} of the camera that runs
  let persons = new Map(); // number -> {face, target, box}: what is told of a person, where they are, and where the box stands

  const button = makeButton("Start camera", () => (session ? stop() : start()));
  const snapshot = makeButton("Snapshot", saveSnapshot);
  const cameras = element("select", "ferlib-select", { ariaLabel: "Camera", hidden: true, ...OWN_KEYS });
  const mirror = element("input", "", { type: "checkbox", checked: true, ...OWN_KEYS });
  const status = element("p", "ferlib-status", { role: "status" });
  const rate = element("span", "ferlib-rate");
  const video = element("video", "", { muted: true, playsInline: true, autoplay: true });
  const overlay = element("canvas", "");
  const strip = makeStrip(emotions, colors);
  const recorder = makeRecorder(emotions);
  const stage = element("div", "ferlib-stage", {}, video, overlay);
  const root = element("section", "ferlib ferlib-camera", { ariaLabel: "Read the camera" },
    element("div", "ferlib-row", {}, button, snapshot, cameras, element("label", "", {}, mirror, " mirror"), rate),
    status, element("p", "ferlib-limits", {}, LIMITS),
    element("div", "ferlib-scene", {}, stage, element("div", "ferlib-minute", {}, strip.figure, recorder.row)));
  Object.assign(root.dataset, { answers: 0, frames: 0 });
  enable(false);
  el.append(root);
  say(model.get("promise"));

  function say(text, bad = false) {
    status.textContent = text;
    status.classList.toggle("ferlib-bad", bad);
  }

  /** Shows what a running camera shows, and lets it be used. */
  function enable(runs) {
    stage.hidden = strip.figure.hidden = snapshot.disabled = !runs;
    recorder.enable(runs);
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
      enable(true);
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
    enable(false);
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
    let told = -Infinity; // the first words are due at once
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
      const sent = line.isHere ? await createImageBitmap(frame) : await (await toBlob(frame, "image/jpeg", 0.8)).arrayBuffer();
      try {
        const [{ faces, reading }] = await line.ask({ kind: "frame" }, [sent], TIMEOUT);
        if (session !== mine) return;
        misses = 0;
        const now = performance.now();
        const due = now - told > STILL;
        place(faces, video.videoWidth / frame.width, due);
        recorder.add(faces, video.videoWidth / frame.width);
        times.push(now);
        if (times.length > 20) times.shift();
        if (now - drawn > STRIP_STEP) {
          const area = ({ box: [, , width, height] }) => width * height;
          strip.add([...faces].sort((a, b) => area(b) - area(a))[0]?.probabilities);
          drawn = now;
        }
        if (due) { // a screen reader speaks each change: words, not percentages
          const text = [...persons.values()].map((person) => label(person.face)).join(", ") || "No face in view.";
          if (status.textContent !== text) say(text);
          const answers = (1000 * (times.length - 1)) / (times.at(-1) - times[0]);
          if (times.length > 1) rate.textContent = `${Math.round(answers)} answers a second, ${reading}, ${Math.round(now - began)} ms each`;
          recorder.refresh();
          told = now;
        }
        root.dataset.milliseconds = (now - began).toFixed(1);
        root.dataset.answers = Number(root.dataset.answers) + 1;
      } catch (error) {
        if (session !== mine) return;
        if (!error.silent) return stop(error.message);
        if (++misses === 2) return stop(`The camera is off. ${error.message}`);
        say("Busy: waiting for the answer …");
      }
    }
  }

  /** Tells each person's box where to go, and, if it is due, what to say. */
  function place(faces, scale, due) {
    const here = new Map();
    for (const face of faces) {
      const target = face.box.map((value) => value * scale);
      const before = persons.get(face.person) ?? { face, box: target };
      here.set(face.person, { face: due ? face : before.face, target, box: before.box });
    }
    persons = here;
  }

  const label = ({ person, predicted }) => (persons.size > 1 ? `${person} ${predicted}` : predicted);

  /** Draws the overlay at the screen's rate, the boxes on their way. */
  function animate(mine) {
    const context = overlay.getContext("2d");
    let before = performance.now();
    function draw(now) {
      if (session !== mine) return;
      requestAnimationFrame(draw);
      if (!video.videoWidth || !root.offsetParent) return;
      const way = CALM.matches ? 1 : 1 - Math.exp((before - now) / GLIDE);
      before = now;
      [overlay.width, overlay.height] = [video.videoWidth, video.videoHeight];
      const boxes = [...persons.values()].map((person) => {
        person.box = person.box.map((value, i) => value + (person.target[i] - value) * way);
        const [x, y, width, height] = person.box;
        // the video is mirrored by CSS; boxes are mirrored here, so that their text is not
        return [mirror.checked ? overlay.width - x - width : x, y, width, height];
      });
      drawPeople(context, [...persons.values()].map((person) => person.face), boxes, emotions, colors, persons.size > 1);
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

export default makeView(render);
