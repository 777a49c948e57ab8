// Camera view: the video plays natively; the kernel's answers are drawn on a canvas over it.

const FRAME_WIDTH = 320;
const TIMEOUT = 3000;

const SENTENCES = {
  NotAllowedError: "The camera is not allowed here: click the camera sign in the address bar, allow it, and press Start.",
  NotFoundError: "No camera found: plug one in and press Start.",
  NotReadableError: "The camera is used by another program: close that and press Start.",
  insecure: "Browsers give a camera only to pages on https or localhost. Serve JupyterLab with https, or forward its port with ssh -L.",
  ended: "The camera was unplugged or taken away. Press Start to try again.",
};

function render({ model, el }) {
  const colors = model.get("colors");
  const line = openLine(model);
  let session = null; // {stream} of the camera that runs

  const button = element("button", "ferlib-button", { type: "button" }, "Start camera");
  const status = element("p", "ferlib-status", { role: "status" });
  const rate = element("span", "ferlib-rate");
  const video = element("video", "", { muted: true, playsInline: true, autoplay: true });
  const overlay = element("canvas", "");
  const stage = element("div", "ferlib-stage", { hidden: true }, video, overlay);
  const root = element("section", "ferlib ferlib-camera", { ariaLabel: "Read the camera" },
    element("div", "ferlib-row", {}, button, status, rate), stage);
  root.dataset.answers = "0";
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
      const stream = await navigator.mediaDevices.getUserMedia({
        video: { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "user" },
      });
      if (session !== mine) return stream.getTracks().forEach((track) => track.stop()); // stopped meanwhile
      mine.stream = stream;
      for (const track of stream.getTracks()) track.onended = () => session === mine && stop(SENTENCES.ended);
      video.srcObject = stream;
      await video.play();
      stage.hidden = false;
      root.dataset.state = "running";
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
    stage.hidden = true;
    rate.textContent = "";
    root.dataset.state = sentence ? "error" : "stopped";
    button.textContent = "Start camera";
    say(sentence ?? "The camera is off.", Boolean(sentence));
  }

  /** Sends a frame, waits for its answer, draws it: so only one frame is ever under way. */
  async function follow(mine) {
    const frame = element("canvas", "");
    const times = [];
    let misses = 0;
    while (session === mine) {
      await new Promise(requestAnimationFrame);
      if (session !== mine || !video.videoWidth) continue;
      frame.width = FRAME_WIDTH;
      frame.height = Math.round((FRAME_WIDTH * video.videoHeight) / video.videoWidth);
      frame.getContext("2d").drawImage(video, 0, 0, frame.width, frame.height);
      const blob = await new Promise((resolve) => frame.toBlob(resolve, "image/jpeg", 0.8));
      const bytes = await blob.arrayBuffer();
      try {
        const [answer] = await line.ask({ kind: "frame" }, [bytes], TIMEOUT);
        if (session !== mine) return;
        misses = 0;
        draw(answer.faces, video.videoWidth / frame.width);
        root.dataset.answers = Number(root.dataset.answers) + 1;
        times.push(performance.now());
        if (times.length > 20) times.shift();
        const seconds = (times.at(-1) - times[0]) / 1000;
        if (seconds > 0) rate.textContent = `${Math.round((times.length - 1) / seconds)} answers a second`;
      } catch (error) {
        if (session !== mine) return;
        if (!error.silent) return stop(error.message);
        if (++misses === 2) return stop(`The camera is off. ${SILENT}`);
      }
    }
  }

  function draw(faces, scale) {
    overlay.width = video.videoWidth;
    overlay.height = video.videoHeight;
    const context = overlay.getContext("2d");
    for (const face of faces) {
      const [x, y, width, height] = face.box.map((value) => value * scale);
      // the video is mirrored by CSS; boxes are mirrored here, so that their text is not
      drawBox(context, [overlay.width - x - width, y, width, height], describe(face), colors[face.emotion], overlay.width / 32);
    }
    const text = faces.length ? faces.map(describe).join(", ") : "No face in view.";
    if (status.textContent !== text) say(text);
  }

  button.addEventListener("click", () => (session ? stop() : start()));
  return () => {
    if (session) stop();
    line.close();
  };
}

export default { render };
