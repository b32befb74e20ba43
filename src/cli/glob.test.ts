import { expect, test } from "vitest";
import { globMatcher } from "./glob.ts";

test.each([
  ["*.conf", "nginx.conf", true],
  ["*.conf", "nginx.conf.bak", false],
  ["?", "ü", true],
  ["[a-c]x", "bx", true],
  ["[!a-c]x", "bx", false],
  ["a.b", "axb", false],
  ["\\*", "*", true],
  ["\\*", "x", false],
  ["[]]", "]", true],
  ["(a|b)+", "(a|b)+", true],
  ["*", "two\nlines", true],
])("%j on %j: %s", (pattern, name, expected) => {
  expect(globMatcher(pattern)(Buffer.from(name))).toBe(expected);
});

test("names that are not UTF-8, and case", () => {
  expect(globMatcher("a?b")(Buffer.from([0x61, 0xff, 0x62]))).toBe(true);
  expect(globMatcher("README*", true)(Buffer.from("readme.txt"))).toBe(true);
});
