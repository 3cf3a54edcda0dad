// Says how much JavaScript the console's first load is, gzipped, by what Vite wrote into its manifest, and fails over the
// budget: the entry with everything that it imports at once. What a page or a language loads later is listed below it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const BUDGET_KB = 300;
const dist = join(import.meta.dirname, "dist");
const manifest = JSON.parse(readFileSync(join(dist, ".vite/manifest.json"), "utf8"));

const size = (file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length / 1000;

/** A chunk with all that it imports statically. */
function whole(name, seen = new Set()) {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const imported of manifest[name].imports ?? []) whole(imported, seen);
  return seen;
}

const entry = Object.keys(manifest).find((name) => manifest[name].isEntry);
const first = whole(entry);
const firstSize = [...first].reduce((sum, name) => sum + size(manifest[name].file), 0);
console.log(`first load: ${firstSize.toFixed(1)} kB of JavaScript, gzipped (budget ${BUDGET_KB} kB)`);
for (const name of Object.keys(manifest).filter((chunk) => manifest[chunk].isDynamicEntry)) {
  const later = [...whole(name)].filter((chunk) => !first.has(chunk));
  console.log(`  ${name}: ${later.reduce((sum, chunk) => sum + size(manifest[chunk].file), 0).toFixed(1)} kB more`);
}
if (firstSize > BUDGET_KB) process.exitCode = 1;
