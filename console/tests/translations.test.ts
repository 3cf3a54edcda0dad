import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "vitest";
import { OPERATIONS } from "../src/keys/operations";
import { en } from "../src/words/en";
import { zh } from "../src/words/zh";

/** All texts, by their paths; functions are called with something for every place. */
function texts(value: unknown, path = ""): [string, string][] {
  if (typeof value === "string") return [[path, value]];
  if (typeof value === "function") return texts(path === ".problem" ? "" : (value as (...args: unknown[]) => unknown)(3, "3", "3"), path);
  return Object.entries(value as object).flatMap(([name, inside]) => texts(inside, `${path}.${name}`));
}

/** The same in both languages: names, or nothing. */
const SAME = /^[^a-z一-鿿]*$|^(Opus|WAV|ID|SQLite)$/;

test("every text is there in both languages, and is Chinese in Chinese", () => {
  const [english, chinese] = [texts(en), new Map(texts(zh))];
  assert.deepEqual(english.map(([path]) => path).toSorted(), [...chinese.keys()].toSorted());
  for (const [path, text] of english) {
    const translated = chinese.get(path) ?? "";
    assert.ok(translated !== "" || text === "", `${path} is empty`);
    assert.ok(SAME.test(translated) || /[一-鿿]/.test(translated) || path.startsWith(".agents.faults.other"), `${path}: ${translated}`);
  }
});

test("the operations a key can be limited to are those of the OpenAPI", () => {
  const table = readFileSync(new URL("../../docs/openapi.md", import.meta.url), "utf8");
  const rows = table.split("\n").filter((line) => /^\| [A-Z]\w+/.test(line));
  const documented = rows.flatMap((row) => (row.split("|")[1] ?? "").split(",").map((name) => name.trim()));
  assert.deepEqual([...OPERATIONS].toSorted(), documented.toSorted());
});
