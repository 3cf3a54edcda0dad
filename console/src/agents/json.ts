// Reading and changing a JSON object by paths with dots: `config.AsrConfig.AsrMaxSilence`. Pure.

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export function get(value: Json | undefined, path: string): Json | undefined {
  let at = value;
  for (const name of path.split(".")) at = isObject(at) ? at[name] : undefined;
  return at;
}

/** A copy with the field set; undefined takes it out, and what is empty then. */
export function set(value: JsonObject, path: string, to: Json | undefined): JsonObject {
  const [name = "", ...rest] = path.split(".");
  const copy = { ...value };
  if (rest.length > 0) {
    const inside = copy[name];
    const child = set(isObject(inside) ? inside : {}, rest.join("."), to);
    if (to === undefined && Object.keys(child).length === 0) delete copy[name];
    else copy[name] = child;
  } else if (to === undefined) delete copy[name];
  else copy[name] = to;
  return copy;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
