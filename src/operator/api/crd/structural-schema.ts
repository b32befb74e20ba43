/**
 * zod to the structural schema of a CustomResourceDefinition (Kubernetes documentation: "Extend the Kubernetes
 * API with CustomResourceDefinitions", "Specifying a structural schema").
 */
import { z } from "zod";

export interface StructuralSchema {
  [key: string]: unknown;
}

/** Keys that go over as they are. */
const PLAIN_KEYS = [
  "description",
  "type",
  "format",
  "enum",
  "pattern",
  "minLength",
  "maxLength",
  "minimum",
  "maximum",
  "minItems",
  "maxItems",
] as const;

/** Objects and lists alone have these, and only here: a schema within another is converted like its parent. */
const NESTING_KEYS = ["properties", "required", "items", "additionalProperties"] as const;

const KNOWN_KEYS: ReadonlySet<string> = new Set([...PLAIN_KEYS, ...NESTING_KEYS]);

/** @throws TypeError when the schema uses something a structural schema cannot say: a mistake in the program. */
export function structuralSchema(schema: z.ZodType): StructuralSchema {
  return convert(z.toJSONSchema(schema, { target: "openapi-3.0", io: "input" }));
}

function convert(schema: Readonly<Record<string, unknown>>): StructuralSchema {
  const extensions = Object.keys(schema).filter((key) => key.startsWith("x-kubernetes-"));
  const unknown = Object.keys(schema).find((key) => !KNOWN_KEYS.has(key) && !extensions.includes(key));
  if (unknown !== undefined || typeof schema["type"] !== "string") {
    throw new TypeError(`a structural schema cannot say ${unknown ?? "several types at once"}`);
  }
  const converted: StructuralSchema = {};
  for (const key of PLAIN_KEYS) if (schema[key] !== undefined) converted[key] = schema[key];
  if (schema["type"] === "integer") asInt64(converted);
  if (isRecord(schema["items"])) converted["items"] = convert(schema["items"]);
  // Beside `properties` it is not allowed: unknown fields are pruned there.
  if (isRecord(schema["additionalProperties"])) {
    converted["additionalProperties"] = convert(schema["additionalProperties"]);
  }
  if (isRecord(schema["properties"])) {
    const properties = Object.entries(schema["properties"]).map(([name, value]) => [name, convert(asRecord(value))]);
    converted["properties"] = Object.fromEntries(properties);
    if (Array.isArray(schema["required"])) converted["required"] = schema["required"];
  }
  for (const key of extensions) converted[key] = schema[key];
  return converted;
}

/** zod bounds whole numbers by what JavaScript counts exactly. */
function asInt64(schema: StructuralSchema): void {
  schema["format"] = "int64";
  if (schema["minimum"] === Number.MIN_SAFE_INTEGER) delete schema["minimum"];
  if (schema["maximum"] === Number.MAX_SAFE_INTEGER) delete schema["maximum"];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  if (isRecord(value)) return value;
  throw new TypeError("a property without a schema");
}
