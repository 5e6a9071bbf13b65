// Menus (details elements) close by Escape, by a click elsewhere, and one at a time; the phone's navigation opens.
import { Idiomorph } from "idiomorph/htmx";

// The server knows nothing of open menus: a part of the page that fetches itself anew must not close them.
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) => !(name === "open" && element.matches("details"));

const openMenus = () => document.querySelectorAll("details.menu[open]");

document.addEventListener("click", (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

document.querySelector(".side-toggle")?.addEventListener("click", (event) => {
  const side = document.querySelector(".side");
  const isOpen = side.toggleAttribute("data-open");
  event.currentTarget.setAttribute("aria-expanded", String(isOpen));
});
