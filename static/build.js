// Bundles every entry of static/src (*.js, *.css) into static/dist, copies the pictures beside them, and compresses
// what the web process would otherwise send as it is.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { context } from "esbuild";
import { iconSheet } from "./icons.js";

const source = new URL("src/", import.meta.url).pathname;
const target = new URL("dist/", import.meta.url).pathname;
const isEntry = (name) => /\.(js|css|svg|png|ico|webmanifest)$/.test(name);
const isText = (name) => /\.(js|css|svg|webmanifest)$/.test(name);

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
writeFileSync(`${target}icons.svg`, iconSheet());
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
  for (const name of readdirSync(target, { recursive: true }).filter(isText)) {
    const content = readFileSync(target + name);
    writeFileSync(`${target}${name}.gz`, gzipSync(content));
    writeFileSync(`${target}${name}.br`, brotliCompressSync(content));
  }
}
