// Bundles every entry of static/src (*.js, *.css) into static/dist, copies the pictures beside them, and draws the
// icons that icons.txt names into one sheet.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { context } from "esbuild";

const source = new URL("src/", import.meta.url).pathname;
const target = new URL("dist/", import.meta.url).pathname;
const isEntry = (name) => /\.(js|css|svg|png|ico|webmanifest)$/.test(name);

rmSync(target, { recursive: true, force: true });

/** One symbol of the sheet: what is inside Tabler's picture of that name. */
function symbol(name) {
  const picture = readFileSync(new URL(`../node_modules/@tabler/icons/icons/outline/${name}.svg`, import.meta.url), "utf8");
  return `<symbol id="${name}" viewBox="0 0 24 24">${/<svg[^>]*>(.*)<\/svg>/s.exec(picture)[1].replace(/\s+/g, " ")}</symbol>`;
}

const names = readFileSync(new URL("icons.txt", new URL("src/", import.meta.url)), "utf8").split("\n").filter(Boolean);
mkdirSync(target, { recursive: true });
writeFileSync(`${target}icons.svg`, `<svg xmlns="http://www.w3.org/2000/svg">${names.map(symbol).join("")}</svg>`);

const bundle = await context({
  entryPoints: readdirSync(source).filter(isEntry).map((name) => source + name),
  outdir: target,
  outbase: source,
  bundle: true,
  format: "esm",
  splitting: true,
  minify: true,
  sourcemap: true,
  target: ["es2022"],
  logLevel: "info",
  legalComments: "linked",
  assetNames: "assets/[name]-[hash]",
  chunkNames: "chunks/[name]-[hash]",
  loader: { ".woff": "file", ".woff2": "file", ".svg": "copy", ".png": "copy", ".ico": "copy", ".webmanifest": "copy" },
});

if (process.argv.includes("--watch")) {
  await bundle.watch();
} else {
  await bundle.rebuild();
  await bundle.dispose();
}
