import fc from "fast-check";
import { expect, test } from "vitest";
import { displayName, joinPath, nameFromKey, nameKey, splitPath } from "./byte-name.ts";

test("any bytes survive the key form", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => Buffer.compare(nameFromKey(nameKey(bytes)), bytes) === 0));
});

test.each([
  ["plain", Buffer.from("größe.txt"), "größe.txt"],
  ["invalid UTF-8", Buffer.from([0x61, 0xff, 0x5c]), "a\\xff\\\\"],
  ["newline and ESC", Buffer.from("a\n\x1b[31m"), "a\\x0a\\x1b[31m"],
  ["right-to-left override", Buffer.from("a\u202etxt.exe"), "a\\xe2\\x80\\xaetxt.exe"],
])("display of %s", (_name, bytes, expected) => {
  expect(displayName(bytes)).toBe(expected);
});

test("paths split without losing or inventing names", () => {
  expect(splitPath(Buffer.from("//a/./b//../c/")).map((name) => Buffer.from(name).toString())).toEqual([
    "a",
    "b",
    "..",
    "c",
  ]);
  expect(Buffer.from(joinPath(splitPath(Buffer.from("a/b")))).toString()).toBe("/a/b");
  expect(Buffer.from(joinPath([])).toString()).toBe("/");
});
