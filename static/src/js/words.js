// Translated words for scripts: the base template carries them as JSON, in the reader's language.
const words = JSON.parse(document.getElementById("words")?.textContent ?? "{}");

/** The translation of `key`, with each `{name}` in it replaced by the value of that name. */
export function word(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export const language = document.documentElement.lang || "en";
