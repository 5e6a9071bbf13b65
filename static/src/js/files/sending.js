// Uploads into the folder that is shown: three at once, each with its progress, asked about before it replaces a file.
import { language, word } from "../words.js";
import { confirmed } from "./asking.js";
import { join } from "./paths.js";
import { csrf, HEADERS, problemOf } from "./rest.js";

const AT_ONCE = 3;
const percent = new Intl.NumberFormat(language, { style: "percent" });
const waiting = [];
let running = 0;
let asking = Promise.resolve(); // one question at a time

/** Send the files; `done` is called whenever one has arrived. */
export function send(files, api, folder, done) {
  for (const file of files) waiting.push({ file, api, path: join(folder, file.name), done, item: newItem(file) });
  next();
}

function next() {
  while (running < AT_ONCE && waiting.length) {
    running += 1;
    begin(waiting.shift(), false);
  }
}

function newItem(file) {
  const item = document.getElementById("sending-item").content.firstElementChild.cloneNode(true);
  item.querySelector("[data-part=name]").textContent = file.name;
  document.getElementById("sending").append(item);
  return item;
}

const say = (item, text) => (item.querySelector("[data-part=text]").textContent = text);

function begin(job, replaces) {
  const request = new XMLHttpRequest();
  const cancel = job.item.querySelector("[data-part=cancel]");
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    job.item.querySelector("[data-part=bar]").value = total ? loaded / total : 1;
    say(job.item, loaded < total ? percent.format(loaded / total) : word("upload checking"));
  });
  request.addEventListener("load", () => answered(job, request, replaces));
  request.addEventListener("error", () => over(job, word("upload broken")));
  request.addEventListener("abort", () => over(job, word("upload cancelled")));
  cancel.onclick = () => request.abort();
  request.open("PUT", `${job.api}content/?${new URLSearchParams({ path: job.path, ...(replaces && { replaces: "1" }) })}`);
  for (const [name, value] of Object.entries({ ...HEADERS, "X-CSRFToken": csrf(), "Content-Type": "application/octet-stream" })) request.setRequestHeader(name, value);
  request.send(job.file);
}

function answered(job, request, replaces) {
  if (request.status >= 200 && request.status < 300) {
    over(job, "");
    job.done();
    return;
  }
  const problem = problemOf(request.status, request.responseText);
  if (problem.code !== "conflict" || replaces || !problem.title.includes("already")) return over(job, [problem.title, problem.text].join(" "));
  asking = asking.then(async () => {
    const title = word("files replace title", { name: job.file.name });
    if (await confirmed(title, word("files replace text"), word("files replace"))) begin(job, true);
    else over(job, word("upload cancelled"));
  });
}

function over(job, failure) {
  running -= 1;
  next();
  if (!failure) return job.item.remove();
  job.item.dataset.failed = "";
  job.item.setAttribute("role", "alert");
  say(job.item, failure);
  const button = job.item.querySelector("[data-part=cancel]");
  button.textContent = "×";
  button.onclick = () => job.item.remove();
}

window.addEventListener("beforeunload", (event) => {
  if (running) event.preventDefault();
});
