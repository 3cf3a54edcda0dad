// What an agent can be, by the server's own JSON Schema: where a field's rules are, whether a value keeps them, and what
// to say if not. Pure; the server checks once more, and what only it can know it says then.
//
// Fields have paths with dots, as the server's refusals name them: `config.AsrConfig.AsrMaxSilence`.

import { Validator, type Schema as AnySchema } from "@cfworker/json-schema";
import type { Words } from "../words";
import { isObject, type Json, type JsonObject } from "./json";

export interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  type?: string | string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  enum?: Json[];
  const?: Json;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxItems?: number;
  default?: Json;
  description?: string;
}

export type Kind = "text" | "number" | "flag" | "choice" | "texts" | "other";

/** The rules of a field; undefined if the schema doesn't know it. */
export function ruleAt(root: Schema, path: string): Schema | undefined {
  let rule: Schema | undefined = settle(root, root);
  for (const name of path.split(".")) rule = rule?.properties?.[name] && settle(root, rule.properties[name]);
  return rule;
}

/** Follows references, and looks through "or null". */
function settle(root: Schema, schema: Schema): Schema {
  let rule = schema;
  for (let depth = 0; depth < 8; depth++) {
    const other = rule.$ref ? root.$defs?.[rule.$ref.replace("#/$defs/", "")] : someOf(rule.oneOf ?? rule.anyOf ?? rule.allOf);
    if (!other) break;
    const { $ref: _ref, oneOf: _one, allOf: _all, ...own } = rule;
    rule = { ...other, ...own };
    if (own.anyOf) delete rule.anyOf;
  }
  return rule;
}

/** Of "this or null" this; of several others none stands for all. */
function someOf(schemas: Schema[] | undefined): Schema | undefined {
  const some = schemas?.filter(({ type }) => type !== "null");
  return some?.length === 1 ? some[0] : undefined;
}

export function kindOf(rule: Schema | undefined): Kind {
  if (!rule) return "other";
  if (rule.enum) return "choice";
  const types = (Array.isArray(rule.type) ? rule.type : [rule.type]).filter((type) => type !== "null");
  if (zeroOr(rule)) return "number";
  switch (types[0]) {
    case "boolean":
      return "flag";
    case "integer":
    case "number":
      return "number";
    case "string":
      return "text";
    case "array":
      return rule.items?.type === "string" ? "texts" : "other";
    default:
      return "other";
  }
}

/** "0, or from … to …". */
export function zeroOr({ anyOf }: Schema): Schema | undefined {
  return anyOf?.some((rule) => rule.const === 0) ? anyOf.find((rule) => rule.type === "integer") : undefined;
}

/**
 * What is wrong, by field. The server takes texts for numbers and booleans, and null and empty texts for what is not set;
 * so does this.
 */
export function faultsOf(agent: JsonObject, root: Schema, words: Words): Map<string, string> {
  const { errors } = new Validator(root as AnySchema, "2020-12", false).validate(lenient(agent, root, root) ?? {});
  const faults = new Map<string, string>();
  for (const { keyword, instanceLocation, error } of errors) {
    // Only what is wrong by itself; the objects around it follow from that.
    if (["properties", "$ref", "items", "anyOf", "oneOf", "allOf"].includes(keyword) && !isLeafChoice(root, instanceLocation)) continue;
    const missing = keyword === "required" ? /"([^"]+)"/.exec(error)?.[1] : undefined;
    const path = pathOf(instanceLocation, missing);
    if (!faults.has(path)) faults.set(path, missing === undefined ? faultText(ruleAt(root, path), keyword, error, words) : words.agents.faults.needed);
  }
  // An object that may also be null is told to be no null: what is wrong inside of it is what counts.
  const outer = [...faults.keys()].filter((path) => [...faults.keys()].some((other) => other.startsWith(`${path}.`)));
  for (const path of outer) faults.delete(path);
  return faults;
}

function isLeafChoice(root: Schema, location: string): boolean {
  const rule = ruleAt(root, pathOf(location));
  return rule !== undefined && zeroOr(rule) !== undefined;
}

function pathOf(location: string, field?: string): string {
  const names = location.replace(/^#\/?/, "").split("/").filter(Boolean).map((name) => decodeURIComponent(name).replaceAll("~1", "/").replaceAll("~0", "~"));
  return [...names, ...(field === undefined ? [] : [field])].join(".");
}

function faultText(rule: Schema | undefined, keyword: string, error: string, { agents }: Words): string {
  const { faults } = agents;
  const zero = rule && zeroOr(rule);
  if (zero) return faults.zeroOr(zero.minimum ?? 0, zero.maximum ?? 0);
  switch (keyword) {
    case "minimum":
    case "maximum":
      return rule?.maximum === undefined ? faults.atLeast(rule?.minimum ?? 0) : faults.range(rule.minimum ?? 0, rule.maximum);
    case "maxLength":
      return faults.longest(rule?.maxLength ?? 0);
    case "minLength":
      return faults.needed;
    case "maxItems":
      return faults.items(rule?.maxItems ?? 0);
    case "enum":
      return faults.oneOf((rule?.enum ?? []).join(", "));
    case "type":
      return kindOf(rule) === "number" ? (rule?.type === "integer" ? faults.whole : faults.number) : faults.other(error);
    default:
      return faults.other(error);
  }
}

/** The value as the server understands it. */
function lenient(value: Json, schema: Schema, root: Schema): Json | undefined {
  const rule = settle(root, schema);
  if (isObject(value)) {
    const entries = Object.entries(value).flatMap(([name, inside]) => {
      const known = rule.properties?.[name];
      const read = known ? lenient(inside, known, root) : inside;
      return read === undefined ? [] : [[name, read] as const];
    });
    return Object.fromEntries(entries);
  }
  if (Array.isArray(value)) {
    const { items } = rule;
    // Empty lines are taken out before they are sent.
    return items ? value.filter((item) => item !== "").map((item) => lenient(item, items, root) ?? item) : value;
  }
  const kind = kindOf(rule);
  if (value === null || (value === "" && kind !== "text")) return undefined;
  if (typeof value !== "string") return value;
  if (kind === "number" && value.trim() !== "" && Number.isFinite(Number(value))) return Number(value);
  if (kind === "flag" && /^(true|false)$/i.test(value)) return value.toLowerCase() === "true";
  return value;
}
