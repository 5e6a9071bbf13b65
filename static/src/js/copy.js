// Copy buttons: put `data-copy` on the clipboard and say so for a moment.
import { word } from "./words.js";

const SHOWN_MS = 1600;

async function put(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea"); // plain http on another machine has no clipboard of its own
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await put(button.dataset.copy);
  button.dataset.copied = "";
  document.getElementById("spoken").textContent = word("copied");
  setTimeout(() => delete button.dataset.copied, SHOWN_MS);
});
