// The console in a real Chromium against a running server with scripted models: signing in, making an agent, a finished
// call, a running one, keys, health; every page with axe in light and dark and at a phone's width.
//
//   RINGLINE_READY  what `ringline serve --ready-json` printed
//   CHROMIUM        the browser [/usr/bin/chromium]
//   RINGLINE_BIN    makes the calls to look at [target/release/ringline]
//
// Nothing here sleeps: states are waited for, with limits.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PAGES, admin, placeCall, signIn, visit } from "./console-world.mjs";
import { openApi } from "./openapi.mjs";
import { openBrowser } from "./page.mjs";
import { writeSpeech } from "./speech.mjs";

const ready = JSON.parse(process.env.RINGLINE_READY ?? "null");
if (!ready) throw new Error("set RINGLINE_READY");
const { paths } = await (await fetch(`${ready.url}/api/ringline/v1/admin/openapi.json`)).json();
const offers = (path) => path in paths;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let browser;
let directory;
let finished;
before(async () => {
  directory = mkdtempSync(join(tmpdir(), "ringline-console-"));
  browser = await openBrowser(writeSpeech(join(directory, "microphone.wav"), [3, "young", 60]));
  finished = await placeCall(ready, directory, { user: "console-test", turns: ["young", "selfish"], interruptAfter: 1200 });
});
after(async () => {
  await browser?.close();
  rmSync(directory, { recursive: true, force: true });
});

/** A page of its own, in English; it must throw nothing. */
async function withConsole(use, { signedIn = true, ...options } = {}) {
  const context = await browser.newContext({ locale: "en-US", permissions: ["microphone"], ...options });
  context.setDefaultTimeout(15_000);
  try {
    if (signedIn) await signIn(context, ready);
    const page = await context.newPage();
    const errors = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await use(page, context);
    assert.deepEqual(errors, [], "the page threw no errors");
  } finally {
    await context.close();
  }
}

/** The page is no wider than its window, and axe finds nothing serious in it. */
async function judge(page, name) {
  const { tooWide, width, widest } = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    const told = ({ tagName, className, textContent }) => `${tagName}.${className} "${textContent.slice(0, 60)}"`;
    const reaches = (element) => element.getBoundingClientRect().right > clientWidth;
    const widest = scrollWidth > clientWidth ? [...document.body.querySelectorAll("*")].filter(reaches).map(told) : [];
    return { tooWide: scrollWidth - clientWidth, width: clientWidth, widest };
  });
  assert.ok(tooWide <= 0, `${name} is ${tooWide} px wider than ${width}: ${widest.join(", ")}`);
  // A colour on its way is nobody's.
  await page.waitForFunction(() =>
    document.getAnimations().every((moves) => moves.playState === "finished" || !(moves instanceof CSSTransition)),
  );
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const bad = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = bad.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`);
  assert.deepEqual(told, [], name);
}

/** Calls the first agent from Talk; the instance id. */
async function callFromThePage(page) {
  await page.goto(ready.url);
  await page.getByTestId("call").click();
  const connected = () => window.ringline.call.phase === "connected" && window.ringline.call.instanceId;
  return (await page.waitForFunction(connected)).jsonValue();
}

const LIGHT = { colorScheme: "light", viewport: { width: 1280, height: 800 } };
const DARK = { colorScheme: "dark", viewport: { width: 1280, height: 800 } };
const PHONE = { colorScheme: "dark", viewport: { width: 360, height: 800 } };

const has = (locator, text) => locator.filter({ hasText: text }).first().waitFor();

test("an operator signs in with the admin token, and only with it", { timeout: 60_000 }, async () => {
  await withConsole(
    async (page) => {
      await page.goto(`${ready.url}/#/keys`);
      await page.getByTestId("admin-token").fill("not the token");
      await page.getByTestId("sign-in").click();
      await has(page.getByTestId("sign-in-wrong"), "doesn't take this token");
      await page.getByTestId("admin-token").fill(ready.admin_token);
      await page.getByTestId("sign-in").click();
      await has(page.getByTestId("key-row"), ready.access_key_id);
      await page.reload();
      await has(page.getByTestId("key-row"), ready.access_key_id);
      await page.getByTestId("sign-out").click();
      await page.getByTestId("admin-token").waitFor();
    },
    { signedIn: false },
  );
});

test("a token that the server no longer takes leads back to signing in", { timeout: 60_000 }, async () => {
  await withConsole(
    async (page, context) => {
      await context.addInitScript(() => sessionStorage.setItem("ringline.admin-token", "of yesterday"));
      await page.goto(`${ready.url}/#/calls`);
      await has(page.getByRole("alert"), "no longer takes your token");
    },
    { signedIn: false },
  );
});

test("an agent is made, checked while it is typed, and tried out", { timeout: 120_000 }, async () => {
  await withConsole(async (page) => {
    const field = (path) => page.locator(`[data-field="${path}"]`);
    await visit(page, ready, "/agents");
    await page.getByTestId("new-agent").click();
    await field("name").fill("Reception");
    await field("config.Greeting").fill("Reception, hello.");
    await field("config.AsrConfig.AsrMaxSilence").fill("50");
    await has(page.locator(".wrong"), "Between 200 and 1200.");
    await page.getByTestId("save-agent").click();
    assert.ok(page.url().endsWith("/new-agent"), "what can't be is not sent");
    await field("config.AsrConfig.AsrMaxSilence").fill("600");
    await page.getByTestId("save-agent").click();
    await page.getByTestId("test-providers").waitFor();
    const id = page.url().split("/").at(-1);

    await page.getByTestId("test-providers").click();
    for (const node of ["language_model", "synthesis", "recognition"]) await has(page.getByTestId(`probe-${node}`), "ms");

    const sample = page.waitForResponse((response) => response.url().includes("/voices/"));
    await page.locator(".samples button").first().click();
    assert.equal((await sample).status(), 200);

    // Only the server knows where it may send events to.
    await field("settings.callbacks.url").fill("http://10.1.2.3/events");
    await page.getByTestId("save-agent").click();
    await has(page.locator(".field .wrong"), "settings.callbacks.url");
    await field("settings.callbacks.url").fill("");

    await field("config").fill('{"Greeting": "Reception, good day."}');
    assert.equal(await field("config.Greeting").inputValue(), "Reception, good day.", "the form follows the JSON");
    await field("config").blur();
    await page.getByTestId("save-agent").click();
    await has(page.getByRole("status"), "Saved.");
    const { config } = await admin(ready, "GET", `/agents/${id}`);
    assert.deepEqual(config, { Greeting: "Reception, good day." });

    page.once("dialog", (dialog) => dialog.accept());
    await page.getByTestId("delete-agent").click();
    await page.getByTestId("agent-card").first().waitFor();
    assert.equal(await page.getByTestId("agent-card").filter({ hasText: "Reception" }).count(), 0);
  });
});

test("a finished call is found by its words, read and downloaded", { timeout: 120_000 }, async () => {
  await withConsole(async (page) => {
    await visit(page, ready, "/calls");
    await page.getByTestId("search").fill("What can you do");
    await page.getByTestId("call-row").first().waitFor();
    await page.getByTestId("search").fill(finished);
    await page.getByTestId("call-row").filter({ hasText: finished }).getByRole("link").first().click();

    const transcript = page.getByTestId("transcript");
    await has(transcript.locator(".user .said"), "Hello, who am I talking to?");
    await has(transcript.locator(".agent .cut-note"), "interrupted");
    assert.ok((await transcript.locator(".latency-bar").count()) >= 1, "answers show their latency");

    const download = page.waitForEvent("download");
    await page.getByTestId("journal").click();
    const journal = readFileSync(await (await download).path(), "utf8").trim().split("\n");
    assert.ok(journal.length > 10 && journal.every((line) => typeof JSON.parse(line) === "object"), "the journal is lines of JSON");
  });
});

test("a finished call is heard in step with its transcript, and verified", { timeout: 120_000, skip: !offers("/calls/{id}/waveform") }, async () => {
  await withConsole(async (page) => {
    await visit(page, ready, `/calls/${finished}`);
    const transcript = page.getByTestId("transcript");
    await page.getByTestId("position").waitFor();
    assert.ok((await page.locator(".lanes .mark").count()) >= 1, "interruptions are marked on the waveform");

    // Playing moves the transcript along, and pressing a turn goes there.
    await transcript.getByRole("button").last().click();
    await page.waitForFunction(() => document.querySelector('[data-testid="transcript"] [aria-current="true"]') !== null);
    const begun = Number(await page.getByTestId("position").inputValue());
    await page.waitForFunction((begun) => Number(document.querySelector('[data-testid="position"]').value) > begun + 0.3, begun);
    await page.getByTestId("play").click();
    await page.getByRole("button", { name: "Play", exact: true }).waitFor();
    await page.getByTestId("position").focus();
    await page.keyboard.press("Home");
    assert.equal(await page.getByTestId("position").inputValue(), "0", "the keyboard moves it, too");

    await page.getByTestId("verify").click();
    await has(page.getByTestId("verdict"), "intact");
  });
});

test("a running call is followed, listened to, whispered to, taken over and handed back", { timeout: 120_000 }, async () => {
  await withConsole(async (page, context) => {
    const caller = await context.newPage();
    const id = await callFromThePage(caller);

    await visit(page, ready, "/calls");
    await has(page.getByTestId("call-row"), id);
    await visit(page, ready, `/calls/${id}`);
    await page.getByTestId("live").locator(".turn.agent").first().waitFor();
    await page.getByTestId("listen").click();
    await page.getByTestId("stop-listening").waitFor();
    await page.waitForFunction(() => parseFloat(document.querySelector(".bar.agent span").style.width) > 5 || parseFloat(document.querySelector(".bar.user span").style.width) > 5);

    await page.getByTestId("whisper").fill("Offer them breakfast.");
    await page.getByTestId("send-whisper").click();
    await has(page.getByTestId("feed"), "Whispered: Offer them breakfast.");

    await page.getByTestId("take-over").click();
    await page.getByTestId("hand-back").waitFor();
    await has(page.getByTestId("feed"), "A person is in charge.");
    await has(caller.locator(".hint"), "A person has taken over.");
    await page.getByTestId("hand-back").click();
    await has(page.getByTestId("feed"), "The agent is in charge again.");
    await page.getByTestId("take-over").waitFor();

    page.once("dialog", (dialog) => dialog.accept());
    await page.getByTestId("stop-call").click();
    await page.getByTestId("transcript").waitFor();
    await caller.waitForFunction(() => window.ringline.call.phase === "idle");
  });
});

test("a key is made, shown once, limited, switched off and on", { timeout: 60_000 }, async () => {
  await withConsole(async (page) => {
    await visit(page, ready, "/keys");
    await page.getByTestId("new-key").click();
    await page.getByLabel("Only these:").check();
    await page.getByLabel("ListAIAgentInstance").check();
    await page.getByTestId("write-key").click();
    const access_key_secret = await page.getByTestId("secret").textContent();
    const access_key_id = await page.locator(".made code").first().textContent();
    await page.getByTestId("close-made").click();
    const row = page.getByTestId("key-row").filter({ hasText: access_key_id });
    await has(row, "1 of");
    assert.ok(!(await page.content()).includes(access_key_secret), "the secret is gone");

    const made = { ...ready, access_key_id, access_key_secret };
    await openApi(made, "ListAIAgentInstance", { AIAgentId: ready.agent_id });
    await assert.rejects(openApi(made, "StopAIAgentInstance", { InstanceId: finished }), /Forbidden/);
    page.once("dialog", (dialog) => dialog.accept());
    await row.getByRole("button", { name: "Deactivate" }).click();
    await has(row, "inactive");
    await assert.rejects(openApi(made, "ListAIAgentInstance", { AIAgentId: ready.agent_id }), /Inactive/);
    await row.getByRole("button", { name: "Activate", exact: false }).click();
    await row.getByRole("button", { name: "Deactivate" }).waitFor();
  });
});

test("health says that all is well and what the server runs with, and the doctor finds nothing", { timeout: 120_000 }, async () => {
  await withConsole(async (page) => {
    await visit(page, ready, "/health");
    await has(page.getByTestId("verdict"), "All is well");
    await has(page.locator(".line"), ready.version);
    await has(page.locator(".line"), "scripted");

    await page.getByTestId("doctor").click();
    const checks = page.getByTestId("checks");
    await checks.waitFor({ timeout: 60_000 });
    for (const name of ["database", "udp", "language_model", "page", "webrtc", "microphone", "browser_clock"]) {
      assert.equal(await checks.locator(`[data-check="${name}"]`).first().getAttribute("data-verdict"), "ok", name);
    }
  });
});

test("no page has a serious accessibility fault, in light or dark, nor is wider than a phone", { timeout: 180_000 }, async () => {
  const places = { call: finished, agent: ready.agent_id };
  for (const look of [LIGHT, DARK, PHONE]) {
    await withConsole(async (page) => {
      for (const [name, place] of Object.entries({ talk: () => "/", ...PAGES })) {
        await visit(page, ready, place(places));
        if (name === "call") await page.getByTestId("transcript").waitFor();
        await judge(page, `${name} in ${JSON.stringify(look)}`);
      }
    }, look);
    const signIn = async (page) => {
      await page.goto(`${ready.url}/#/calls`);
      await page.getByTestId("admin-token").fill("not the token");
      await page.getByTestId("sign-in").click();
      await page.getByTestId("sign-in-wrong").waitFor();
      await judge(page, `sign-in in ${JSON.stringify(look)}`);
    };
    await withConsole(signIn, { signedIn: false, ...look });
  }
});

test("nor have the pages of a running call, whatever is being done to it", { timeout: 180_000 }, async () => {
  for (const look of [LIGHT, PHONE]) {
    const judged = (page, name) => judge(page, `${name} in ${JSON.stringify(look)}`);
    await withConsole(async (page, context) => {
      const caller = await context.newPage();
      const id = await callFromThePage(caller);
      await caller.locator('[data-testid="agent-subtitle"]').first().waitFor();
      await judged(caller, "talk in a call");
      await visit(page, ready, `/calls/${id}`);
      await page.getByTestId("live").locator(".turn.agent").first().waitFor();
      await judged(page, "a running call");
      await page.getByTestId("listen").click();
      await page.getByTestId("stop-listening").waitFor();
      await page.getByTestId("whisper").fill("Offer them breakfast.");
      await page.getByTestId("send-whisper").click();
      await has(page.getByTestId("feed"), "Whispered: Offer them breakfast.");
      await judged(page, "a running call, listened to and whispered to");
      await page.getByTestId("take-over").click();
      await page.getByTestId("hand-back").waitFor();
      await has(page.getByTestId("feed"), "A person is in charge.");
      await judged(page, "a call taken over");
      await judged(caller, "talk with a person");
      page.once("dialog", (dialog) => dialog.accept());
      await page.getByTestId("stop-call").click();
      await page.getByTestId("transcript").waitFor();
    }, look);
  }
});

test("the console speaks Chinese to those who prefer it, and on demand", { timeout: 60_000 }, async () => {
  await withConsole(
    async (page) => {
      await visit(page, ready, "/keys");
      await has(page.getByRole("heading"), "访问密钥");
      await page.getByTestId("language").selectOption("en");
      await has(page.getByRole("heading"), "Access keys");
      await page.reload();
      await has(page.getByRole("heading"), "Access keys");
    },
    { locale: "zh-CN" },
  );
});

test("the first load stays within its budget", () => {
  const size = join(import.meta.dirname, "../../console/size.mjs");
  const said = execFileSync(process.execPath, [size], { encoding: "utf8" });
  assert.match(said, /^first load: [\d.]+ kB/);
});
