// Uploads of image archives: bytes go straight to the host with real progress; then the operation's own steps show.
import htmx from "htmx.org";
import { language, word } from "./js/words.js";

const list = document.getElementById("uploads");
const template = document.getElementById("upload-item");
const size = new Intl.NumberFormat(language, { style: "unit", unit: "megabyte", unitDisplay: "short", maximumFractionDigits: 1 });
const percent = new Intl.NumberFormat(language, { style: "percent" });
const running = new Set();

function failure(request) {
  try {
    const problem = JSON.parse(request.responseText);
    const fields = (problem.errors ?? []).map((error) => error.message ?? error.detail).filter(Boolean);
    return [problem.detail || problem.title, ...fields, problem.hint].filter(Boolean).join(" ");
  } catch {
    return word("fault hint", { status: request.status || "–" });
  }
}

function showFailure(item, text) {
  item.className = "note note-fail";
  item.setAttribute("role", "alert");
  item.querySelector("[data-part=bar]").hidden = true;
  item.querySelector("[data-part=text]").textContent = text;
  item.querySelector("[data-part=cancel]").hidden = true;
}

function showOperation(item, operation) {
  const address = list.dataset.operation.replace("00000000-0000-0000-0000-000000000000", operation.id);
  htmx.ajax("GET", address, { target: item, swap: "outerHTML" });
}

function answered(item, request) {
  if (request.status === 202 || request.status === 200 || request.status === 201) showOperation(item, JSON.parse(request.responseText));
  else showFailure(item, failure(request));
}

function showProgress(item, { loaded, total }) {
  const bar = item.querySelector("[data-part=bar]");
  bar.max = total || 1;
  bar.value = loaded;
  item.querySelector("[data-part=text]").textContent =
    loaded < total ? `${percent.format(loaded / total)} · ${size.format(loaded / 1e6)} / ${size.format(total / 1e6)}` : word("upload checking");
}

function newItem(file) {
  const item = template.content.firstElementChild.cloneNode(true);
  item.querySelector("[data-part=name]").textContent = file.name;
  list.prepend(item);
  return item;
}

function send(file, address, token) {
  const item = newItem(file);
  const request = new XMLHttpRequest();
  const over = () => running.delete(request);
  running.add(request);
  request.upload.addEventListener("progress", (event) => showProgress(item, event));
  request.addEventListener("load", () => answered(item, request));
  request.addEventListener("error", () => showFailure(item, word("upload broken")));
  request.addEventListener("abort", () => showFailure(item, word("upload cancelled")));
  request.addEventListener("loadend", over);
  item.querySelector("[data-part=cancel]").addEventListener("click", () => request.abort());
  request.open("POST", address);
  request.setRequestHeader("X-CSRFToken", token);
  request.setRequestHeader("Content-Type", "application/x-tar");
  request.setRequestHeader("Accept", "application/json");
  request.send(file);
}

function sendAll(form, files) {
  const reference = form.elements.reference?.value.trim();
  if (form.elements.reference && !form.reportValidity()) return;
  for (const file of files) {
    const about = new URLSearchParams({ file_name: file.name, ...(reference && { reference }) });
    send(file, `${form.action}?${about}`, form.elements.csrfmiddlewaretoken.value);
  }
}

for (const form of document.querySelectorAll("form[data-upload]")) {
  const zone = form.querySelector(".drop");
  const input = form.querySelector("input[type=file]");
  input.addEventListener("change", () => {
    if (form.dataset.upload !== "now") return;
    sendAll(form, input.files);
    input.value = "";
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sendAll(form, input.files);
  });
  zone?.addEventListener("dragover", (event) => { event.preventDefault(); zone.dataset.over = ""; });
  zone?.addEventListener("dragleave", () => delete zone.dataset.over);
  zone?.addEventListener("drop", (event) => {
    event.preventDefault();
    delete zone.dataset.over;
    sendAll(form, event.dataTransfer.files);
  });
}

window.addEventListener("beforeunload", (event) => {
  if (running.size) event.preventDefault();
});
