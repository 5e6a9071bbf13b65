// The editor of small text files: saved with the digest it was read with, so nobody's change is lost unseen.
import { tellFailure } from "../failures.js";
import { word } from "../words.js";
import { csrf, HEADERS, problemOf } from "./rest.js";

const form = document.getElementById("editor");
const status = document.getElementById("saved");

function isChanged() {
  return form && form.elements.text.value !== form.elements.text.defaultValue;
}

async function save() {
  const area = form.elements.text;
  const sent = area.value;
  const api = form.closest("[data-api]").dataset.api;
  const query = new URLSearchParams({ path: form.dataset.path, replaces: "1", digest: form.dataset.digest });
  const body = form.dataset.crlf === undefined ? sent : sent.replaceAll("\n", "\r\n");
  const headers = { ...HEADERS, "X-CSRFToken": csrf(), "Content-Type": "application/octet-stream" };
  try {
    const answer = await fetch(`${api}content/?${query}`, { method: "PUT", headers, body: new Blob([body]) });
    const text = await answer.text();
    if (!answer.ok) {
      const problem = problemOf(answer.status, text);
      return tellFailure(problem.title, problem.text);
    }
    if (answer.status === 202) return tellFailure(word("files working"), word("files working hint"));
    const digest = await crypto.subtle?.digest("SHA-256", new TextEncoder().encode(body));
    if (!digest) return location.reload(); // without TLS a browser computes none
    form.dataset.digest = `sha256:${[...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
    area.defaultValue = sent;
    show();
  } catch {
    tellFailure(word("no answer"), word("no answer hint"));
  }
}

function show() {
  status.textContent = word(isChanged() ? "files unsaved" : "files saved");
}

if (form) {
  const button = document.getElementById("save");
  // The editor is a large script of its own; until it is there, or if it never comes, the text area does.
  import("./codemirror.js").then(({ enhance }) => enhance(form.elements.text, form.dataset.path, form.dataset.nonce));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!button || button.disabled) return;
    button.disabled = true;
    await save();
    button.disabled = false;
  });
  form.addEventListener("input", show);
  form.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (button) form.requestSubmit();
  });
  window.addEventListener("beforeunload", (event) => {
    if (isChanged()) event.preventDefault();
  });
}
