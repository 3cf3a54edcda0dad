// What the console's test and its screenshots share: calls made by the native caller, the admin API, and the console's
// pages in a browser.

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { writeSpeech } from "./speech.mjs";

const run = promisify(execFile);
const ringline = process.env.RINGLINE_BIN ?? join(import.meta.dirname, "../../target/release/ringline");

/** The signed-in part of the console and where each page is; `call` wants a finished call's id. */
export const PAGES = {
  calls: () => "/calls",
  call: ({ call }) => `/calls/${call}`,
  agents: () => "/agents",
  agent: ({ agent }) => `/agents/${agent}`,
  "new-agent": () => "/new-agent",
  keys: () => "/keys",
  health: () => "/health",
};

/** The admin API: what it answers, or a thrown refusal. */
export async function admin(ready, method, path, body) {
  const response = await fetch(`${ready.url}/api/ringline/v1/admin${path}`, {
    method,
    headers: { authorization: `Bearer ${ready.admin_token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.status === 204 ? null : response.json();
}

/** One spoken call from its beginning to its end, by `ringline call`; gives its instance id. */
export async function placeCall(ready, directory, { agent = ready.agent_id, user, turns, interruptAfter }) {
  const wavs = turns.flatMap((sentence, i) => ["--wav", writeSpeech(join(directory, `${user}-${i}.wav`), [0.2, sentence, 0.2])]);
  const cut = interruptAfter === undefined ? [] : ["--interrupt-after", String(interruptAfter)];
  await run(ringline, ["call", "--url", ready.url, "--agent", agent, "--user", user, "--json", ...cut, ...wavs], { timeout: 120_000, maxBuffer: 64 * 1024 * 1024 });
  const { calls } = await admin(ready, "GET", `/calls?q=${user}`);
  return calls[0].instance_id;
}

/** Signed in by its session, as if the operator had typed the token in this tab. */
export async function signIn(context, ready) {
  await context.addInitScript((token) => sessionStorage.setItem("ringline.admin-token", token), ready.admin_token);
}

/** Goes to a page of the console and waits until it has something to show. */
export async function visit(page, ready, hash) {
  await page.goto(`${ready.url}/#${hash}`);
  await page.getByRole("heading", { level: 1 }).first().waitFor({ timeout: 15_000 });
  await page.waitForFunction(() => document.querySelector("main .loading") === null, null, { timeout: 15_000 });
}
