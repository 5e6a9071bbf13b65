// The WebSocket of one container's log: history first, then live; after a break it goes on exactly where it was.
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
const REFUSED = 4403;
const GONE = 4404;

export class LogStream {
  /** `on` hears `lines(lines)`, `state(name)` (connecting, live, ended, lost, refused, gone), `failed(error)`. */
  constructor(path, tail, on) {
    Object.assign(this, { path, tail, on });
    this.cursor = "";
    this.tries = 0;
    this.state = "";
  }

  open() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const query = this.cursor ? `after=${encodeURIComponent(this.cursor)}` : `tail=${this.tail}`;
    this.tell(this.state === "lost" ? "lost" : "connecting");
    this.socket = new WebSocket(`${scheme}//${location.host}${this.path}?${query}`);
    this.socket.addEventListener("open", () => this.tell("live"));
    this.socket.addEventListener("message", (event) => this.take(JSON.parse(event.data)));
    this.socket.addEventListener("close", (event) => this.closed(event.code));
  }

  take({ lines, cursor, end, error }) {
    this.tries = 0;
    if (cursor) this.cursor = cursor;
    if (lines?.length) this.on.lines(lines);
    if (error) this.on.failed(error);
    if (end) this.tell("ended");
  }

  closed(code) {
    if (this.state === "ended") return;
    if (code === REFUSED) return this.tell("refused");
    if (code === GONE) return this.tell("gone");
    this.tell("lost");
    this.tries += 1;
    setTimeout(() => this.open(), Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.tries));
  }

  tell(state) {
    if (state === this.state) return;
    const before = this.state;
    this.state = state;
    this.on.state(state, before);
  }

  /** The container may run again: go on after the last line. */
  resume() {
    if (this.state === "ended") this.open();
  }
}
