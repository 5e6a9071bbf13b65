// Draws the pictures that src/icons.txt names into one sheet, which every page refers to by `icons.svg#name`.
import { readFileSync } from "node:fs";

const pictures = new URL("../node_modules/@tabler/icons/icons/outline/", import.meta.url);

/** One symbol of the sheet: what is inside Tabler's picture of that name. */
function symbol(name) {
  const picture = readFileSync(new URL(`${name}.svg`, pictures), "utf8");
  const inside = /<svg[^>]*>(.*)<\/svg>/s.exec(picture)[1].replace(/\s+/g, " ");
  return `<symbol id="${name}" viewBox="0 0 24 24">${inside}</symbol>`;
}

/** The sheet as SVG text. */
export function iconSheet() {
  const names = readFileSync(new URL("src/icons.txt", import.meta.url), "utf8").split("\n").filter(Boolean);
  return `<svg xmlns="http://www.w3.org/2000/svg">${names.map(symbol).join("")}</svg>`;
}
