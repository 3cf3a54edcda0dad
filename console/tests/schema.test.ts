import assert from "node:assert/strict";
import { test } from "vitest";
import { get, set, type JsonObject } from "../src/agents/json";
import { faultsOf, kindOf, ruleAt, type Schema } from "../src/agents/schema";
import { en } from "../src/words/en";

/** The shapes that the server's schema has. */
const SCHEMA: Schema = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 1, maxLength: 8 },
    config: {
      type: "object",
      properties: {
        Greeting: { type: "string", maxLength: 10 },
        MaxIdleTime: { type: "integer", minimum: 1, maximum: 100 },
        AsrConfig: {
          type: "object",
          properties: {
            VadDuration: { anyOf: [{ const: 0 }, { type: "integer", minimum: 200, maximum: 2000 }] },
            AsrHotWords: { type: "array", maxItems: 2, items: { type: "string", minLength: 1 } },
          },
        },
        TurnDetectionConfig: { type: "object", properties: { Mode: { type: "string", enum: ["Normal", "Semantic"] }, Speculate: { type: "boolean" } } },
      },
    },
    settings: { $ref: "#/$defs/Settings" },
  },
  $defs: {
    Settings: { type: "object", properties: { app: { oneOf: [{ type: "null" }, { $ref: "#/$defs/App" }] } } },
    App: { type: "object", properties: { id: { type: "string", minLength: 1 } } },
  },
  // As JSON Schema has them; the console reads them through the validator alone.
  ...({ required: ["name"] } as object),
};

const faults = (agent: JsonObject) => Object.fromEntries(faultsOf(agent, SCHEMA, en));

test("a field is what its rule says, through references and 'or null'", () => {
  const kind = (path: string) => kindOf(ruleAt(SCHEMA, path));
  assert.deepEqual(
    ["name", "config.MaxIdleTime", "config.AsrConfig.VadDuration", "config.AsrConfig.AsrHotWords", "config.TurnDetectionConfig.Mode", "config.TurnDetectionConfig.Speculate", "settings.app.id", "config", "config.Nothing"].map(kind),
    ["text", "number", "number", "texts", "choice", "flag", "text", "other", "other"],
  );
});

test("an agent that can be has no faults, nor has one that is written leniently", () => {
  assert.deepEqual(faults({ name: "Ava", config: { Greeting: "", MaxIdleTime: 5, AsrConfig: { VadDuration: 0 } }, settings: { app: null } }), {});
  assert.deepEqual(faults({ name: "Ava", config: { AsrConfig: { AsrHotWords: ["mango", ""] } } }), {}, "an entry that is not begun yet");
  assert.deepEqual(faults({ name: "Ava", config: { MaxIdleTime: "30", AsrConfig: { VadDuration: "300" }, TurnDetectionConfig: { Mode: "", Speculate: "True" } } }), {});
});

test("every fault is told at its field, in words", () => {
  const agent = {
    name: "A name too long",
    config: { MaxIdleTime: 0, AsrConfig: { VadDuration: 20, AsrHotWords: ["a", "b", "c"] }, TurnDetectionConfig: { Mode: "Odd" } },
    settings: { app: { id: "" } },
  };
  assert.deepEqual(faults(agent), {
    name: "At most 8 characters.",
    "config.MaxIdleTime": "Between 1 and 100.",
    "config.AsrConfig.VadDuration": "0, or between 200 and 2000.",
    "config.AsrConfig.AsrHotWords": "At most 2 entries.",
    "config.TurnDetectionConfig.Mode": "One of: Normal, Semantic.",
    "settings.app.id": "Needed.",
  });
  assert.deepEqual(faults({ config: { MaxIdleTime: 1.5 } }), { name: "Needed.", "config.MaxIdleTime": "A whole number." });
});

test("a field that is taken out takes empty objects with it", () => {
  const agent = set({ name: "Ava" }, "config.AsrConfig.VadDuration", 300);
  assert.equal(get(agent, "config.AsrConfig.VadDuration"), 300);
  assert.deepEqual(set(agent, "config.AsrConfig.VadDuration", undefined), { name: "Ava" });
  assert.deepEqual(agent, { name: "Ava", config: { AsrConfig: { VadDuration: 300 } } }, "what was there is left alone");
});
