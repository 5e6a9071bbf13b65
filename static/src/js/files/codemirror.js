// Puts CodeMirror in the place of a text area, which goes on holding what is written: whoever saves reads it there.
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, indentOnInput, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { c, java } from "@codemirror/legacy-modes/mode/clike";
import { css } from "@codemirror/legacy-modes/mode/css";
import { dockerFile } from "@codemirror/legacy-modes/mode/dockerfile";
import { go } from "@codemirror/legacy-modes/mode/go";
import { javascript, json, typescript } from "@codemirror/legacy-modes/mode/javascript";
import { lua } from "@codemirror/legacy-modes/mode/lua";
import { nginx } from "@codemirror/legacy-modes/mode/nginx";
import { perl } from "@codemirror/legacy-modes/mode/perl";
import { properties } from "@codemirror/legacy-modes/mode/properties";
import { python } from "@codemirror/legacy-modes/mode/python";
import { ruby } from "@codemirror/legacy-modes/mode/ruby";
import { rust } from "@codemirror/legacy-modes/mode/rust";
import { shell } from "@codemirror/legacy-modes/mode/shell";
import { standardSQL } from "@codemirror/legacy-modes/mode/sql";
import { toml } from "@codemirror/legacy-modes/mode/toml";
import { html, xml } from "@codemirror/legacy-modes/mode/xml";
import { yaml } from "@codemirror/legacy-modes/mode/yaml";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightSpecialChars, keymap, lineNumbers } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

const MODES = [
  [/nginx.*\.conf$/, nginx],
  [/(^|\/)(Dockerfile|Containerfile)[^/]*$/, dockerFile],
  [/\.(sh|bash|zsh|ash)$|\/\.?(bashrc|profile|zshrc)$/, shell],
  [/\.ya?ml$/, yaml],
  [/\.json$/, json],
  [/\.[cm]?jsx?$/, javascript],
  [/\.tsx?$/, typescript],
  [/\.py$/, python],
  [/\.toml$/, toml],
  [/\.(html?|xhtml)$/, html],
  [/\.(xml|svg)$/, xml],
  [/\.css$/, css],
  [/\.sql$/, standardSQL],
  [/\.rb$/, ruby],
  [/\.lua$/, lua],
  [/\.p[lm]$/, perl],
  [/\.go$/, go],
  [/\.rs$/, rust],
  [/\.[ch]$/, c],
  [/\.java$/, java],
  [/\.(conf|cnf|cfg|ini|env|properties|service|socket|timer|desktop)$|\/etc\/[^/.]+$/, properties],
];

/** Edit the text of `area` by CodeMirror. `path` says which language it is in; `nonce` is what the page's policy asks of styles. */
export function enhance(area, path, nonce) {
  const mode = MODES.find(([pattern]) => pattern.test(path))?.[1];
  const changed = EditorView.updateListener.of((update) => {
    if (!update.docChanged) return;
    area.value = update.state.doc.toString();
    area.dispatchEvent(new Event("input", { bubbles: true }));
  });
  const state = EditorState.create({
    doc: area.value,
    extensions: [
      EditorView.cspNonce.of(nonce),
      EditorView.contentAttributes.of({ "aria-label": area.getAttribute("aria-label") }),
      EditorState.readOnly.of(area.readOnly),
      EditorState.tabSize.of(4),
      lineNumbers(),
      highlightSpecialChars(),
      history(),
      drawSelection(),
      indentOnInput(),
      bracketMatching(),
      highlightActiveLine(),
      highlightSelectionMatches(),
      search({ top: true }),
      syntaxHighlighting(classHighlighter),
      keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap]),
      ...(mode ? [StreamLanguage.define(mode)] : []),
      changed,
    ],
  });
  const parent = document.createElement("div");
  parent.className = "files-code";
  const hadFocus = document.activeElement === area;
  area.before(parent);
  area.hidden = true;
  area.removeAttribute("aria-label");
  const view = new EditorView({ state, parent });
  if (hadFocus) view.focus();
}
