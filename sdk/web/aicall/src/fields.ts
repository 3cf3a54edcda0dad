// How configuration classes become JSON and come back: each class has a table of its fields (client-sdk §1.4).
//
// Out: undefined is left out, so are negative numbers and empty nested objects. In: what is absent or of the wrong type
// leaves the property as it was.

export type JSONPrimitive = string | number | boolean | null;

export interface JSONObject {
  [key: string]: JSONPrimitive | JSONPrimitive[] | JSONObject | JSONObject[];
}

export interface JsonConfig {
  fromJSON(data: JSONObject): void;
  toJSON(): JSONObject;
}

/** One way of writing a value, and of reading it: undefined means "leave out" or "leave as it is". */
export interface Kind {
  write(value: unknown): JSONObject[string] | undefined;
  read(json: unknown, present: unknown): unknown;
}

/** [JSON key, property, kind] */
export type Field = readonly [key: string, property: string, kind: Kind];

const ofType = (type: "string" | "boolean"): Kind => ({
  write: (value) => (typeof value === type ? (value as JSONPrimitive) : undefined),
  read: (json) => (typeof json === type ? json : undefined),
});

export const text = ofType("string");
export const flag = ofType("boolean");

export const number: Kind = {
  write: (value) => (typeof value === "number" && value >= 0 ? value : undefined),
  read: (json) => (typeof json === "number" ? json : undefined),
};

export const texts: Kind = {
  write: (value) => (Array.isArray(value) ? (value as string[]) : undefined),
  read: (json) => (Array.isArray(json) && json.every((item) => typeof item === "string") ? json : undefined),
};

export const objects: Kind = {
  write: (value) => (Array.isArray(value) ? (value as JSONObject[]) : undefined),
  read: (json) => (Array.isArray(json) && json.every(isObject) ? json : undefined),
};

/** An object that travels as JSON text. */
export const objectAsText: Kind = {
  write: (value) => (isObject(value) ? JSON.stringify(value) : undefined),
  read: (json) => (isObject(json) ? json : parseObject(json)),
};

/** A configuration inside another; one that isn't there is made when JSON has it. */
export function nested(make: () => JsonConfig): Kind {
  return {
    write(value) {
      const json = (value as JsonConfig | undefined)?.toJSON();
      return json && Object.keys(json).length > 0 ? json : undefined;
    },
    read(json, present) {
      if (!isObject(json)) return undefined;
      const config = (present as JsonConfig | undefined) ?? make();
      config.fromJSON(json);
      return config;
    },
  };
}

export function list(make: () => JsonConfig, whenEmpty: "kept" | "left out" = "kept"): Kind {
  return {
    write(value) {
      if (!Array.isArray(value) || (value.length === 0 && whenEmpty === "left out")) return undefined;
      return (value as JsonConfig[]).map((item) => item.toJSON());
    },
    read(json) {
      if (!Array.isArray(json)) return undefined;
      return json.filter(isObject).map((item) => {
        const config = make();
        config.fromJSON(item);
        return config;
      });
    },
  };
}

/** A class with a table of its fields. */
export abstract class Configuration implements JsonConfig {
  protected abstract get fields(): readonly Field[];

  fromJSON(data: JSONObject): void {
    readFields(this, this.fields, data);
  }

  toJSON(): JSONObject {
    return writeFields(this, this.fields);
  }
}

export function writeFields(config: object, fields: readonly Field[]): JSONObject {
  const json: JSONObject = {};
  for (const [key, property, kind] of fields) {
    const value = kind.write((config as Record<string, unknown>)[property]);
    if (value !== undefined) json[key] = value;
  }
  return json;
}

export function readFields(config: object, fields: readonly Field[], data: JSONObject): void {
  const properties = config as Record<string, unknown>;
  for (const [key, property, kind] of fields) {
    const value = kind.read(data?.[key], properties[property]);
    if (value !== undefined) properties[property] = value;
  }
}

export function isObject(value: unknown): value is JSONObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function parseObject(value: unknown): JSONObject | undefined {
  if (typeof value !== "string") return undefined;
  try {
    const json: unknown = JSON.parse(value);
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}
