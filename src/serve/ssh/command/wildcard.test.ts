import { expect, test } from "vitest";
import { Wildcard } from "./wildcard.ts";

test.each([
  ["*.txt", "a.txt", true],
  ["*.txt", "a/b.txt", false],
  ["**.txt", "a/b.txt", true],
  ["a/**/b", "a/x/y/b", true],
  ["a/**/b", "a/b", false],
  ["?", "/", false],
  ["[a-c]x", "bx", true],
  ["[!a-c]x", "bx", false],
  ["[^a-c]x", "dx", true],
  ["[]x]", "]", true],
  ["[[:digit:]_]", "7", true],
  ["[a-", "[a-", true],
  ["\\*", "*", true],
  ["\\*", "x", false],
  ["[\\]]", "]", true],
  ["", "", true],
  ["*", "", true],
  ["x*", "", false],
])("%s against %s: %s", (pattern, text, expected) => {
  expect(new Wildcard(pattern).matches(text)).toBe(expected);
});

test("a pattern made to be slow is not", () => {
  const startedAt = performance.now();
  expect(new Wildcard(`${"*a".repeat(100)}b`).matches("a".repeat(4000))).toBe(false);
  expect(performance.now() - startedAt).toBeLessThan(2000);
});
