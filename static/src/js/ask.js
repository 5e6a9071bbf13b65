// Asks before what cannot be undone: `hx-confirm` opens the page's own dialog instead of the browser's.
const dialog = document.getElementById("ask");

function question(element, text) {
  dialog.querySelector("h2").textContent = element.dataset.askTitle ?? "";
  dialog.querySelector("p").textContent = text;
  dialog.querySelector("[value=yes]").textContent = element.dataset.askYes ?? element.textContent.trim();
}

document.addEventListener("htmx:confirm", (event) => {
  const { question: text, issueRequest, elt } = event.detail;
  if (!text || !dialog) return;
  event.preventDefault();
  question(elt, text);
  dialog.returnValue = "";
  dialog.addEventListener("close", () => dialog.returnValue === "yes" && issueRequest(true), { once: true });
  dialog.showModal();
});
