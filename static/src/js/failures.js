// A request that fails is told, never silent: no answer, a refusal or a fault of the server each in its own words.
import { word } from "./words.js";

/** Show a failure in the toast region; both texts are put in as text, never as markup. */
export function tellFailure(title, text = "") {
  const toast = document.getElementById("failure").content.firstElementChild.cloneNode(true);
  toast.querySelector(".note-title").textContent = title;
  toast.querySelector(".note-text").textContent = text;
  document.getElementById("toasts").append(toast);
}

// A refresh by itself that fails stays quiet here: the link indicator tells of a lost connection already.
const isAsked = (event) => event.detail.requestConfig?.verb !== "get" || event.detail.requestConfig?.triggeringEvent?.type === "click";

document.addEventListener("htmx:sendError", (event) => isAsked(event) && tellFailure(word("no answer"), word("no answer hint")));
document.addEventListener("htmx:responseError", (event) => {
  if (!isAsked(event)) return;
  const { status } = event.detail.xhr;
  if (status === 403) tellFailure(word("refused"), word("refused hint"));
  else if (status === 404) tellFailure(word("gone"), word("gone hint"));
  else tellFailure(word("fault"), word("fault hint", { status }));
});
