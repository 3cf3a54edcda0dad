// One signed call of the OpenAPI (ACS3-HMAC-SHA256), as an app server would make it.

import { createHash, createHmac, randomBytes } from "node:crypto";

const VERSION = "2020-11-09";

/** Calls `action` with string parameters; returns the answer or throws it. */
export async function openApi(ready, action, parameters) {
  const url = new URL("/", ready.url);
  const query = Object.keys(parameters)
    .sort()
    .map((key) => `${encode(key)}=${encode(parameters[key])}`)
    .join("&");
  const headers = {
    host: url.host,
    "x-acs-action": action,
    "x-acs-content-sha256": sha256(""),
    "x-acs-date": new Date().toISOString().replace(/\.\d+Z$/, "Z"),
    "x-acs-signature-nonce": randomBytes(16).toString("hex"),
    "x-acs-version": VERSION,
  };
  const names = Object.keys(headers).sort();
  const block = names.map((name) => `${name}:${headers[name]}\n`).join("");
  const request = ["POST", "/", query, block, names.join(";"), sha256("")].join("\n");
  const signature = createHmac("sha256", ready.access_key_secret).update(`ACS3-HMAC-SHA256\n${sha256(request)}`).digest("hex");
  const { host: _, ...sent } = headers;
  const response = await fetch(`${url.href}?${query}`, {
    method: "POST",
    headers: {
      ...sent,
      authorization: `ACS3-HMAC-SHA256 Credential=${ready.access_key_id},SignedHeaders=${names.join(";")},Signature=${signature}`,
    },
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${action} was refused: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
}

function sha256(text) {
  return createHash("sha256").update(text).digest("hex");
}

function encode(text) {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
