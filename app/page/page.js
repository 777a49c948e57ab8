// The page: its views as tabs, a reader that answers on this device, and a copy of the program for use without a network.

import { openReader } from "./reader/reader.js";
import camera from "./camera.js";
import facts from "./facts.js";
import film from "./film.js";
import steps from "./steps.js";
import upload from "./upload.js";

const tabs = [...document.querySelectorAll("[role=tab]")];
const panels = [...document.querySelectorAll("[role=tabpanel]")];

function select(number) {
  tabs.forEach((tab, i) => {
    tab.setAttribute("aria-selected", String(i === number));
    tab.tabIndex = i === number ? 0 : -1;
    panels[i].hidden = i !== number;
  });
}

tabs.forEach((tab, i) => {
  tab.addEventListener("click", () => select(i));
  tab.addEventListener("keydown", ({ key }) => {
    const next = { ArrowRight: i + 1, ArrowLeft: i - 1 + tabs.length, Home: 0, End: tabs.length - 1 }[key];
    if (next === undefined) return;
    select(next % tabs.length);
    tabs[next % tabs.length].focus();
  });
});

/** Lets the browser keep the program, once: after the first answer, which it would delay. */
function keepProgram() {
  keepProgram = () => {};
  navigator.serviceWorker?.register("sw.js");
}

const reader = openReader("reader/worker.js");
const model = {
  get: (name) => facts[name],
  async ask(...question) {
    const answer = await reader.ask(...question);
    keepProgram();
    return answer;
  },
};
[upload, camera, film, steps].forEach((view, i) =>
  view.render({ model, el: panels[i], area: document.documentElement, show: () => select(i) }));
