// The lines a page holds. The newest KEPT of them; what is older stays on the host, one click (download) away.
import { plain } from "./ansi.js";

export const KEPT = 200_000;
const SLACK = 20_000; // trimmed in large steps, since removing from the front of an array moves all of it
const LONGEST_JOINED = 64 << 10;

export class LineStore {
  constructor() {
    this.clear();
  }

  clear() {
    this.lines = [];
    this.dropped = 0; // lines that left this store at its old end
    this.received = 0;
    this.open = new Map(); // stream → its last line, while that line's end has not come yet
    this.setFilter(this.needle ?? "");
  }

  /** Add `[time_ns, stream, text, is_partial]`; returns the line that was lengthened, if it went on an earlier one. */
  add([timeNs, stream, text, isPartial]) {
    const begun = this.open.get(stream);
    if (begun && begun.text.length + text.length <= LONGEST_JOINED) {
      begun.text += text;
      if (!isPartial) this.open.delete(stream);
      return begun;
    }
    const line = { timeNs, stream, text };
    if (isPartial) this.open.set(stream, line);
    else this.open.delete(stream);
    this.push(line);
    this.received += 1;
    return null;
  }

  push(line) {
    this.lines.push(line);
    if (this.needle && this.matches(line)) this.matching.push(line);
    if (this.lines.length > KEPT + SLACK) this.trim();
  }

  trim() {
    const gone = new Set(this.lines.splice(0, this.lines.length - KEPT));
    this.dropped += gone.size;
    if (this.needle) this.matching = this.matching.filter((line) => !gone.has(line));
  }

  matches(line) {
    return line.stream === "mark" || plain(line.text).toLowerCase().includes(this.needle);
  }

  setFilter(text) {
    this.needle = text.toLowerCase();
    this.matching = this.needle ? this.lines.filter((line) => this.matches(line)) : [];
  }

  /** The lines to show, oldest first: all of them, or those that match the filter. */
  get view() {
    return this.needle ? this.matching : this.lines;
  }
}
