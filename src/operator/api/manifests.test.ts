import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { structuralSchema } from "./crd/structural-schema.ts";
import { crdManifests } from "./manifests.ts";

const directory = path.resolve(import.meta.dirname, "../../../deploy/crd");

test.each([...crdManifests()])("deploy/crd/%s is what the types say", (name, text) => {
  const committed = readFileSync(path.join(directory, name), "utf8");
  expect(committed, "stale: run `node scripts/generate-manifests.mjs` and commit what it writes").toBe(text);
});

test("objects, lists, maps, whole numbers and extensions become a structural schema", () => {
  const schema = z.object({
    count: z.int(),
    few: z.int().min(0).max(9).optional(),
    names: z.array(z.string().min(1)).meta({ "x-kubernetes-list-type": "set" }),
    map: z.record(z.string(), z.object({ on: z.boolean() })),
  });
  expect(structuralSchema(schema)).toEqual({
    type: "object",
    properties: {
      count: { type: "integer", format: "int64" },
      few: { type: "integer", format: "int64", minimum: 0, maximum: 9 },
      names: { type: "array", items: { type: "string", minLength: 1 }, "x-kubernetes-list-type": "set" },
      map: {
        type: "object",
        additionalProperties: { type: "object", properties: { on: { type: "boolean" } }, required: ["on"] },
      },
    },
    required: ["count", "names", "map"],
  });
});

test.each([
  ["a union", z.union([z.string(), z.int()])],
  ["a value that may be null", z.object({ a: z.string().nullable() })],
  ["a default", z.object({ a: z.string().default("x") })],
])("%s is refused when the manifests are made", (_what, schema) => {
  expect(() => structuralSchema(schema)).toThrow("a structural schema cannot say");
});
