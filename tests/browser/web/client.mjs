// An application in a page of its own, driven from the test: it makes an engine, calls, and tells what it was told.

/** How long anything may take on a busy machine. */
const LIMIT_MS = 30_000;
/** Loudness above which the agent is heard; full scale is 1. */
const HEARD = 0.01;

export class Client {
  #page;
  #errors = [];

  constructor(page) {
    this.#page = page;
    page.on("pageerror", (error) => this.#errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error" && !EXPECTED.test(message.text())) this.#errors.push(message.text());
    });
  }

  /** `context` is the browser context: who may use devices, and what is stored. */
  static async open(context, url) {
    const client = new Client(await context.newPage());
    await client.#page.addInitScript({ path: new URL("page/microphone.js", import.meta.url).pathname });
    await client.#page.goto(url);
    await client.until("the page has loaded its modules", () => window.loaded === true);
    return client;
  }

  /** Runs a function in the page. */
  run(use, argument) {
    return this.#page.evaluate(use, argument);
  }

  async create(config = {}) {
    await this.run((config) => window.create(config), config);
  }

  /** A server-started call of the agent type (0 voice, 2 vision). */
  async call(userId, agentInfo, agentType = 0) {
    await this.run(
      async ([userId, agentInfo, agentType]) => {
        await window.engine.call(userId, agentInfo, agentType);
        window.note("joined");
      },
      [userId, agentInfo, agentType],
    );
  }

  /** A client-started call; `agentConfig` are fields of the module's own class. */
  async callWithConfig(config, agentConfig) {
    await this.run(
      async ([config, fields]) => {
        await window.engine.callWithConfig({ ...config, agentConfig: window.agentConfig(fields) });
        window.note("joined");
      },
      [config, agentConfig],
    );
  }

  /** Calls a method of the engine; what it returns. */
  engine(method, ...args) {
    return this.run(([method, args]) => window.engine[method](...args), [method, args]);
  }

  async say(sentence) {
    await this.run((sentence) => window.say(sentence), sentence);
  }

  /** Waits for the first event of the name after number `after` whose first arguments are, or have, those of `like`. */
  async event(what, event, { after = 0, like = [], timeout } = {}) {
    return this.until(
      what,
      ([event, after, like]) => {
        const has = (value, wanted) =>
          typeof wanted === "object" && wanted !== null
            ? Object.entries(wanted).every(([key, part]) => value?.[key] === part)
            : value === wanted;
        return window.log.find((entry) => entry.n > after && entry.event === event && like.every((wanted, i) => has(entry.args[i], wanted))) ?? false;
      },
      [event, after, like],
      timeout,
    );
  }

  /** The numbers of all entries of the name. */
  async numbers(event) {
    return this.run((event) => window.log.filter((entry) => entry.event === event).map(({ n }) => n), event);
  }

  /** The number of the last entry. */
  async now() {
    return this.run(() => window.log.length);
  }

  async listen() {
    await this.run(() => window.listen());
  }

  async hears(what) {
    await this.until(what, (heard) => window.loudness > heard, HEARD);
  }

  /** All subtitles of a sentence of the agent's, put together as an application does it. */
  async agentText(sentenceId) {
    return this.run(
      (sentenceId) =>
        window.log
          .filter(({ event, args }) => event === "agentSubtitleNotify" && args[0].sentenceId === sentenceId)
          .map(({ args }) => args[0].text)
          .join(""),
      sentenceId,
    );
  }

  /** Waits until `condition`, run in the page, gives something, and returns that; says what it waited for. */
  async until(what, condition, argument, timeout = LIMIT_MS) {
    try {
      const handle = await this.#page.waitForFunction(condition, argument, { timeout, polling: 50 });
      return await handle.jsonValue();
    } catch (error) {
      if (error.name !== "TimeoutError") throw error;
      throw new Error(`waited ${timeout / 1000} s in vain until ${what}\n${await this.story()}`);
    }
  }

  /** What the page threw, and what was asked of the adapter and is not there. */
  async complaints() {
    const missing = await this.run(() => window.missing ?? []);
    return [...this.#errors, ...missing.map((member) => `the adapter has no ${member}`)];
  }

  /** What happened, for the message of a failed test. */
  async story() {
    const log = await this.run(() => window.log.filter(({ event }) => event !== "speakingVolumeChanged")).catch(() => []);
    const lines = log.slice(-60).map(({ n, t, event, args }) => `${n} ${(t / 1000).toFixed(2)} ${event} ${JSON.stringify(args)}`);
    return [...lines, ...this.#errors.map((error) => `error: ${error}`)].join("\n");
  }

  async close() {
    await this.#page.close();
  }
}

/** What the browser itself says of requests that a test makes fail. */
const EXPECTED = /Failed to load resource|onAIAgentResult/;
