// Builds the packages that are meant to be installed (those with a "umdName") into their dist/: an ES module, a UMD file
// with everything in it (from src/umd.ts if there is one), and one file of typings. `--sizes` prints how large they are, `--tests` bundles */tests/*.test.ts
// instead and runs them with node's test runner.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";

const root = dirname(fileURLToPath(import.meta.url));
const manifest = (name) => JSON.parse(readFileSync(join(root, name, "package.json"), "utf8"));
const packages = manifest(".").workspaces.filter((name) => manifest(name).umdName);

async function build(name) {
  const folder = join(root, name);
  const { umdName, dependencies = {} } = manifest(name);
  const external = Object.keys(dependencies);
  const common = {
    entryPoints: [join(folder, "src/index.ts")],
    bundle: true,
    minify: true,
    sourcemap: true,
    target: ["es2022"],
    logLevel: "warning",
  };
  rmSync(join(folder, "dist"), { recursive: true, force: true });
  await esbuild.build({ ...common, outfile: join(folder, "dist/index.mjs"), format: "esm", external });
  const umdEntry = join(folder, "src/umd.ts");
  const entryPoints = existsSync(umdEntry) ? [umdEntry] : common.entryPoints;
  await esbuild.build({ ...common, entryPoints, ...umd(umdName), outfile: join(folder, "dist/index.umd.js") });
  const typings = await rollup({ input: common.entryPoints[0], external, plugins: [dts()] });
  await typings.write({ file: join(folder, "dist/index.d.ts"), format: "es" });
  await typings.close();
}

/** For AMD, CommonJS and (as a global) script elements. */
function umd(name) {
  const wrapper = `(function(r,f){typeof define=="function"&&define.amd?define([],f):typeof module=="object"&&module.exports?module.exports=f():r.${name}=f()})`;
  return {
    format: "cjs",
    banner: { js: `${wrapper}(typeof globalThis!="undefined"?globalThis:self,function(){var module={exports:{}},exports=module.exports;` },
    footer: { js: "return module.exports});" },
  };
}

function printSizes() {
  for (const name of packages) {
    for (const file of ["index.mjs", "index.umd.js"]) {
      const code = readFileSync(join(root, name, "dist", file));
      console.log(`${name}/dist/${file}: ${code.length} bytes, ${gzipSync(code).length} gzipped`);
    }
  }
}

async function runTests() {
  const out = join(root, "node_modules/.cache/ringline-tests");
  rmSync(out, { recursive: true, force: true });
  const folders = manifest(".").workspaces.map((name) => join(root, name, "tests"));
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
  const run = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...files.map((name) => join(out, name))], { stdio: "inherit" });
  return run.status ?? 1;
}

if (process.argv.includes("--tests")) process.exitCode = await runTests();
else if (process.argv.includes("--sizes")) printSizes();
else for (const name of packages) await build(name);
