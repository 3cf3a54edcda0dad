// Builds the packages into their dist/ folders. With --tests it bundles */tests/*.test.ts instead and runs them with
// node's test runner.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));

async function runTests() {
  const out = join(root, "node_modules/.cache/ringline-tests");
  rmSync(out, { recursive: true, force: true });
  const folders = readdirSync(root).map((name) => join(root, name, "tests"));
  const tests = folders.filter(existsSync).flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  await esbuild.build({
    entryPoints: tests.filter((path) => path.endsWith(".test.ts")),
    outdir: out,
    outbase: root,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    sourcemap: "inline",
    format: "esm",
    platform: "node",
    target: ["node18"],
    logLevel: "warning",
  });
  const files = readdirSync(out, { recursive: true }).filter((name) => name.endsWith(".test.mjs"));
  return spawnSync(process.execPath, ["--enable-source-maps", "--test", ...files.map((name) => join(out, name))], { stdio: "inherit" }).status ?? 1;
}

if (process.argv.includes("--tests")) process.exitCode = await runTests();
