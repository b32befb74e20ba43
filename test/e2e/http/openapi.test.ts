import { expect, test } from "vitest";
import { createApp } from "../../../src/serve/http/app.ts";
import { createHostCheck } from "../../../src/serve/http/host-check.ts";
import { ask, BASIC } from "./support/clients.ts";
import { DISK, startTestServer, type TestServer } from "./support/test-server.ts";

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

async function json<Body>(server: TestServer, target: string): Promise<Body> {
  return JSON.parse((await ask(server, target, { headers: BASIC })).body.toString()) as Body;
}

/** As much of JSON Schema as the document uses; `known` collects the properties that some schema describes. */
function complaints(document: Document, schema: Schema, value: unknown, where: string, known: Set<string>): string[] {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split("/").at(-1) ?? "";
    return complaints(document, document.components.schemas[name] ?? {}, value, where, known);
  }
  if (schema.oneOf !== undefined) {
    const results = schema.oneOf.map((one) => complaints(document, one, value, where, known));
    return results.some((result) => result.length === 0) ? [] : results.flat();
  }
  if (schema.allOf !== undefined) return schema.allOf.flatMap((one) => complaints(document, one, value, where, known));
  if (schema.enum !== undefined && !schema.enum.includes(String(value))) return [`${where}: ${String(value)}`];
  if (schema.type === "array") {
    if (!Array.isArray(value)) return [`${where}: not a list`];
    return value.flatMap((item, index) => complaints(document, schema.items ?? {}, item, `${where}[${index}]`, known));
  }
  if (schema.type === "integer") return Number.isInteger(value) ? [] : [`${where}: not an integer`];
  if (schema.type === "string") return typeof value === "string" ? [] : [`${where}: not text`];
  if (typeof value !== "object" || value === null) return [`${where}: not an object`];
  const missing = (schema.required ?? []).filter((name) => !(name in value)).map((name) => `${where}.${name}: missing`);
  const wrong = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    known.add(`${where}.${name}`);
    const inner: unknown = Reflect.get(value, name);
    return inner === undefined ? [] : complaints(document, property, inner, `${where}.${name}`, known);
  });
  return [...missing, ...wrong];
}

function properties(value: unknown, where: string): string[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => properties(item, `${where}[${index}]`));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [
    `${where}.${name}`,
    ...properties(inner, `${where}.${name}`),
  ]);
}

test("the answers are as the document says, with nothing it does not mention", async () => {
  const server = await startTestServer({ expiresAt: new Date("2030-01-01T00:00:00Z") });
  const options = { flags: ["immutable"], xattrs: [{ name: Buffer.from("user.a"), value: Buffer.from("b") }] };
  server.files.file(2, "a", "x", options);
  server.files.symlink(2, "link", "/a");
  server.files.file(2, "more", "y");
  const document = await json<Document>(server, "/api/v1/openapi.json");
  const answers: [string, string][] = [
    ["Listing", `/api/v1/tree${DISK}?limit=2`],
    ["EntryDetails", `/api/v1/stat${DISK}/a`],
    ["EntryDetails", `/api/v1/stat${DISK}/link`],
    ["Inventory", "/api/v1/inventory"],
    ["Session", "/api/v1/session"],
    ["Error", `/api/v1/stat${DISK}/none`],
  ];
  for (const [schema, target] of answers) {
    const value = await json<unknown>(server, target);
    const known = new Set<string>();
    expect(complaints(document, { $ref: `#/components/schemas/${schema}` }, value, schema, known)).toEqual([]);
    expect(properties(value, schema).filter((property) => !known.has(property))).toEqual([]);
  }
});

test("the document describes every route, and no other", async () => {
  const server = await startTestServer();
  const document = await json<Document>(server, "/api/v1/openapi.json");
  const nothing = {} as Parameters<typeof createApp>[0];
  const routes = createApp(nothing, createHostCheck([]), undefined).routes;
  const undocumented = [
    "/healthz",
    "/readyz",
    "/api/v1/openapi.json",
    "/api/v1/tree",
    "/api/v1/stat",
    "/files",
    "/archive",
  ];
  const registered = routes
    .filter(({ method, path }) => method !== "ALL" && !undocumented.includes(path))
    .map(({ method, path }) => `${method} ${path.replace("*", "{path}")}`);
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect([...new Set(documented)].sort()).toEqual([...new Set(registered)].sort());
});
