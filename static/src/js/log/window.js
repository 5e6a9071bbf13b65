// A window of rows over the store: the page never holds more than MOST_ROWS of them, however many lines there are.
import { pieces } from "./ansi.js";

const MOST_ROWS = 1500;
const CHUNK = 300;
const NEAR_PX = 600;
const AT_END_PX = 8;

const two = (value) => String(value).padStart(2, "0");

/** Local time with milliseconds, in a form that sorts: 2026-01-31 09:05:07.123. */
export function sayTime(timeNs) {
  const at = new Date(timeNs / 1e6);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

function fillText(element, text, className, needle) {
  let from = 0;
  const lower = needle ? text.toLowerCase() : "";
  for (let at = needle ? lower.indexOf(needle) : -1; at >= 0; at = lower.indexOf(needle, from)) {
    element.append(span(text.slice(from, at), className), span(text.slice(at, at + needle.length), className, "mark"));
    from = at + needle.length;
  }
  element.append(span(text.slice(from), className));
}

function span(text, className, tag = "span") {
  if (!className && tag === "span") return text;
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

export class RowWindow {
  /** `view` is the scrolling element, `rows` the element inside that holds them, `onFollow` hears of each change. */
  constructor(view, rows, store, onFollow) {
    Object.assign(this, { view, rows, store, onFollow });
    this.shown = []; // the store's lines that have a row now, in order
    this.elements = new Map();
    this.isFollowing = true;
    view.addEventListener("scroll", () => this.scrolled(), { passive: true });
    new ResizeObserver(() => this.isFollowing && this.toEnd()).observe(view);
  }

  row(line) {
    const element = document.createElement("div");
    element.className = "logs-row";
    element.dataset.stream = line.stream;
    const time = document.createElement("time");
    if (line.timeNs) time.textContent = sayTime(line.timeNs);
    const text = document.createElement("span");
    for (const [part, className] of pieces(line.text)) fillText(text, part, className, this.store.needle);
    element.append(time, text);
    this.elements.set(line, element);
    return element;
  }

  /** Take what is new in the store: when following, show the end; else only the rows that are there stay. */
  update() {
    if (this.isFollowing) this.showEnd();
  }

  /** Draw one line again, if it has a row: it was lengthened. */
  redraw(line) {
    const old = this.elements.get(line);
    if (old) old.replaceWith(this.row(line));
  }

  showEnd() {
    const { view } = this.store;
    const last = this.shown.at(-1);
    const from = last ? view.lastIndexOf(last) + 1 : 0;
    if (last && from === 0 || view.length - from > CHUNK) this.replace(view.slice(-CHUNK));
    else this.append(view.slice(from));
    this.toEnd();
  }

  rebuild() {
    this.replace(this.store.view.slice(-CHUNK));
    this.setFollowing(true);
    this.toEnd();
  }

  replace(lines) {
    this.elements.clear();
    this.shown = lines;
    this.rows.replaceChildren(...lines.map((line) => this.row(line)));
  }

  append(lines) {
    if (lines.length === 0) return;
    this.rows.append(...lines.map((line) => this.row(line)));
    this.shown.push(...lines);
    const extra = this.shown.length - MOST_ROWS;
    if (extra > 0) this.keepingPlace(() => this.dropRows(this.shown.splice(0, extra)));
  }

  prepend(lines) {
    this.keepingPlace(() => this.rows.prepend(...lines.map((line) => this.row(line))));
    this.shown.unshift(...lines);
    const extra = this.shown.length - MOST_ROWS;
    if (extra > 0) this.dropRows(this.shown.splice(-extra, extra));
  }

  dropRows(lines) {
    for (const line of lines) {
      this.elements.get(line)?.remove();
      this.elements.delete(line);
    }
  }

  /** Change rows above the eye without moving what the eye rests on. */
  keepingPlace(change) {
    const below = this.view.scrollHeight - this.view.scrollTop;
    change();
    this.view.scrollTop = this.view.scrollHeight - below;
  }

  toEnd() {
    this.view.scrollTop = this.view.scrollHeight;
    this.lastTop = this.view.scrollTop;
  }

  scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.view;
    const below = scrollHeight - clientHeight - scrollTop;
    const isUp = scrollTop < (this.lastTop ?? 0) - 1;
    this.lastTop = scrollTop;
    if (scrollTop < NEAR_PX && isUp) this.older();
    if (below < NEAR_PX && !this.isFollowing) this.newer();
    if (isUp && below > AT_END_PX) this.setFollowing(false);
    else if (below <= AT_END_PX && this.isAtNewest) this.setFollowing(true);
  }

  get isAtNewest() {
    return this.shown.at(-1) === this.store.view.at(-1);
  }

  older() {
    const { view } = this.store;
    const first = view.indexOf(this.shown[0]);
    if (first > 0) this.prepend(view.slice(Math.max(0, first - CHUNK), first));
  }

  newer() {
    const { view } = this.store;
    const next = view.lastIndexOf(this.shown.at(-1)) + 1;
    if (next < view.length) this.append(view.slice(next, next + CHUNK));
  }

  setFollowing(isFollowing) {
    if (this.isFollowing === isFollowing) return;
    this.isFollowing = isFollowing;
    if (isFollowing) this.showEnd();
    this.onFollow(isFollowing);
  }
}
