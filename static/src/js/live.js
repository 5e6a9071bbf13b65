// Keeps what is on the page true: one WebSocket carries hints that something changed, and each part of the page that
// shows such things (`data-live="containers operations"`, with `data-live-id` only that one) fetches itself anew.
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
const GATHER_MS = 100; // hints that come together count once
const MOST = 6; // and a busy host costs at most so many refreshes
const SPAN_MS = 3_000; // in this time

const indicator = () => document.querySelector("[data-link]");
const waiting = new Map();
let timer = null;
let recent = []; // when the last refreshes were, the oldest first
let isLeaving = false; // the server has sent the reader elsewhere, and the next page is on its way

function show(state) {
  const element = indicator();
  if (element) element.dataset.link = state;
}

function refresh() {
  timer = null;
  if (isLeaving) return;
  if (document.hidden) return; // nobody looks; it is made up for when somebody does
  recent = [...recent, performance.now()].slice(-MOST);
  const hints = new Map(waiting);
  waiting.clear();
  for (const element of document.querySelectorAll("[data-live]")) {
    const kinds = element.dataset.live.split(" ");
    const wanted = element.dataset.liveId;
    const isHit = kinds.some((kind) => {
      const ids = hints.get(kind);
      return ids && (!wanted || ids.has(wanted) || ids.has(""));
    });
    if (isHit) element.dispatchEvent(new CustomEvent("moorage:changed"));
  }
}

function refreshSoon() {
  const allowedAt = recent.length < MOST ? 0 : recent[0] + SPAN_MS;
  timer ??= setTimeout(refresh, Math.max(GATHER_MS, allowedAt - performance.now()));
}

/** Note that `kind` (an object's list) changed; an empty id stands for any of them. */
function hint(kind, id = "") {
  if (!waiting.has(kind)) waiting.set(kind, new Set());
  waiting.get(kind).add(id);
  refreshSoon();
}

function hintAll() {
  for (const kind of ["containers", "images", "operations"]) hint(kind);
}

function connect(attempt = 0) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(`${scheme}//${location.host}/ws/changes/`);
  let isOpen = false;
  socket.addEventListener("open", () => {
    isOpen = true;
    show("live");
    hintAll(); // whatever was hinted since the page was made, or while there was no connection, was missed
  });
  socket.addEventListener("message", (event) => {
    const { changed, id } = JSON.parse(event.data);
    if (changed) hint(changed, id ?? "");
  });
  socket.addEventListener("close", (event) => {
    if (event.code === 4403) return show("off");
    show("lost");
    const tries = isOpen ? 1 : attempt + 1;
    const pause = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** tries) * (0.75 + Math.random() / 2);
    setTimeout(() => connect(tries), pause);
  });
}

document.addEventListener("visibilitychange", () => !document.hidden && waiting.size && refreshSoon());

// What was asked from this page shows at once, hint or not.
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && event.detail.requestConfig?.verb === "post") hintAll();
});

// Several parts may hear at once that their object is gone. The first answer leads away and carries a notice to the next
// page; a second would send for that page again, when the notice has been read already.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  if (isLeaving) event.preventDefault();
  else isLeaving = event.detail.xhr.getResponseHeader("HX-Redirect") !== null;
});
window.addEventListener("pageshow", () => {
  isLeaving = false;
});

if (document.body.dataset.signedIn !== undefined) connect();
