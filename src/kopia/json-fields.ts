import { CorruptDataError, type CorruptionPlace } from "../errors.ts";

/**
 * Typed access to one JSON object from the repository. Go omits zero values, so most getters take the value
 * that absence stands for; without one, absence is damage.
 */
export interface JsonFields {
  text(name: string, absent?: string): string;
  /** A safe integer of zero or more. */
  integer(name: string, absent?: number): number;
  flag(name: string): boolean;
  base64(name: string): Uint8Array;
  /** `null` and absence are the empty list. */
  list(name: string): readonly unknown[];
  child(name: string): JsonFields;
  optionalChild(name: string): JsonFields | undefined;
  /** An object of strings; other values are left out. */
  texts(name: string): Readonly<Record<string, string>>;
}

/** @throws CorruptDataError at `place`, from here and from every getter, when the value has another type. */
export function fieldReader(value: unknown, place: CorruptionPlace): JsonFields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new CorruptDataError(place, "expected a JSON object");
  }
  const fields = value as Record<string, unknown>;
  const get = (name: string): unknown => (Object.hasOwn(fields, name) ? (fields[name] ?? undefined) : undefined);
  const wrong = (name: string, expected: string) => new CorruptDataError(place, `field "${name}" is not ${expected}`);

  return {
    text(name, absent) {
      const field = get(name) ?? absent;
      if (typeof field !== "string") throw wrong(name, "a text");
      return field;
    },
    integer(name, absent) {
      const field = get(name) ?? absent;
      if (typeof field !== "number" || !Number.isSafeInteger(field) || field < 0) throw wrong(name, "a whole number");
      return field;
    },
    flag: (name) => get(name) === true,
    base64(name) {
      const field = get(name);
      if (typeof field !== "string") throw wrong(name, "base64");
      return Buffer.from(field, "base64");
    },
    list(name) {
      const field = get(name) ?? [];
      if (!Array.isArray(field)) throw wrong(name, "a list");
      return field;
    },
    child: (name) => fieldReader(get(name), place),
    optionalChild: (name) => (get(name) === undefined ? undefined : fieldReader(get(name), place)),
    texts(name) {
      const field = get(name);
      if (typeof field !== "object" || field === null) return {};
      return Object.fromEntries(
        Object.entries(field).filter((pair): pair is [string, string] => typeof pair[1] === "string"),
      );
    },
  };
}

/** A JSON document that is one object. @throws CorruptDataError at `place` */
export function parseJsonFields(bytes: Uint8Array, place: CorruptionPlace): JsonFields {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
  } catch (error) {
    throw new CorruptDataError(place, "not valid JSON", { cause: error });
  }
  return fieldReader(json, place);
}
