// A change of network as a telephone knows it: Chromium in a network namespace with two links to the server, of which the one
// in use goes down. The call must go on over the other, with the same agent. Needs root and `ip netns`; skipped otherwise.
//
//   CHROMIUM      the browser [/usr/bin/chromium]
//   RINGLINE_BIN  the server [target/release/ringline]

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openBrowser } from "./page.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const SDK = join(ROOT, "sdk/web/aicall/dist/index.umd.js");
const LIMIT_MS = 30_000;
const SERVER = "10.203.0.1";
const LINKS = ["10.201.0", "10.202.0"];

/** Two links between here and a namespace, both of which reach the server's address. */
class TwoLinks {
  #name = `rl${process.pid}`;

  static possible() {
    try {
      execFileSync("ip", ["netns", "list"], { stdio: "ignore" });
      return process.getuid() === 0;
    } catch {
      return false;
    }
  }

  open() {
    ip("netns", "add", this.#name);
    ip("addr", "add", `${SERVER}/32`, "dev", "lo");
    this.inside("link", "set", "lo", "up");
    LINKS.forEach((net, i) => {
      ip("link", "add", this.#link(i), "type", "veth", "peer", "name", `in${i}`, "netns", this.#name);
      ip("addr", "add", `${net}.1/24`, "dev", this.#link(i));
      ip("link", "set", this.#link(i), "up");
      this.inside("addr", "add", `${net}.2/24`, "dev", `in${i}`);
      this.inside("link", "set", `in${i}`, "up");
      this.inside("route", "add", "default", "via", `${net}.1`, "metric", String(i + 1));
    });
  }

  inside(...args) {
    ip("netns", "exec", this.#name, "ip", ...args);
  }

  /** A program that runs another one inside. */
  wrap(program, folder) {
    const wrapper = join(folder, "inside");
    writeFileSync(wrapper, `#!/bin/sh\nexec ip netns exec ${this.#name} ${program} "$@"\n`, { mode: 0o755 });
    return wrapper;
  }

  close() {
    for (const args of [["netns", "del", this.#name], ["addr", "del", `${SERVER}/32`, "dev", "lo"]]) {
      try {
        ip(...args);
      } catch {
        // It was not made.
      }
    }
  }

  #link(i) {
    return `${this.#name}-${i}`;
  }
}

function ip(...args) {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}

async function startServer(folder) {
  const bin = process.env.RINGLINE_BIN ?? join(ROOT, "target/release/ringline");
  const args = ["--listen", `${SERVER}:0`, "--udp", `${SERVER}:0`, "--advertise", SERVER, "--models", "scripted", "--ready-json"];
  const { RINGLINE_DATABASE: _, ...env } = process.env;
  const server = spawn(bin, ["serve", "--data", join(folder, "data"), ...args], { env, stdio: ["ignore", "pipe", "ignore"] });
  let out = "";
  const url = await new Promise((resolve, reject) => {
    server.on("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    server.stdout.on("data", (chunk) => {
      out += chunk;
      if (out.includes("\n")) resolve(JSON.parse(out).url);
    });
  });
  return { url, stop: () => server.kill("SIGKILL") };
}

async function servePage() {
  const script = readFileSync(SDK);
  const site = createServer((request, response) => {
    if (request.url === "/sdk.js") response.writeHead(200, { "Content-Type": "text/javascript" }).end(script);
    else response.writeHead(200, { "Content-Type": "text/html" }).end('<script src="/sdk.js"></script>');
  });
  await new Promise((resolve) => site.listen(0, SERVER, resolve));
  return { origin: `http://${SERVER}:${site.address().port}`, close: () => site.close() };
}

const skip = TwoLinks.possible() ? false : "needs root and ip netns";

test("a call goes on when the network changes under it", { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "ringline-network-"));
  const links = new TwoLinks();
  t.after(() => {
    links.close();
    rmSync(folder, { recursive: true, force: true });
  });
  links.open();
  const server = await startServer(folder);
  t.after(() => server.stop());
  const site = await servePage();
  t.after(() => site.close());
  const program = links.wrap(process.env.CHROMIUM ?? "/usr/bin/chromium", folder);
  const browser = await openBrowser(undefined, [`--unsafely-treat-insecure-origin-as-secure=${site.origin}`], program);
  t.after(() => browser.close());
  const context = await browser.newContext({ permissions: ["microphone"] });
  const page = await context.newPage();
  await page.goto(site.origin);
  await page.evaluate(async (url) => {
    const engine = (window.engine = new ARTCAICallEngine.default());
    window.told = [];
    for (const name of ["connectionStatusChange", "agentDataChannelAvailable", "agentStateChanged", "errorOccurred"]) {
      engine.on(name, (...args) => told.push([name, ...args].join(" ")));
    }
    engine.on("audioSubscribed", () => (window.volume = 0));
    engine.on("speakingVolumeChanged", (userId, volume) => userId && (window.volume = volume));
    const agent_config = JSON.stringify({ EnablePushToTalk: true, Greeting: "One after the other, the lamps along the harbour were lit. ".repeat(20) });
    const response = await fetch(`${url}/api/v2/aiagent/generateAIAgentCall`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ user_id: "traveller", workflow_type: "VoiceChat", agent_config }),
    });
    await engine.call("traveller", await response.json(), 0);
  }, server.url);
  const until = async (what, condition) => {
    try {
      await page.waitForFunction(condition, undefined, { timeout: LIMIT_MS, polling: 50 });
    } catch (error) {
      throw new Error(`waited in vain until ${what}: ${error.message}\n${await page.evaluate(() => told.join("\n"))}`);
    }
  };
  await until("the agent is heard", () => window.volume > 20);
  const instance = await page.evaluate(() => engine.getRTCInstance.instanceId);

  for (const [link, other] of [[0, 1], [1, 0]]) {
    await page.evaluate(() => {
      told.length = 0;
      window.volume = 0;
    });
    const began = performance.now();
    links.inside("link", "set", `in${link}`, "down");
    await until("the loss is told", () => window.told.includes("connectionStatusChange 4 12"));
    await until("the path is back", () => window.told.some((line) => line.startsWith("connectionStatusChange 3")));
    await page.evaluate(() => (window.volume = 0));
    await until("the agent is heard again", () => window.volume > 20);
    t.diagnostic(`link ${link} down: heard again over link ${other} after ${Math.round(performance.now() - began)} ms`);
    await page.evaluate(() => (told.length = 0));
    await until("messages go through", () => window.engine.queryCurrentAgentState() && window.told.includes("agentStateChanged 3"));
    assert.equal(await page.evaluate(() => engine.getRTCInstance.instanceId), instance);
    links.inside("link", "set", `in${link}`, "up");
    links.inside("route", "add", "default", "via", `${LINKS[link]}.1`, "metric", String(link + 1));
  }
  assert.equal(await page.evaluate(() => told.some((line) => line.startsWith("error"))), false);
  await page.evaluate(() => engine.handup());
});
