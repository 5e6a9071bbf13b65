// Terminal colours as class names: ECMA-48 "select graphic rendition" is understood, every other escape is dropped.
// Text only ever becomes text nodes, whatever a container writes.

// CSI …, OSC … (ended by BEL or ST), other two-character escapes, and control characters other than tab.
// eslint-disable-next-line no-control-regex
const ESCAPES = /\x1b\[([0-9;:?<=>!]*)[ -/]*([@-~])|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?|[\x00-\x08\x0a-\x1f\x7f\x80-\x9f]/g;
const STYLES = { 1: "ansi-bold", 2: "ansi-dim", 3: "ansi-italic", 4: "ansi-underline" };
const ENDS = { 22: ["ansi-bold", "ansi-dim"], 23: ["ansi-italic"], 24: ["ansi-underline"] };
const isColour = (code) => (code >= 30 && code <= 37) || (code >= 90 && code <= 97);

function applyStyle(style, parameters) {
  const codes = parameters.split(/[;:]/).map(Number);
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at];
    if (code === 0) { style.marks.clear(); style.colour = ""; }
    else if (STYLES[code]) style.marks.add(STYLES[code]);
    else if (ENDS[code]) ENDS[code].forEach((mark) => style.marks.delete(mark));
    else if (isColour(code)) style.colour = `ansi-${code}`;
    else if (code === 39) style.colour = "";
    else if (code === 38 || code === 48) at += codes[at + 1] === 5 ? 2 : 4; // 256 and true colours: skipped
  }
}

/** What a terminal would leave on the line: the text after the last carriage return that something follows. */
function afterReturns(text) {
  const trimmed = text.replace(/[\r\n]+$/, "");
  return trimmed.slice(trimmed.lastIndexOf("\r") + 1);
}

/** Split a raw line into `[text, class names]` pieces. */
export function pieces(raw) {
  const line = afterReturns(raw);
  if (!/[\x00-\x1f\x7f-\x9f]/.test(line)) return [[line, ""]]; // eslint-disable-line no-control-regex
  const style = { marks: new Set(), colour: "" };
  const found = [];
  let from = 0;
  const add = (to) => to > from && found.push([line.slice(from, to), [...style.marks, style.colour].join(" ").trim()]);
  for (const match of line.matchAll(ESCAPES)) {
    if (match[0] === "\t") continue;
    add(match.index);
    from = match.index + match[0].length;
    if (match[2] === "m") applyStyle(style, match[1]);
  }
  add(line.length);
  return found;
}

/** The line without any escape: what the filter looks at. */
export function plain(raw) {
  return afterReturns(raw).replace(ESCAPES, "");
}
