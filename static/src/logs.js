// The Logs tab: ties the stream, the store and the window of rows to the buttons above them.
import { LogStream } from "./js/log/stream.js";
import { LineStore } from "./js/log/store.js";
import { RowWindow } from "./js/log/window.js";
import { language, word } from "./js/words.js";

const TAIL = 5_000;
const FILTER_PAUSE_MS = 150;
const root = document.querySelector(".logs");
const part = (name) => root.querySelector(`[data-part="${name}"]`);
const number = new Intl.NumberFormat(language);

const store = new LineStore();
const rows = new RowWindow(part("view"), part("rows"), store, () => showFollow());
let isDrawing = false;
let seenWhenPaused = 0;

function mark(text) {
  store.push({ timeNs: 0, stream: "mark", text });
  draw();
}

// However fast lines come, the page is drawn once a frame, and only the rows of the window.
function draw() {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    rows.update();
    showCounts();
  });
}

function showCounts() {
  const { view, lines, received, dropped, needle } = store;
  part("empty").hidden = view.length > 0;
  part("count").textContent = needle
    ? word("lines match", { count: number.format(view.length), all: number.format(lines.length) })
    : word("lines", { count: number.format(received) });
  part("dropped").textContent = dropped ? word("lines dropped", { count: number.format(dropped) }) : "";
  if (!rows.isFollowing) part("new").textContent = word("new lines", { count: number.format(received - seenWhenPaused) });
}

function showFollow() {
  if (!rows.isFollowing) seenWhenPaused = store.received;
  part("more").hidden = rows.isFollowing;
  part("follow").setAttribute("aria-pressed", String(rows.isFollowing));
  showCounts();
}

const STATES = { connecting: "wait", live: "go", lost: "wait", ended: "", refused: "fail", gone: "fail" };

function showState(state, before) {
  const element = part("state");
  element.className = `state logs-state ${STATES[state] ? `state-${STATES[state]}` : ""}`;
  element.textContent = word(`log ${state}`);
  part("empty").textContent = word(state === "ended" || state === "live" ? `no lines ${state}` : `log ${state}`);
  if (state === "lost" && before === "live") mark(word("mark lost"));
  if (state === "live" && before === "lost") mark(word("mark resumed"));
  if (state === "ended" && store.lines.length && store.lines.at(-1).stream !== "mark") mark(word("mark ended"));
}

const stream = new LogStream(root.dataset.path, TAIL, {
  lines(lines) {
    for (const line of lines) {
      const lengthened = store.add(line);
      if (lengthened) rows.redraw(lengthened);
    }
    draw();
  },
  state: showState,
  failed: (error) => mark([error.message, error.hint].filter(Boolean).join(" ") || String(error)),
});

function toggle(name, attribute) {
  const button = part(name);
  const show = (isOn) => {
    root.toggleAttribute(attribute, isOn);
    button.setAttribute("aria-pressed", String(isOn));
  };
  show(localStorage.getItem(`logs ${name}`) === "on");
  button.addEventListener("click", () => {
    const isOn = !root.hasAttribute(attribute);
    localStorage.setItem(`logs ${name}`, isOn ? "on" : "off");
    show(isOn);
    if (rows.isFollowing) rows.toEnd();
  });
}

let pause = null;
part("filter").addEventListener("input", (event) => {
  clearTimeout(pause);
  pause = setTimeout(() => {
    store.setFilter(event.target.value.trim());
    rows.rebuild();
    showCounts();
    if (store.needle) part("empty").textContent = word("no lines match");
    else showState(stream.state, stream.state);
  }, FILTER_PAUSE_MS);
});

part("follow").addEventListener("click", () => (rows.isFollowing ? rows.setFollowing(false) : rows.rebuild()));
part("more").addEventListener("click", () => rows.rebuild());
part("view").addEventListener("keydown", (event) => {
  if (event.key === "End") { event.preventDefault(); rows.rebuild(); }
});
root.addEventListener("moorage:changed", () => stream.resume());

toggle("times", "data-times");
toggle("wrap", "data-wrap");
stream.open();
