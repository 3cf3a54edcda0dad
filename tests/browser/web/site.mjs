// Serves the pages under test, one a face, with the modules and the speech they load, and takes the callbacks of agents.

import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const SDK = join(HERE, "../../../sdk/web");
const OFFICIAL = join(HERE, "official/node_modules");

const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".html": "text/html", ".wav": "audio/wav" };

/** What the pages import, by path. */
const FOLDERS = {
  "/page/": join(HERE, "page"),
  "/official/": join(OFFICIAL, "aliyun-auikit-aicall/dist"),
  "/adapter/": join(OFFICIAL, "aliyun-rtc-sdk/dist"),
  "/eventemitter3/": join(OFFICIAL, "eventemitter3"),
  "/own/": join(SDK, "aicall/dist"),
};

/** Each face is a page whose module "aicall" is the one under test. */
const IMPORTS = {
  official: {
    aicall: "/official/index.es.js",
    "aliyun-rtc-sdk": "/page/recorded.js",
    "artc-adapter": "/adapter/index.mjs",
    eventemitter3: "/eventemitter3/dist/eventemitter3.esm.js",
  },
  own: { aicall: "/own/index.mjs", eventemitter3: "/eventemitter3/dist/eventemitter3.esm.js" },
};

export const FACES = Object.keys(IMPORTS).filter((face) => face !== "own" || existsSync(join(SDK, "aicall/dist")));

export class Site {
  /** Bodies of the callbacks that came. */
  callbacks = [];
  #server = createServer((request, response) => this.#answer(request, response));

  /** `speech`: the folder with the WAV files. */
  static async open(speech) {
    const site = new Site();
    site.folders = { ...FOLDERS, "/speech/": speech };
    await new Promise((resolve) => site.#server.listen(0, "127.0.0.1", resolve));
    site.origin = `http://127.0.0.1:${site.#server.address().port}`;
    return site;
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(request, response) {
    const path = normalize(new URL(request.url, "http://site").pathname);
    if (request.method === "POST") return this.#callback(request, response);
    const face = /^\/(\w+)\.html$/.exec(path)?.[1];
    if (face in IMPORTS) return send(response, 200, "text/html", page(face));
    const folder = Object.keys(this.folders).find((prefix) => path.startsWith(prefix));
    const file = folder && join(this.folders[folder], path.slice(folder.length));
    if (!file || !existsSync(file)) return send(response, 404, "text/plain", "not here");
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "text/plain" });
    createReadStream(file).pipe(response);
  }

  #callback(request, response) {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      this.callbacks.push(JSON.parse(body));
      send(response, 200, "text/plain", "");
    });
  }
}

function send(response, status, type, text) {
  response.writeHead(status, { "content-type": type }).end(text);
}

function page(face) {
  return `<!doctype html><meta charset="utf-8"><title>${face}</title>
<link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({ imports: IMPORTS[face] })}</script>
<video id="preview" muted></video><video id="agent"></video>
<script type="module" src="/page/driver.js"></script>`;
}
