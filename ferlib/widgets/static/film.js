// Film view: a film is read ten times a second; its timeline and its moments lead back into it.

const STEP = 0.1; // seconds: the film is sought to each, so that its table is steady
const LONGEST_SIDE = 960; // pixels of a frame that is read
const MOST_ROWS = 20_000; // faces that are held: of a longer film, every second, fourth ... frame. The csv has all.
const MOST_LANES = 6; // faces at once in the timeline
const MOST_MOMENTS = 100; // the longest
const FORGET = 1; // seconds that a face may be out of sight within a moment
const REDRAW = 500; // ms
const SHORT = 0.5; // seconds that a film may end early: sound is often a little longer
const PATIENCE = 20_000;

const UNREADABLE = "This browser cannot read that film. Films that end in .mp4 (H.264) or .webm are read nearly everywhere.";
const NO_FACE = "No face found in this film. Faces seen from the front, not too small, are found best.";
const DAMAGED = "The file is damaged, or ends early: get a whole copy of it.";
const FOLLOWED = "A face that was out of sight for a second, or comes after a cut, gets another number.";
const TOO_MANY = ` Of more than ${MOST_LANES} faces at once, ${MOST_LANES} are drawn.`;

/** "1:02.3" */
function clock(seconds) {
  const tenths = Math.floor(10 * seconds + 1e-6);
  return `${Math.floor(tenths / 600)}:${((tenths % 600) / 10).toFixed(1).padStart(4, "0")}`;
}

/** Resolves when a video tells of an event; rejects if it cannot be decoded, or tells nothing for long. */
const hear = (video, name) => new Promise((resolve, reject) => {
  const over = new AbortController();
  const end = (settle) => {
    over.abort();
    clearTimeout(timer);
    settle(new Error(UNREADABLE));
  };
  const timer = setTimeout(end, PATIENCE, reject);
  video.addEventListener(name, () => end(resolve), over);
  video.addEventListener("error", () => end(reject), over);
});

/** What was read of a film, at a steady step, which doubles when there is too much to hold. */
function openReadings() {
  const people = new Set();
  const lanes = []; // of each lane of the timeline, the person who was there last
  let [frames, every, count, rows] = [[], 1, 0, 0];

  function add(faces) {
    const here = new Set(faces.map(({ person }) => person));
    for (const face of faces) {
      people.add(face.person);
      face.lane = lanes.indexOf(face.person);
      if (face.lane < 0) face.lane = lanes.findIndex((person) => !here.has(person));
      if (face.lane < 0) face.lane = lanes.length;
      lanes[face.lane] = face.person;
    }
    if (count++ % every) return;
    frames.push(faces);
    rows += Math.max(1, faces.length);
    if (rows <= MOST_ROWS) return;
    frames = frames.filter((_, i) => i % 2 === 0);
    every *= 2;
    rows = frames.reduce((sum, { length }) => sum + Math.max(1, length), 0);
  }

  const step = () => every * STEP;
  return {
    add, step, lanes,
    frames: () => frames,
    at: (seconds) => frames[Math.floor(seconds / step() + 1e-6)] ?? [],
    until: () => count * STEP,
    people: () => people.size,
  };
}

/** Stretches in which a person's answer stays the same: {person, predicted, from, until, mean}, at most so many. */
function findMoments(readings, emotions) {
  const [latest, moments] = [new Map(), []];
  readings.frames().forEach((faces, i) => faces.forEach((face) => {
    const from = i * readings.step();
    let moment = latest.get(face.person);
    if (moment?.predicted !== face.predicted || from - moment.until > FORGET) {
      moment = { person: face.person, predicted: face.predicted, from, sum: 0, count: 0 };
      latest.set(face.person, moment);
      moments.push(moment);
    }
    moment.until = from + readings.step();
    moment.sum += face.probabilities[emotions.indexOf(face.emotion)];
    moment.count += 1;
  }));
  const longest = [...moments].sort((a, b) => b.until - b.from - (a.until - a.from)).slice(0, MOST_MOMENTS);
  return longest.sort((a, b) => a.from - b.from || a.person - b.person);
}

/** Lanes of faces over time, and a slider over them that seeks; beneath it, `controls`. */
function makeTimeline(emotions, colors, controls) {
  const canvas = element("canvas", "", { width: 1200, height: 56, role: "img", ariaLabel: "The emotions over time" });
  const context = canvas.getContext("2d");
  const slider = element("input", "", { type: "range", min: 0, value: 0, ariaLabel: "Moment of the film", ...OWN_KEYS });
  const note = element("p", "ferlib-about");
  const figure = element("figure", "ferlib-timeline", {}, element("div", "ferlib-lanes", {}, canvas, slider),
    element("div", "ferlib-row", {}, ...controls, element("figcaption", "", {}, ...makeLegend(emotions, colors))), note);

  function draw(readings, duration) {
    const lanes = Math.max(1, Math.min(MOST_LANES, readings.lanes.length));
    if (canvas.height !== 56 * lanes) canvas.height = 56 * lanes;
    canvas.style.height = `${lanes === 1 ? 56 : 34 * lanes}px`;
    context.clearRect(0, 0, canvas.width, canvas.height);
    for (let x = 0; x < canvas.width; x++) {
      for (const { lane, probabilities } of readings.at((x / canvas.width) * duration)) {
        if (lane < lanes) drawShares(context, [x, 56 * lane, 1, 52], probabilities, emotions, colors);
      }
    }
    note.textContent = readings.people() > 1 ? FOLLOWED + (readings.lanes.length > MOST_LANES ? TOO_MANY : "") : "";
  }
  return { figure, slider, draw };
}

/** `area` takes drops: the whole page, or by default the view's own field for it; `show` opens the view's tab. */
function render({ model, el, area, show }) {
  const emotions = model.get("emotions");
  const colors = model.get("colors");
  const line = openLine(model);
  let film = null; // {name, url, duration, readings, table, reading, reads} of the film on the screen

  const input = element("input", "", { type: "file", accept: "video/*", hidden: true });
  const cancel = makeButton("Cancel", () => film && (film.reads = false));
  const progress = element("progress", "", { ariaLabel: "How much of the film is read" });
  const progressed = element("span", "ferlib-rate");
  const going = element("span", "ferlib-going", { hidden: true }, progress, progressed, cancel);
  const hint = element("span", "ferlib-hint", {}, area ? "or drop one anywhere" : "or drop one here");
  const drop = element("div", "ferlib-drop", { role: "group", ariaLabel: "Choose or drop a film" },
    makeButton("Choose a film", () => input.click()), hint, going, input);
  const status = element("p", "ferlib-status", { role: "status" });
  const video = element("video", "", { playsInline: true, preload: "auto" });
  const overlay = element("canvas", "");
  const player = makeButton("Play", () => (video.paused ? video.play() : video.pause()));
  const now = element("span", "ferlib-rate");
  const timeline = makeTimeline(emotions, colors, [player, now]);
  const moments = element("tbody", "");
  const caption = element("caption", "");
  const head = element("tr", "", {}, ...["from", "for", "face", "shows"].map((name) => element("th", "", { scope: "col" }, name)));
  const list = element("div", "ferlib-moments", { tabIndex: 0, role: "group", ariaLabel: "Moments", ...OWN_KEYS },
    element("table", "", {}, caption, element("thead", "", {}, head), moments));
  const rows = element("span", "ferlib-rate");
  const files = element("div", "ferlib-row ferlib-files", {},
    makeButton("Download csv", () => film.table.save(`${stemOf(film.name)}_faces.csv`)), rows);
  const told = element("div", "ferlib-told", {}, status, element("p", "ferlib-limits", {}, LIMITS), list, files);
  const stage = element("div", "ferlib-stage", {}, video, overlay);
  const seen = element("div", "ferlib-watched", { hidden: true }, stage, timeline.figure);
  const root = element("section", "ferlib ferlib-film", { ariaLabel: "Read a film" }, drop,
    element("div", "ferlib-result", {}, seen, told));
  el.append(root);
  settle("stopped");
  say("A film is read ten times a second, on this device: the emotions over time, the moments at which they change, and a table.");

  function say(text, bad = false) {
    status.textContent = text;
    status.classList.toggle("ferlib-bad", bad);
  }

  /** What can be done while a film is read, and when it was. */
  function settle(state) {
    const reads = state === "busy";
    root.dataset.state = state;
    going.classList.toggle("ferlib-quiet", !reads);
    list.hidden = files.hidden = state !== "done";
    player.disabled = timeline.slider.disabled = state !== "done";
  }

  /** Reads the first of some files. */
  async function open([file]) {
    if (film) URL.revokeObjectURL(film.url);
    const mine = (film = { name: file.name, url: URL.createObjectURL(file), readings: openReadings(), reads: true });
    mine.table = openTable(["file", "time", ...FACE_COLUMNS, ...emotions]);
    show?.();
    settle("busy");
    say(`Reading ${file.name} …`);
    going.hidden = false;
    seen.hidden = true;
    progress.removeAttribute("value");
    progressed.textContent = "";
    let trouble = null;
    try {
      if (!file.size) throw new Error("This file is empty (0 bytes).");
      video.src = mine.url;
      await hear(video, "loadedmetadata");
      if (!video.videoWidth) throw new Error("This file has sound, but no picture.");
      if (video.duration === Infinity) await seek(1e9); // a recorder's film: its length is known when its end was sought
      if (film !== mine) return;
      mine.duration = video.duration;
      [overlay.width, overlay.height] = [video.videoWidth, video.videoHeight];
      stage.style.setProperty("--ratio", video.videoWidth / video.videoHeight);
      Object.assign(timeline.slider, { max: mine.duration, value: 0 });
      seen.hidden = false;
      await read(mine);
    } catch (error) {
      trouble = error;
    }
    if (film === mine) tell(mine, trouble);
  }

  const seek = (seconds) => {
    const sought = hear(video, "seeked");
    video.currentTime = seconds;
    return sought;
  };

  /** Seeks one moment after the other; while a frame is read, the next one is sought. */
  async function read(mine) {
    const frame = element("canvas", "");
    const context = frame.getContext("2d");
    const scale = Math.min(1, LONGEST_SIDE / Math.max(video.videoWidth, video.videoHeight));
    [frame.width, frame.height] = [video.videoWidth, video.videoHeight].map((side) => Math.max(1, Math.round(side * scale)));
    let [answered, drawn] = [Promise.resolve(), 0];

    async function ask(seconds, picture) {
      const [{ faces, reading }] = await line.ask({ kind: "frame", seconds }, [picture], PATIENCE);
      if (film !== mine) return;
      mine.reading = reading;
      for (const face of faces) {
        face.box = face.box.map((value) => value / scale);
        mine.table.add([quote(mine.name), seconds.toFixed(3), ...toCells(face.person, face)]);
      }
      mine.readings.add(faces);
      draw(faces);
      if (performance.now() - drawn < REDRAW) return;
      drawn = performance.now();
      timeline.draw(mine.readings, mine.duration);
      Object.assign(progress, { max: mine.duration, value: seconds });
      progressed.textContent = `${clock(seconds)} of ${clock(mine.duration)}`;
      timeline.slider.value = seconds;
    }

    for (let i = 0; mine.reads && i * STEP < mine.duration; i++) {
      await seek(i * STEP).catch((error) => Promise.reject(i ? new Error(DAMAGED) : error));
      if (film !== mine) return;
      if (video.ended && mine.duration - i * STEP > SHORT) { // the rest of the file is missing
        await answered;
        throw new Error(DAMAGED);
      }
      context.drawImage(video, 0, 0, frame.width, frame.height);
      const picture = await createImageBitmap(frame);
      await answered;
      if (film !== mine) return;
      answered = ask(i * STEP, picture);
      answered.catch(() => {}); // awaited with the next frame
    }
    await answered;
  }

  /** Says what was found, also if the film was not read to its end. */
  function tell(mine, trouble) {
    const { duration, readings, reading, table } = mine;
    const until = readings.until();
    if (!table.count()) {
      settle("error");
      seen.hidden = Boolean(trouble) || !until;
      say(trouble?.message ?? (mine.reads ? NO_FACE : "Cancelled before a face was found."), true);
      return;
    }
    settle("done");
    if (video.error) video.load(); // what comes before the damage can be seen
    timeline.draw(readings, duration);
    timeline.slider.step = readings.step();
    const found = findMoments(readings, emotions);
    fill(found);
    const extent = mine.reads && !trouble ? clock(duration) : `${clock(until)} of ${clock(duration)}`;
    const why = trouble ? ` The rest cannot be read. ${trouble.message}` : "";
    const faces = readings.people() === 1 ? "1 face" : `${readings.people()} faces`;
    rows.textContent = countRows(table.count());
    say(`${mine.name}: ${faces} in ${extent}, ${reading}. ${summarize(found)}.${why}`, Boolean(trouble));
    timeline.slider.value = 0;
    leadTo(0);
  }

  /** "Mostly happy (61 % of the time), sad (20 %)" */
  function summarize(found) {
    const shares = {};
    const length = (moment) => moment.until - moment.from;
    const total = found.reduce((sum, moment) => sum + length(moment), 0);
    for (const moment of found) shares[moment.predicted] = (shares[moment.predicted] ?? 0) + length(moment) / total;
    const [first, ...others] = Object.entries(shares).sort((a, b) => b[1] - a[1]).slice(0, 3);
    const rest = others.map(([name, share]) => `, ${name} (${percent(share)})`);
    return `Mostly ${first[0]} (${percent(first[1])} of the time)${rest.join("")}`;
  }

  function fill(found) {
    const which = found.length === MOST_MOMENTS ? `The ${MOST_MOMENTS} longest moments` : "Moments";
    caption.textContent = `${which}, and how likely the answer was on average. Press one to see it.`;
    list.classList.toggle("ferlib-alone", !isNumbered());
    moments.replaceChildren(...found.map((moment) => {
      const button = element("button", "ferlib-moment", { type: "button", ...OWN_KEYS }, clock(moment.from));
      const swatch = element("i", "ferlib-swatch");
      swatch.style.background = colorOf(moment, colors);
      const sure = emotions.includes(moment.predicted) ? ` ${percent(moment.sum / moment.count)}` : "";
      const cells = [button, `${(moment.until - moment.from).toFixed(1)} s`, String(moment.person)];
      const row = element("tr", "", {}, ...cells.map((cell) => element("td", "", {}, cell)),
        element("td", "", {}, swatch, `${moment.predicted}${sure}`));
      return Object.assign(row, { moment });
    }));
  }

  const isNumbered = () => film.readings.people() > 1;

  function draw(faces) {
    const context = overlay.getContext("2d");
    context.clearRect(0, 0, overlay.width, overlay.height);
    drawPeople(context, faces, faces.map(({ box }) => box), emotions, colors, isNumbered());
  }

  /** Shows what is told of the moment on the screen. */
  function follow() {
    if (root.dataset.state !== "done") return;
    const seconds = video.currentTime;
    const faces = film.readings.at(seconds);
    draw(faces);
    now.textContent = clock(seconds);
    if (document.activeElement !== timeline.slider || !video.paused) timeline.slider.value = seconds;
    const words = faces.map((face) => `${isNumbered() ? `${face.person} ` : ""}${describeHeld(face, emotions)}`).join(", ") || "no face";
    timeline.slider.setAttribute("aria-valuetext", `${clock(seconds)}: ${words}`);
    for (const row of moments.children) {
      const { from, until } = row.moment;
      row.classList.toggle("ferlib-chosen", from <= seconds + 1e-6 && seconds < until - 1e-6);
    }
  }

  function play() {
    follow();
    if (!video.paused) requestAnimationFrame(play);
  }

  video.addEventListener("play", play);
  for (const name of ["play", "pause", "emptied"]) {
    video.addEventListener(name, () => (player.textContent = video.paused ? "Play" : "Pause"));
  }
  video.addEventListener("click", () => player.click());
  video.addEventListener("seeked", follow);
  function leadTo(seconds) {
    video.pause();
    video.currentTime = seconds;
  }
  timeline.slider.addEventListener("input", () => leadTo(timeline.slider.value));
  moments.addEventListener("click", ({ target }) => leadTo(target.closest("tr").moment.from));
  input.addEventListener("change", () => {
    if (input.files.length) open([...input.files]);
    input.value = ""; // the same film may be chosen again
  });
  const leaving = new AbortController();
  const take = (files) => {
    const films = files.filter(isFilm);
    if (films.length) open(films);
  };
  takeFiles(area ?? drop, drop, take, leaving);
  return () => {
    if (film) URL.revokeObjectURL(film.url);
    film = null;
    video.removeAttribute("src");
    leaving.abort();
    line.close();
  };
}

export default makeView(render);
