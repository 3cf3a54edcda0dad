// Bundles the page into dist/ (what the server embeds): index.html, main.js, style.css, icon.svg.
// With --tests it bundles tests/*.test.ts instead and runs them with node's test runner.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, "dist");
const assets = ["index.html", "style.css", "icon.svg"];

const page = {
  entryPoints: [join(root, "src/main.ts")],
  outfile: join(dist, "main.js"),
  bundle: true,
  minify: true,
  sourcemap: "linked",
  format: "esm",
  target: ["es2022"],
  logLevel: "warning",
};

function copyAssets() {
  for (const name of assets) cpSync(join(root, "src", name), join(dist, name));
}

async function buildPage() {
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  copyAssets();
  await esbuild.build(page);
}

async function watchPage() {
  await buildPage();
  const context = await esbuild.context({
    ...page,
    plugins: [{ name: "assets", setup: (build) => build.onEnd(copyAssets) }],
  });
  await context.watch();
}

async function runTests() {
  const out = join(root, "node_modules/.cache/ringline-tests");
  rmSync(out, { recursive: true, force: true });
  const names = readdirSync(join(root, "tests")).filter((name) => name.endsWith(".test.ts"));
  await esbuild.build({
    entryPoints: names.map((name) => join(root, "tests", name)),
    outdir: out,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    sourcemap: "inline",
    format: "esm",
    platform: "node",
    target: ["node18"],
    logLevel: "warning",
  });
  const files = names.map((name) => join(out, name.replace(/\.ts$/, ".mjs")));
  return spawnSync(process.execPath, ["--enable-source-maps", "--test", ...files], { stdio: "inherit" }).status ?? 1;
}

if (process.argv.includes("--tests")) process.exitCode = await runTests();
else if (process.argv.includes("--watch")) await watchPage();
else await buildPage();
