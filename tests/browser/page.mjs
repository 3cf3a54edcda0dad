// Chromium with a microphone made of a file, and the page in it.

import { chromium } from "playwright-core";

/** RMS on the agent's track above which it is heard, and below which it is silent; full scale is 1. */
export const HEARD = 0.01;
export const SILENT = 0.003;

/**
 * Without `speech` there is a microphone that beeps, but every question for it is answered with no; a context with the
 * permission isn't asked. `options` are more of the browser's own.
 */
export async function openBrowser(speech, options = [], program = process.env.CHROMIUM ?? "/usr/bin/chromium") {
  const microphone = speech
    ? ["--use-fake-ui-for-media-stream", `--use-file-for-fake-audio-capture=${speech}%noloop`]
    : ["--deny-permission-prompts"];
  return chromium.launch({
    executablePath: program,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--autoplay-policy=no-user-gesture-required",
      "--use-fake-device-for-media-stream",
      ...microphone,
      ...options,
    ],
  });
}

export class Page {
  /** @param {import("playwright-core").Page} page */
  constructor(page) {
    this.page = page;
    this.errors = [];
    page.on("pageerror", (error) => this.errors.push(error.message));
  }

  static async open(browser, url) {
    const page = new Page(await browser.newPage());
    await page.page.goto(url);
    return page;
  }

  get(testId) {
    return this.page.getByTestId(testId);
  }

  /** Fills in the settings before a call. */
  async configure({ greeting, prompt, silence }) {
    await this.get("settings").locator("summary").click();
    if (greeting) await this.get("greeting").fill(greeting);
    if (prompt) await this.get("prompt").fill(prompt);
    if (silence) await this.get("silence").fill(String(silence));
    await this.get("settings").locator("summary").click();
  }

  /** Presses Call and waits until audio and messages can flow. */
  async call(testId = "call") {
    await this.get(testId).click({ timeout: 20_000 });
    await this.until("the call is connected", () => {
      const { log } = window.ringline.call;
      return window.ringline.call.phase === "connected" && log.some(({ event }) => event === "channel-open");
    });
    return this.page.evaluate(() => window.ringline.call.instanceId);
  }

  /** Listens to the agent's track from now on: {t, rms} every 20 ms on the clock of the call's log. */
  async listen() {
    await this.until("the agent's track is there", () => window.ringline.call.remoteStream !== null);
    await this.page.evaluate(() => {
      const context = new AudioContext();
      const analyser = context.createAnalyser();
      analyser.fftSize = 1024;
      context.createMediaStreamSource(window.ringline.call.remoteStream).connect(analyser);
      const samples = new Float32Array(analyser.fftSize);
      window.heard = [];
      setInterval(() => {
        analyser.getFloatTimeDomainData(samples);
        const rms = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
        window.heard.push({ t: performance.now(), rms });
      }, 20);
    });
  }

  /** Waits until `condition` (run in the page) gives something, and returns that; says what it waited for. */
  async until(what, condition, argument, timeout = 20_000) {
    try {
      const handle = await this.page.waitForFunction(condition, argument, { timeout, polling: 50 });
      return await handle.jsonValue();
    } catch (error) {
      if (error.name !== "TimeoutError") throw error;
      throw new Error(`waited ${timeout / 1000} s in vain until ${what}\n${await this.story()}`);
    }
  }

  /** The first message of a type from the server after `t` whose data has all of `like`. */
  async message(what, type, { after = 0, like = {}, timeout } = {}) {
    return this.until(
      what,
      ([type, after, like]) =>
        window.ringline.call.log.find(
          (entry) =>
            entry.event === "message" &&
            entry.type === type &&
            entry.t > after &&
            Object.entries(like).every(([key, value]) => entry.data[key] === value),
        ) ?? false,
      [type, after, like],
      timeout,
    );
  }

  /** Waits until the agent's track is loud after `t`; gives the time. */
  async heardAfter(what, t, timeout) {
    const found = await this.until(
      what,
      ([t, level]) => window.heard.find((sample) => sample.t > t && sample.rms > level) ?? false,
      [t, HEARD],
      timeout,
    );
    return found.t;
  }

  /** Waits until the agent's track has been silent for 300 ms, beginning after `t`; gives the beginning. */
  async silentAfter(what, t, timeout) {
    return this.until(
      what,
      ([t, level]) => {
        let since = null;
        for (const sample of window.heard) {
          if (sample.t <= t) continue;
          if (sample.rms >= level) since = null;
          else since ??= sample.t;
          if (since !== null && sample.t - since >= 300) return since;
        }
        return false;
      },
      [t, SILENT],
      timeout,
    );
  }

  /** All subtitles of a sentence put together as a client does it: agent pieces appended, user text replaced. */
  async subtitle(side, sentenceId) {
    return this.page.evaluate(
      ([type, sentenceId]) => {
        const texts = window.ringline.call.log
          .filter((entry) => entry.event === "message" && entry.type === type && entry.data.sentenceId === sentenceId)
          .map((entry) => entry.data.text);
        return type === 1002 ? texts.join("") : (texts.at(-1) ?? "");
      },
      [side === "agent" ? 1002 : 1003, sentenceId],
    );
  }

  async hangUp() {
    await this.get("hangup").click();
    await this.until("the call has ended", () => window.ringline.call.phase === "idle");
  }

  /** What happened, for the message of a failed test. */
  async story() {
    const log = await this.page.evaluate(() => window.ringline?.call.log ?? []).catch(() => []);
    const lines = log.slice(-60).map(({ t, ...rest }) => `${(t / 1000).toFixed(2)} ${JSON.stringify(rest)}`);
    return [...lines, ...this.errors.map((error) => `page error: ${error}`)].join("\n");
  }
}
