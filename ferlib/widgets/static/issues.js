// Issues view: three choices, a page of faces that can be chosen, and an export.

const TIMEOUT = 30_000;
const KEYS = "Arrow keys move, space chooses, page up and page down turn the page.";

function render({ model, el }) {
  const line = openLine(model);
  const choices = model.get("choices");
  let page = 0;
  let pages = 1;
  let latest = 0; // only the newest page is shown

  const selects = Object.entries(choices).map(([name, values]) => {
    const options = values.map((value) => element("option", "", { value, textContent: value }));
    return [name, element("select", "ferlib-select", { name, "aria-label": name, ...OWN_KEYS }, ...options)];
  });
  const before = element("button", "ferlib-button", { textContent: "◀", "aria-label": "previous page", ...OWN_KEYS });
  const after = element("button", "ferlib-button", { textContent: "▶", "aria-label": "next page", ...OWN_KEYS });
  const save = element("button", "ferlib-button", { textContent: "Export csv", ...OWN_KEYS });
  const status = element("p", "ferlib-status", { role: "status" });
  const sheet = element("div", "ferlib-sheet", { role: "group", "aria-label": `Faces with an issue. ${KEYS}` });
  const bar = element("div", "ferlib-choices", {}, ...selects.map(([, select]) => select), before, after, save);
  const root = element("div", "ferlib ferlib-issues", {}, bar, status, sheet, element("p", "ferlib-keys", {}, KEYS));

  function tell(text, bad = false) {
    status.textContent = text;
    status.classList.toggle("ferlib-bad", bad);
  }

  const summary = (total) => `${total} faces, page ${page + 1} of ${pages}, ${model.get("chosen").length} chosen`;

  function mark() {
    const chosen = new Set(model.get("chosen"));
    for (const card of sheet.children) card.setAttribute("aria-pressed", chosen.has(Number(card.dataset.row)));
    tell(summary(sheet.dataset.total));
  }

  function choose(card) {
    const row = Number(card.dataset.row);
    const chosen = model.get("chosen");
    model.set("chosen", chosen.includes(row) ? chosen.filter((other) => other !== row) : [...chosen, row]);
    model.save_changes();
  }

  function focus(index) {
    const cards = [...sheet.children];
    const card = cards[Math.max(0, Math.min(index, cards.length - 1))];
    cards.forEach((other) => (other.tabIndex = other === card ? 0 : -1));
    card?.focus();
  }

  async function turn(to, { refocus = false } = {}) {
    const number = ++latest;
    const wanted = Object.fromEntries(selects.map(([name, select]) => [name, select.value]));
    try {
      const [answer, pictures] = await line.ask({ kind: "page", page: to, ...wanted }, [], TIMEOUT);
      if (number !== latest) return;
      ({ page, pages } = answer);
      sheet.dataset.total = answer.total;
      [...sheet.children].forEach((card) => URL.revokeObjectURL(card.firstChild.src));
      sheet.replaceChildren(...answer.cards.map((card, i) => {
        const src = URL.createObjectURL(new Blob([pictures[i]], { type: "image/png" }));
        const picture = element("img", "", { src, alt: "" });
        const title = element("strong", "", {}, card.title);
        const options = { "data-row": card.row, tabIndex: i ? -1 : 0, title: card.text, ...OWN_KEYS };
        return element("button", "ferlib-issue", options, picture, title, element("span", "", {}, card.text));
      }));
      [before.disabled, after.disabled] = [page === 0, page === pages - 1];
      mark();
      if (refocus) focus(0);
    } catch (error) {
      tell(error.message, true);
    }
  }

  async function exportRows() {
    try {
      const [answer] = await line.ask({ kind: "export", chosen: model.get("chosen") }, [], TIMEOUT);
      tell(answer.text);
    } catch (error) {
      tell(error.message, true);
    }
  }

  selects.forEach(([, select]) => select.addEventListener("change", () => turn(0)));
  before.addEventListener("click", () => turn(page - 1));
  after.addEventListener("click", () => turn(page + 1));
  save.addEventListener("click", exportRows);
  sheet.addEventListener("click", (event) => {
    const card = event.target.closest(".ferlib-issue");
    if (card) choose(card);
  });
  sheet.addEventListener("keydown", (event) => {
    const cards = [...sheet.children];
    const at = cards.indexOf(document.activeElement);
    const columns = getComputedStyle(sheet).gridTemplateColumns.split(" ").length;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    if (event.key in steps) focus(at + steps[event.key]);
    else if (event.key === "Home") focus(0);
    else if (event.key === "End") focus(cards.length - 1);
    else if (event.key === "PageUp" && page > 0) turn(page - 1, { refocus: true });
    else if (event.key === "PageDown" && page < pages - 1) turn(page + 1, { refocus: true });
    else return; // space and return press the button by themselves
    event.preventDefault();
  });
  model.on("change:chosen", mark);

  el.append(root);
  turn(0);
  return () => {
    model.off("change:chosen", mark);
    line.close();
  };
}

export default makeView(render);
