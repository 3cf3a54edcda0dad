// Takes the pictures of the console in docs/screenshots: a server with scripted models is started for it, agents and
// calls are made as anybody would make them, and every page is photographed as it then is. `make screenshots` runs it.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PAGES, admin, placeCall, signIn, visit } from "./console-world.mjs";
import { openBrowser } from "./page.mjs";
import { writeSpeech } from "./speech.mjs";

const root = join(import.meta.dirname, "../..");
const out = join(root, "docs/screenshots");
/** Largest picture kept in the repository, in bytes. */
const LIMIT = 300_000;
const DESKTOP = { width: 1280, height: 832 };
/** As a phone shows it: scroll bars take no room. */
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 1.5, isMobile: true, hasTouch: true };

const AGENTS = [
  {
    id: "front-desk",
    name: "Front desk",
    config: {
      Greeting: "Front desk, good morning. How can I help you?",
      LlmConfig: { LlmSystemPrompt: "You are the front desk of a small hotel. Answer in one or two short spoken sentences." },
      AsrConfig: { AsrLanguageId: "en", AsrMaxSilence: 500 },
    },
    settings: { recording: { enabled: true } },
  },
  {
    id: "appointments",
    name: "Appointments",
    config: { Greeting: "Doctor Lindgren's practice. When would you like to come?", InterruptConfig: { InterruptWords: ["operator", "one moment"] } },
    settings: { callbacks: { url: "https://app.example.com/agent-events", token: "Bearer change-me", events: ["agent_start", "agent_stop", "chat_record"] } },
  },
];

const directory = mkdtempSync(join(tmpdir(), "ringline-screenshots-"));
const server = spawn(
  process.env.RINGLINE_BIN ?? join(root, "target/release/ringline"),
  ["serve", "--data", join(directory, "data"), "--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0", "--models", "scripted", "--ready-json"],
  { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, RINGLINE_DATABASE: undefined } },
);
let browser;
try {
  const ready = JSON.parse(await firstLine(server.stdout));
  for (const agent of AGENTS) await admin(ready, "POST", "/agents", agent);
  const calls = [
    { agent: "appointments", user: "maria", turns: ["young"] },
    { user: "li-wei", turns: ["amiable", "young"] },
    { agent: "front-desk", user: "jonas", turns: ["selfish"], interruptAfter: 1000 },
    { agent: "front-desk", user: "amara", turns: ["young", "selfish", "amiable", "young"], interruptAfter: 2600 },
  ];
  let call;
  for (const planned of calls) call = await placeCall(ready, directory, planned);
  browser = await openBrowser(writeSpeech(join(directory, "microphone.wav"), [5, "young", 3.5, "selfish", 60]));
  mkdirSync(out, { recursive: true });
  for (const name of readdirSync(out)) rmSync(join(out, name));
  await photographAll(ready, { call, agent: "front-desk" });
} finally {
  await browser?.close();
  server.kill("SIGTERM");
  await new Promise((resolve) => server.once("exit", resolve));
  rmSync(directory, { recursive: true, force: true });
}

async function photographAll(ready, places) {
  await photograph(ready, "talk", { viewport: DESKTOP }, (page) => talk(page, ready));
  await photograph(ready, "talk-dark", { viewport: DESKTOP, colorScheme: "dark" }, (page) => talk(page, ready));
  await photograph(ready, "talk-phone", PHONE, (page) => talk(page, ready));
  await photograph(ready, "live", { viewport: DESKTOP }, (page) => live(page, ready));
  for (const [name, place] of Object.entries(PAGES)) {
    if (name === "new-agent") continue;
    const look = async (page) => {
      await visit(page, ready, place(places));
      if (name !== "call") return;
      await page.getByTestId("transcript").waitFor();
      if ((await page.getByTestId("play").count()) === 0) return;
      await page.getByTestId("transcript").getByRole("button").nth(2).click();
      await page.waitForFunction(() => document.querySelector('[data-testid="transcript"] [aria-current="true"]') !== null);
      await page.getByTestId("play").click();
      await page.getByTestId("verify").click();
      await page.getByTestId("verdict").waitFor();
      await page.evaluate(() => scrollTo(0, 0));
    };
    await photograph(ready, name, { viewport: DESKTOP }, look);
    if (name === "call") {
      await photograph(ready, "call-dark", { viewport: DESKTOP, colorScheme: "dark" }, look);
      await photograph(ready, "call-zh", { viewport: DESKTOP, locale: "zh-CN" }, look);
      await photograph(ready, "call-phone", PHONE, look);
    }
  }
}

/** A call of the page's own, caught while the agent answers the second question. */
async function talk(page, ready) {
  await page.goto(`${ready.url}/#/talk/${ready.agent_id}`);
  await page.getByTestId("call").click();
  await page.getByTestId("latency").waitFor({ timeout: 60_000 });
  await page.locator('[data-testid="user-subtitle"][data-final="true"]').nth(1).waitFor({ timeout: 60_000 });
  await page.locator('[data-testid="agent-state"][data-state="speaking"]').waitFor({ timeout: 60_000 });
  await page.locator('[data-testid="agent-subtitle"]').nth(2).waitFor({ timeout: 60_000 });
}

/** The same call, seen by an operator who listens in. */
async function live(page, ready) {
  const caller = await page.context().newPage();
  await caller.goto(`${ready.url}/#/talk/front-desk`);
  await caller.getByTestId("call").click();
  const id = await (await caller.waitForFunction(() => window.ringline.call.phase === "connected" && window.ringline.call.instanceId)).jsonValue();
  await page.bringToFront();
  await visit(page, ready, `/calls/${id}`);
  await page.getByTestId("listen").click();
  await page.getByTestId("stop-listening").waitFor();
  await page.getByTestId("whisper").fill("They are a regular guest: offer a late check-out.");
  await page.getByTestId("send-whisper").click();
  await page.getByTestId("live").locator(".turn.agent").nth(1).waitFor({ timeout: 60_000 });
  await page.getByTestId("live").locator(".latency-bar").waitFor({ timeout: 60_000 });
}

async function photograph(ready, name, options, look) {
  const context = await browser.newContext({ locale: "en-US", permissions: ["microphone"], reducedMotion: "no-preference", ...options });
  context.setDefaultTimeout(20_000);
  await signIn(context, ready);
  const page = await context.newPage();
  await look(page);
  const path = join(out, `${name}.png`);
  writeFileSync(path, await page.screenshot());
  const { size } = statSync(path);
  console.log(`${name}.png ${Math.round(size / 1000)} kB`);
  if (size > LIMIT) throw new Error(`${name}.png has ${size} bytes, more than ${LIMIT}`);
  await context.close();
}

function firstLine(stream) {
  return new Promise((resolve, reject) => {
    const lines = createInterface(stream);
    lines.once("line", resolve);
    lines.once("close", () => reject(new Error("the server ended before it was ready")));
  });
}
