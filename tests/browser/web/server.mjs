// A `ringline serve` of the tests' own: with scripted models, a data directory, and ports that a later start can have again.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createServer } from "node:net";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { openApi } from "../openapi.mjs";

const BIN = join(dirname(fileURLToPath(import.meta.url)), "../../../target/release/ringline");
const START_LIMIT_MS = 60_000;

export class Server {
  ready = null;
  #process = null;
  #data = mkdtempSync(join(tmpdir(), "ringline-web-"));
  #listen = "127.0.0.1:0";
  #udp = "127.0.0.1:0";
  #script;

  /** With the built-in script, or another: `turns` of `hears` and `answers`. */
  static async start(script) {
    const server = new Server();
    server.#script = script;
    await server.start();
    return server;
  }

  /** Ports that stay the same over restarts. */
  static async startOnFixedPorts() {
    const server = new Server();
    server.#listen = `127.0.0.1:${await freePort()}`;
    server.#udp = `127.0.0.1:${await freePort()}`;
    await server.start();
    return server;
  }

  async start() {
    const config = join(this.#data, "test.toml");
    // The callbacks' receiver is on this machine.
    writeFileSync(config, '[outward]\nallow = ["127.0.0.0/8"]\n');
    const args = ["serve", "--config", config, "--data", join(this.#data, "data"), "--listen", this.#listen, "--udp", this.#udp];
    if (this.#script) {
      const turns = this.#script.turns.map(({ hears, answers }) => `[[turns]]\nhears = ${JSON.stringify(hears)}\nanswers = ${JSON.stringify(answers)}\n`);
      writeFileSync(join(this.#data, "script.toml"), turns.join(""));
      args.push("--script", join(this.#data, "script.toml"));
    }
    const { RINGLINE_DATABASE: _, ...env } = process.env;
    this.#process = spawn(BIN, [...args, "--models", "scripted", "--ready-json"], { env, stdio: ["ignore", "pipe", "pipe"] });
    let [out, log] = ["", ""];
    this.#process.stderr.on("data", (chunk) => (log = (log + chunk).slice(-20_000)));
    this.log = () => log;
    this.ready = await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`the server is not ready after ${START_LIMIT_MS / 1000} s\n${log}`)), START_LIMIT_MS);
      this.#process.stdout.on("data", (chunk) => {
        out += chunk;
        if (!out.includes("\n")) return;
        clearTimeout(late);
        resolve(JSON.parse(out));
      });
      this.#process.on("exit", (code) => reject(new Error(`the server ended with ${code}\n${log}`)));
    });
  }

  /** As a machine that fails: nothing is said to anybody. */
  async kill() {
    await this.#end("SIGKILL");
  }

  async stop() {
    await this.#end("SIGTERM");
    rmSync(this.#data, { recursive: true, force: true });
  }

  async #end(signal) {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.on("exit", resolve));
    child.kill(signal);
    await gone;
  }

  openApi(action, parameters) {
    return openApi(this.ready, action, parameters);
  }

  /** A call by the app server's door: its answer. */
  async startCall(userId, agentConfig, options = {}) {
    return this.#appServer("generateAIAgentCall", {
      ai_agent_id: this.ready.agent_id,
      user_id: userId,
      expire: 3600,
      template_config: "{}",
      agent_config: JSON.stringify(agentConfig),
      ...options,
    });
  }

  /** A token with which a client starts its own call. */
  async joinToken(userId) {
    return (await this.#appServer("getRtcAuthToken", { user_id: userId })).rtc_auth_token;
  }

  /** A token as our server makes them, that lasts so many seconds. */
  shortToken(channelId, userId, seconds) {
    const { rtc_app_id: appid, rtc_app_key: key, rtc_url: rtcurl } = this.ready;
    const timestamp = Math.floor(Date.now() / 1000) + seconds;
    const token = createHash("sha256").update(`${appid}${key}${channelId}${userId}${timestamp}`).digest("hex");
    const envelope = { appid, channelid: channelId, userid: userId, nonce: "", timestamp, token, rtcurl };
    return Buffer.from(JSON.stringify(envelope)).toString("base64");
  }

  async endReason(instance) {
    return (await (await fetch(`${this.ready.url}/api/ringline/v1/calls/${instance}`)).json()).endReason;
  }

  async #appServer(operation, body) {
    const response = await fetch(`${this.ready.url}/api/v2/aiagent/${operation}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    if (answer.code !== 200) throw new Error(`${operation}: ${JSON.stringify(answer)}`);
    return answer;
  }
}

async function freePort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
