// The file browser: what is chosen, what is done with it, files dropped on it, and the keys.
import htmx from "htmx.org";
import { tellFailure } from "./js/failures.js";
import { confirmed, filled } from "./js/files/asking.js";
import "./js/files/editor.js";
import { join } from "./js/files/paths.js";
import { ask } from "./js/files/rest.js";
import { send } from "./js/files/sending.js";
import { language, word } from "./js/words.js";

const browser = document.getElementById("files");
const api = browser?.dataset.api;
const list = () => document.getElementById("list");
const rows = () => [...browser.querySelectorAll("tr[data-entry]")];
const chosen = () => rows().filter((row) => row.querySelector("input").checked);
const nameOf = (row) => row.querySelector(".list-name > *").textContent;
const number = new Intl.NumberFormat(language);
const size = new Intl.NumberFormat(language, { style: "unit", unit: "megabyte", unitDisplay: "short", maximumFractionDigits: 1 });

const refresh = () => htmx.ajax("GET", location.pathname + location.search, { target: "#list", swap: "morph:outerHTML" });

function show() {
  const count = chosen().length;
  for (const row of rows()) row.toggleAttribute("data-chosen", row.querySelector("input").checked);
  document.getElementById("selection").hidden = !count;
  document.querySelector("#selection [data-part=count]").textContent = word("files chosen", { count: number.format(count) });
  document.querySelector("[data-act=rename]").disabled = count !== 1;
  const all = document.getElementById("choose-all");
  if (all) {
    all.checked = count > 0 && count === rows().length;
    all.indeterminate = count > 0 && !all.checked;
  }
  const isWritable = list().dataset.writable === "yes";
  for (const button of browser.querySelectorAll("[data-act=folder], [data-act=upload]")) button.disabled = !isWritable;
}

function unchoose() {
  for (const row of rows()) row.querySelector("input").checked = false;
  show();
}

async function changed(what, body) {
  if (await ask(api + what, body)) {
    unchoose();
    await refresh();
  }
}

const acts = {
  async folder() {
    const given = await filled("folder-dialog");
    if (given) await changed("folder/", { path: join(list().dataset.path, given.name) });
  },
  upload() {
    document.getElementById("chosen").click();
  },
  async rename() {
    const [row] = chosen();
    const from = row.dataset.entry;
    const given = await filled("rename-dialog", { target: from.startsWith("=") ? join(list().dataset.path, nameOf(row)) : from });
    if (given && given.target !== from) await changed("move/", { path: from, target: given.target });
  },
  async access() {
    const [row] = chosen();
    const one = chosen().length === 1;
    const given = await filled("access-dialog", one ? { owner: row.dataset.owner, group: row.dataset.group, mode: row.dataset.mode } : {});
    if (given) await changed("access/", { paths: chosen().map((item) => item.dataset.entry), ...given });
  },
  async remove() {
    const paths = chosen().map((row) => row.dataset.entry);
    const would = await ask(`${api}removable/`, { paths });
    if (!would) return;
    if (would.mounts.length) return tellFailure(word("files mounted"), word("files mounted hint", { path: would.mounts.join(", ") }));
    const title = paths.length === 1 ? word("files remove one", { name: nameOf(chosen()[0]) }) : word("files remove many", { count: number.format(paths.length) });
    const told = { files: number.format(would.files), folders: number.format(would.folders), size: size.format(would.size_bytes / 1e6) };
    if (await confirmed(title, word(would.is_partial ? "files would go partly" : "files would go", told), word("files remove"))) await changed("remove/", { paths });
  },
};

function upload(files) {
  send(files, api, list().dataset.path, refresh);
}

function move(step) {
  const all = rows();
  const at = all.findIndex((row) => row.contains(document.activeElement));
  const row = all[Math.min(all.length - 1, Math.max(0, at + step))];
  (row?.querySelector("a:not([download])") ?? row?.querySelector("input"))?.focus();
}

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox]), textarea, dialog *")) return;
  const row = document.activeElement.closest?.("tr[data-entry]");
  const keys = {
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    " ": () => row && !document.activeElement.matches("input, button") && row.querySelector("input").click(),
    Delete: () => chosen().length && acts.remove(),
    F2: () => chosen().length === 1 && acts.rename(),
    Backspace: () => browser.querySelector(".files-way a:nth-last-of-type(2)")?.click(),
    "/": () => document.getElementById("search").focus(),
  };
  if (!(event.key in keys) || keys[event.key]() === false) return;
  event.preventDefault();
}

function drop(event) {
  event.preventDefault();
  delete browser.dataset.over;
  if (list().dataset.writable !== "yes") return;
  const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
  const isFolder = (item) => item.webkitGetAsEntry?.()?.isDirectory;
  if (items.some(isFolder)) tellFailure(word("files no folders"), word("files no folders hint"));
  upload(items.filter((item) => !isFolder(item)).map((item) => item.getAsFile()));
}

if (browser) {
  browser.addEventListener("click", (event) => acts[event.target.closest("[data-act]")?.dataset.act]?.());
  browser.addEventListener("change", (event) => {
    if (event.target.id === "chosen") {
      upload([...event.target.files]);
      event.target.value = "";
      return;
    }
    if (event.target.id === "choose-all") for (const row of rows()) row.querySelector("input").checked = event.target.checked;
    show();
  });
  browser.addEventListener("dragover", (event) => {
    event.preventDefault();
    if (list().dataset.writable === "yes") browser.dataset.over = "";
  });
  browser.addEventListener("dragleave", (event) => browser.contains(event.relatedTarget) || delete browser.dataset.over);
  browser.addEventListener("drop", drop);
  document.addEventListener("keydown", key);
  document.addEventListener("htmx:afterSettle", show);
  show();
}
