// The page in a real Chromium against a running server, with a microphone that plays recorded human speech.
//
//   RINGLINE_READY        what `ringline serve --ready-json` printed
//   RINGLINE_MODELS_MODE  "local" or "scripted": how the server was started
//   RINGLINE_DATA         its --data directory (for the recordings)
//   CHROMIUM              the browser [/usr/bin/chromium]
//
// With local models the words are judged by their share, with scripted ones they are exact. Nothing here sleeps: time
// passes in the microphone's file alone, everything else is waited for, with a limit.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openApi } from "./openapi.mjs";
import { HEARD, Page, openBrowser } from "./page.mjs";
import { inspectTrack } from "./recording.mjs";
import { SENTENCES, wordShare, writeSpeech } from "./speech.mjs";

const ready = JSON.parse(process.env.RINGLINE_READY ?? "null");
const mode = process.env.RINGLINE_MODELS_MODE;
const data = process.env.RINGLINE_DATA;
if (!ready || !data || (mode !== "local" && mode !== "scripted")) {
  throw new Error("set RINGLINE_READY, RINGLINE_DATA and RINGLINE_MODELS_MODE (local or scripted)");
}
const scripted = mode === "scripted";

const GREETING = "Hello from the browser test.";
const PROMPT = "You are a talkative storyteller. Whatever you are told, answer with a story of at least eight long sentences.";
/** The built-in script's first lines. */
const SCRIPT = [
  {
    hears: "Hello, who am I talking to?",
    answers:
      "Hi there! I'm Ringline, and I'm reading from a script, so you can try a whole call without any models. Interrupt me whenever you like.",
  },
  {
    hears: "What can you do?",
    answers: "I listen, I wait for you to finish, and I answer aloud. With a language model behind me I would also understand you.",
  },
];
/**
 * The microphone: silence for connecting and the greeting, a question, and speech over the answer. How soon a local
 * model answers depends on the machine, so with local models several sentences follow at growing distances: one that
 * comes before the answer prolongs the question, the first that meets a speaking agent interrupts it.
 */
const TIMELINE = scripted
  ? [8, "young", 4, "selfish", 60]
  : [10, "young", 6, "selfish", 9, "amiable", 13, "selfish", 7, "amiable", 17, "selfish", 10, "amiable", 60];
/** The last sentence has begun by then. */
const TIMELINE_MS = 120_000;
/** From the end of the user's turn to the answer's first words; a busy machine with local models takes its time. */
const ANSWER_MS = scripted ? 10_000 : 60_000;

let directory;
before(() => {
  directory = mkdtempSync(join(tmpdir(), "ringline-browser-"));
});
after(() => rmSync(directory, { recursive: true, force: true }));

async function withPage(speech, use) {
  const browser = await openBrowser(speech);
  try {
    const page = await Page.open(browser, ready.url);
    await use(page);
    assert.deepEqual(page.errors, [], "the page threw no errors");
  } finally {
    await browser.close();
  }
}

async function greetingOver(page) {
  const first = await page.message("the greeting begins", 1002);
  return page.message("the greeting is over", 1001, { after: first.t, like: { state: 1 } });
}

/** Asks until the instance has the status. */
async function untilStatus(instance, status, limitMs = 20_000) {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const answer = await openApi(ready, "DescribeAIAgentInstance", { InstanceId: instance });
    if (answer.Instance.Status === status) return;
    if (Date.now() > deadline) assert.fail(`the instance is ${answer.Instance.Status} instead of ${status} after ${limitMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

test("a person talks with the agent, interrupts it, hangs up, and both voices are on record", { timeout: 300_000 }, async (t) => {
  const speech = writeSpeech(join(directory, "talk.wav"), TIMELINE);
  await withPage(speech, async (page) => {
    // The page asks the server first.
    if (scripted) await page.get("scripted-banner").waitFor({ state: "visible", timeout: 30_000 });
    await page.configure({ greeting: GREETING, prompt: PROMPT, silence: 800 });
    assert.equal(await page.get("scripted-banner").isVisible(), scripted, "scripted models are labelled, and only they");
    const instance = await page.call();
    await page.listen();
    await untilStatus(instance, "Executing");

    // The greeting.
    const first = await page.message("the greeting has a subtitle", 1002);
    const greeting = await page.message("the greeting's subtitle ends", 1002, {
      like: { end: true, sentenceId: first.data.sentenceId },
    });
    assert.equal((await page.subtitle("agent", first.data.sentenceId)).trim(), GREETING);
    const greetingHeard = await page.heardAfter("the greeting is heard", 0);
    await page.message("the agent listens after the greeting", 1001, { after: greetingHeard, like: { state: 1 } });
    await page.get("agent-subtitle").filter({ hasText: GREETING }).waitFor({ timeout: 2000 });

    // The question and the answer.
    const question = await page.message("the user's words arrive as a final subtitle", 1003, {
      after: greeting.t,
      like: { end: true },
      timeout: 40_000,
    });
    t.diagnostic(`question: ${question.data.text}`);
    if (scripted) assert.equal(question.data.text, SCRIPT[0].hears);
    else assert.ok(wordShare(question.data.text, SENTENCES.young.words) >= 0.6, `understood: ${question.data.text}`);
    await page.get("user-subtitle").filter({ hasText: question.data.text }).waitFor({ timeout: 2000 });
    await page.message("the agent thinks", 1001, { after: greeting.t, like: { state: 2 } });
    const speaks = await page.message("the agent speaks", 1001, { after: question.t, like: { state: 3 }, timeout: ANSWER_MS });
    await page.message("the answer has a subtitle", 1002, { after: question.t, timeout: ANSWER_MS });
    const answerHeard = await page.heardAfter("the answer is heard", speaks.t - 500, ANSWER_MS);
    t.diagnostic(`answer heard ${Math.round(answerHeard - question.t)} ms after the final subtitle`);

    // The interruption.
    const interrupted = await page.message("speaking over the agent is reported as reason 2", 1016, {
      after: answerHeard,
      like: { reason: 2 },
      timeout: TIMELINE_MS,
    });
    const loudBefore = await page.page.evaluate(
      (t) => Math.max(...window.heard.filter((s) => s.t > t - 2000 && s.t <= t).map((s) => s.rms)),
      interrupted.t,
    );
    assert.ok(loudBefore > HEARD, `the agent was speaking before it was interrupted (${loudBefore})`);
    const silent = await page.silentAfter("the agent falls silent", interrupted.t - 300, 3000);
    t.diagnostic(`silent ${Math.round(silent - interrupted.t)} ms after the report`);
    assert.ok(silent - interrupted.t < 1000, "the agent is silent within a second of the report");
    await page.message("the agent listens after the interruption", 1001, { after: interrupted.t - 500, like: { state: 1 } });
    await page.get("agent-subtitle").filter({ hasText: "interrupted by your voice" }).first().waitFor({ timeout: 2000 });

    // What was spoken over the agent is the next question, and is answered in its turn.
    const second = await page.message("the interrupting words arrive as a final subtitle", 1003, {
      after: interrupted.t,
      like: { end: true },
      timeout: 40_000,
    });
    t.diagnostic(`interrupting words: ${second.data.text}`);
    const again = await page.message("the agent speaks again", 1001, { after: second.t, like: { state: 3 }, timeout: ANSWER_MS });
    await page.heardAfter("the second answer is heard", again.t - 500, ANSWER_MS);
    if (scripted) {
      assert.equal(second.data.text, SCRIPT[1].hears);
      const cut = (await page.subtitle("agent", question.data.sentenceId)).trim();
      assert.ok(cut !== "" && SCRIPT[0].answers.startsWith(cut), `the interrupted answer is a part of the script's: ${cut}`);
      await page.message("the second answer's subtitle ends", 1002, { like: { end: true, sentenceId: second.data.sentenceId } });
      assert.equal((await page.subtitle("agent", second.data.sentenceId)).trim(), SCRIPT[1].answers);
    }
    const latency = await page.message("the turn's latency is reported", 9001, { after: question.t });
    t.diagnostic(`latency: ${JSON.stringify(latency.data)}`);
    assert.ok(latency.data.total > 0);
    assert.equal(await page.get("latency-parts").locator("li").count(), 6);

    await page.hangUp();
    await untilStatus(instance, "Finished");
    const user = inspectTrack(join(data, "recordings", instance, "user.ogg"));
    const agent = inspectTrack(join(data, "recordings", instance, "agent.ogg"));
    t.diagnostic(`recording: user ${JSON.stringify(user)}, agent ${JSON.stringify(agent)}`);
    for (const track of [user, agent]) {
      assert.equal(track.codec, "opus");
      assert.ok(track.seconds >= 10, `the track has the call's length (${track.seconds} s)`);
    }
    assert.ok(user.voicedSeconds >= 3, `the user is on record (${user.voicedSeconds} s of voice)`);
    assert.ok(agent.voicedSeconds >= 2, `the agent is on record (${agent.voicedSeconds} s of voice)`);
  });
});

test("without a microphone the page says so, and the call can be typed", { timeout: 180_000 }, async () => {
  await withPage(null, async (page) => {
    await page.get("call").click({ timeout: 20_000 });
    await page.get("notice").filter({ hasText: "microphone is blocked" }).waitFor({ timeout: 10_000 });
    const instance = await page.call("step-call-without-microphone");
    await page.listen();
    const over = await greetingOver(page);
    await page.get("text").fill("Please say hello.");
    await page.get("send").click();
    const answer = await page.message("the typed question is answered", 1002, { after: over.t, like: { end: true }, timeout: ANSWER_MS });
    await page.heardAfter("the answer is heard", over.t);
    if (scripted) assert.equal((await page.subtitle("agent", answer.data.sentenceId)).trim(), "You said: Please say hello.");
    assert.equal(await page.get("user-subtitle").filter({ hasText: "Please say hello." }).count(), 1, "the typed words stand there once");
    await page.hangUp();
    await untilStatus(instance, "Finished");
  });
});

test("after a change of network the path is restarted and the call goes on", { timeout: 120_000 }, async () => {
  const speech = writeSpeech(join(directory, "silence.wav"), [90]);
  await withPage(speech, async (page) => {
    const instance = await page.call();
    await page.listen();
    await greetingOver(page);
    const lost = await page.page.evaluate(() => {
      const now = performance.now();
      window.dispatchEvent(new Event("online"));
      return now;
    });
    await page.until(
      "the path is back",
      (lost) => {
        const phases = window.ringline.call.log.filter(({ event, t }) => event === "phase" && t >= lost).map(({ phase }) => phase);
        return phases.join() === "reconnecting,connected";
      },
      lost,
    );
    const streams = await page.page.evaluate(() => window.ringline.call.log.filter(({ event }) => event === "remote-stream").length);
    assert.equal(streams, 1, "a restart was enough: joining anew would have brought another stream");
    await page.message("the agent's state is asked for and told", 1001, { after: lost, like: { state: 1 } });
    await page.get("text").fill("Are you still there?");
    await page.get("send").click();
    const speaks = await page.message("the agent answers after the restart", 1001, { after: lost, like: { state: 3 }, timeout: ANSWER_MS });
    await page.heardAfter("it is heard", speaks.t - 500, ANSWER_MS);
    await untilStatus(instance, "Executing", 1000);
    await page.hangUp();
    await untilStatus(instance, "Finished");
  });
});

test("a server that goes away and an unknown agent are explained in words", { timeout: 60_000 }, async () => {
  const speech = writeSpeech(join(directory, "nothing.wav"), [5]);
  await withPage(speech, async (page) => {
    await page.until("there is something to call", () => document.querySelector('[data-testid="call"]')?.disabled === false);
    await page.get("agent-select").evaluate((select) => {
      select.append(new Option("Nobody", "no-such-agent"));
      select.value = "no-such-agent";
    });
    await page.get("call").click();
    await page.get("notice").filter({ hasText: "refused the call" }).waitFor({ timeout: 10_000 });
    await page.page.context().setOffline(true);
    await page.get("call").click();
    await page.get("notice").filter({ hasText: "server doesn't answer" }).waitFor({ timeout: 10_000 });
    await page.page.context().setOffline(false);
    await page.get("notice").waitFor({ state: "hidden", timeout: 15_000 });
  });
});
