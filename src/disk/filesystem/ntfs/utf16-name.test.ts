import fc from "fast-check";
import { expect, test } from "vitest";
import { nameFromUtf16, utf16FromName, utf16Text } from "./utf16-name.ts";

const codeUnits = fc.array(fc.oneof(fc.nat(0xffff), fc.integer({ min: 0xd800, max: 0xdfff })), { maxLength: 20 });

test("any UTF-16, also with lone surrogates, survives both ways, and no two names look alike", () => {
  fc.assert(
    fc.property(codeUnits, codeUnits, (first, second) => {
      const [left, right] = [String.fromCharCode(...first), String.fromCharCode(...second)];
      const same = Buffer.compare(nameFromUtf16(left), nameFromUtf16(right)) === 0;
      return utf16FromName(nameFromUtf16(left)) === left && same === (left === right);
    }),
  );
});

test.each([
  ["a pair", "\u{1f600}", "f09f9880"],
  ["a lone high half", "a\ud83db", "61eda0bd62"],
  ["a lone low half", "\ude00", "edb880"],
])("%s", (_name, text, hex) => {
  expect(Buffer.from(nameFromUtf16(text)).toString("hex")).toBe(hex);
  expect(utf16Text(Buffer.from(text, "utf16le"))).toBe(text);
});

test.each([
  ["no UTF-8 at all", "ff"],
  ["a sequence that ends early", "e282"],
  ["a pair written as two halves", "eda0bdedb880"],
  ["an overlong form", "c080"],
])("%s is no name", (_name, hex) => {
  expect(utf16FromName(Buffer.from(hex, "hex"))).toBeUndefined();
});
