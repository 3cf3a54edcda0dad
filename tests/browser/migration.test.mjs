// The SDK's README, executed: its page and its program, once under the old package name, once with the two lines changed
// that it says to change, in a real Chromium against a running server. The package is what `npm pack` makes, installed by npm.
//
//   RINGLINE_READY  what `ringline serve --ready-json` printed (scripted models)
//   CHROMIUM        the browser [/usr/bin/chromium]

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { openBrowser } from "./page.mjs";

const ready = JSON.parse(process.env.RINGLINE_READY ?? "null");
if (!ready) throw new Error("set RINGLINE_READY");

const SDK = join(dirname(fileURLToPath(import.meta.url)), "../../sdk/web");
const README = readFileSync(join(SDK, "aicall/README.md"), "utf8");
const PAGE = block("html");
const BEFORE = block("ts");
const AFTER = changed(BEFORE, block("diff"));

let folder, tarball, browser;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "ringline-migration-"));
  run(SDK, "npm", "pack", "--workspace", "@ringline/aicall", "--pack-destination", folder, "--silent");
  tarball = join(folder, "ringline-aicall-0.1.0.tgz");
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

test("the package is as small as the README says", () => {
  const [, kilobytes] = /\*\*(\d+) kB gzipped\*\*/.exec(README);
  assert.ok(gzipSync(readFileSync(join(SDK, "aicall/dist/index.mjs"))).length <= Number(kilobytes) * 1000);
});

test("the program as it is runs when the package goes by the old name", () => talk("before", BEFORE, "aliyun-auikit-aicall"));

test("the program with its two lines changed runs, and only two are changed", async () => {
  const lines = (text) => text.split("\n");
  assert.equal(lines(AFTER).filter((line, i) => line !== lines(BEFORE)[i]).length, 2);
  await talk("after", AFTER, "@ringline/aicall");
});

test("the typings are complete: the program has every type", () => {
  const app = install("types", AFTER, "@ringline/aicall");
  const options = ["--noEmit", "--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler", "--lib", "es2022,dom"];
  run(app, join(SDK, "node_modules/.bin/tsc"), ...options, "main.ts");
});

/** The program in a folder of its own with the package, installed as this dependency. */
function install(name, program, dependency) {
  const app = join(folder, name);
  mkdirSync(app);
  writeFileSync(join(app, "package.json"), JSON.stringify({ private: true, dependencies: { [dependency]: `file:${tarball}` } }));
  run(app, "npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline");
  writeFileSync(join(app, "index.html"), PAGE);
  writeFileSync(join(app, "main.ts"), program);
  return app;
}

/** Installs, bundles and uses the program as the README says. */
async function talk(name, program, dependency) {
  const app = install(name, program, dependency);
  run(app, join(SDK, "node_modules/.bin/esbuild"), "main.ts", "--bundle", "--format=esm", "--outfile=main.js", "--log-level=warning");
  const site = await serve(app);
  const context = await browser.newContext({ permissions: ["microphone"] });
  try {
    const page = await context.newPage();
    const errors = [];
    page.on("pageerror", (error) => errors.push(error.message));
    // The program's address is a fact of its text; the server's is one of today.
    const [, address] = /APP_SERVER = "(.*)"/.exec(program);
    await page.route(`${address}/**`, async (route) => {
      const { pathname } = new URL(route.request().url());
      await route.fulfill({ response: await route.fetch({ url: `${ready.url}${pathname}` }) });
    });
    await page.goto(site.origin);
    await page.click("#call");
    const until = (condition) => page.waitForFunction(condition, undefined, { timeout: 30_000 });
    await until(() => document.getElementById("status").textContent === "Speaking");
    await until(() => document.getElementById("agent").textContent !== "");
    await page.click("#hangup");
    await until(() => document.getElementById("status").textContent === "");
    assert.deepEqual(errors, []);
  } finally {
    await context.close();
    site.close();
  }
}

/** The README's first code block in this language. */
function block(language) {
  const [, text] = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "m").exec(README) ?? [];
  assert.ok(text, `the README has a block in ${language}`);
  return text;
}

/** A text with the lines of a diff changed; each must be there. */
function changed(text, diff) {
  const lines = diff.trim().split("\n");
  const [old, new_] = ["-", "+"].map((sign) => lines.filter((line) => line.startsWith(sign)).map((line) => line.slice(1)));
  assert.equal(old.length, new_.length);
  return old.reduce((text, line, i) => {
    assert.ok(text.includes(`${line}\n`), `the program has the line ${line}`);
    return text.replace(line, new_[i]);
  }, text);
}

function run(cwd, command, ...args) {
  execFileSync(command, args, { cwd, stdio: ["ignore", "inherit", "inherit"] });
}

async function serve(app) {
  const types = { html: "text/html", js: "text/javascript" };
  const server = createServer((request, response) => {
    const name = request.url === "/" ? "index.html" : request.url === "/main.js" ? "main.js" : null;
    if (!name) return response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": types[name.split(".")[1]] }).end(readFileSync(join(app, name)));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return { origin, close: () => server.close() };
}
