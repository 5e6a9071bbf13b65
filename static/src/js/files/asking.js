// Dialogs of the file browser: a question before what cannot be undone, and small forms.

/** Whether the reader says yes to the page's own question. */
export function confirmed(title, text, yes) {
  const dialog = document.getElementById("ask");
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector("p").textContent = text;
  dialog.querySelector("[value=yes]").textContent = yes;
  return shown(dialog);
}

/** What was filled in, null if the dialog was left; `values` are there at first. */
export async function filled(id, values = {}) {
  const dialog = document.getElementById(id);
  const form = dialog.querySelector("form");
  form.reset();
  for (const [name, value] of Object.entries(values)) form.elements[name].value = value;
  const said = await shown(dialog);
  return said ? Object.fromEntries([...form.elements].filter((field) => field.name).map((field) => [field.name, field.type === "checkbox" ? field.checked : field.value.trim()])) : null;
}

function shown(dialog) {
  dialog.returnValue = "";
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
    dialog.querySelector("input")?.select();
  });
}

document.addEventListener("click", (event) => event.target.closest("[data-dismiss]")?.closest("dialog").close());
