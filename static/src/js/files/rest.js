// Asks the REST API for what changes files, waits for the host's answer, and tells what went wrong.
import { tellFailure } from "../failures.js";
import { word } from "../words.js";

export const csrf = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
export const HEADERS = { Accept: "application/json", Prefer: "wait=60" };

/** The problem's own words, or what its status means. */
export function problemOf(status, text) {
  try {
    const problem = JSON.parse(text);
    const fields = (problem.errors ?? []).map((error) => error.detail).filter(Boolean);
    return { status, code: problem.code, title: problem.detail || problem.title, text: [...fields.filter((detail) => !problem.detail?.includes(detail)), problem.hint].filter(Boolean).join(" ") };
  } catch {
    return { status, code: "", title: word("fault"), text: word("fault hint", { status: status || "–" }) };
  }
}

/** What the API answers to `body` at `address`; null after a failure, which is shown. */
export async function ask(address, body) {
  let answer;
  try {
    answer = await fetch(address, { method: "POST", headers: { ...HEADERS, "Content-Type": "application/json", "X-CSRFToken": csrf() }, body: JSON.stringify(body) });
  } catch {
    tellFailure(word("no answer"), word("no answer hint"));
    return null;
  }
  const text = await answer.text();
  if (answer.ok) {
    if (answer.status === 202) tellFailure(word("files working"), word("files working hint"));
    return JSON.parse(text);
  }
  const problem = problemOf(answer.status, text);
  tellFailure(problem.title, problem.text);
  return null;
}
