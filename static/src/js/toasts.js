// Toasts leave by themselves after `data-leave` seconds (not while read or focused), or by their close button.
const region = document.getElementById("toasts");

function leaveLater(toast) {
  const wait = Number(toast.dataset.leave) * 1000;
  const leave = () => (toast.matches(":hover, :focus-within") ? setTimeout(leave, wait) : toast.remove());
  setTimeout(leave, wait);
}

function look() {
  for (const toast of region.querySelectorAll("[data-leave]:not([data-leaving])")) {
    toast.dataset.leaving = "";
    leaveLater(toast);
  }
}

if (region) {
  new MutationObserver(look).observe(region, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-leave"] });
  region.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) event.target.closest("[role]")?.remove();
  });
  look();
}
