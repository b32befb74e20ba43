import fc from "fast-check";
import { expect, test } from "vitest";
import { nameFromUtf16, textFromUtf16, utf16FromName } from "./utf16-name.ts";

test("any UTF-16 units become bytes and come back, and no two become the same", () => {
  const units = fc.array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd7fe, max: 0xe001 })));
  fc.assert(
    fc.property(units, (stored) => {
      const text = textFromUtf16(new Uint8Array(Uint16Array.from(stored).buffer));
      expect(text).toBe(String.fromCharCode(...stored));
      expect(utf16FromName(nameFromUtf16(text))).toBe(text);
    }),
  );
});

test("well-formed text is UTF-8, a lone surrogate three bytes", () => {
  expect(Buffer.from(nameFromUtf16("ä😀")).toString()).toBe("ä😀");
  expect(Buffer.from(nameFromUtf16("a\ud83db")).toString("hex")).toBe("61eda0bd62");
});

test("bytes that are no such name", () => {
  expect(utf16FromName(Uint8Array.of(0x61, 0xff))).toBeUndefined();
  expect(utf16FromName(Uint8Array.of(0xed, 0xa0, 0x80, 0xff))).toBeUndefined();
});
