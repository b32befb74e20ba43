import { expect, test } from "vitest";
import { decodeText, hexDump } from "./text.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

test("UTF-8 cut in the middle of a character is still UTF-8", () => {
  const whole = new TextEncoder().encode("größe €");
  expect(decodeText(whole.subarray(0, -1))).toEqual({ kind: "text", text: "größe ", encoding: "UTF-8" });
});

test.each([
  ["UTF-16 with a mark", bytes(0xff, 0xfe, 0x61, 0, 0xfc, 0), { kind: "text", text: "aü", encoding: "UTF-16LE" }],
  ["Latin text", bytes(0x67, 0x72, 0xfc, 0xdf), { kind: "text", text: "grüß", encoding: "WINDOWS-1252" }],
  ["bytes with NUL", bytes(0x7f, 0x45, 0x4c, 0x46, 0), { kind: "binary" }],
  ["bytes with controls", bytes(0xff, 1, 2, 3, 4, 5), { kind: "binary" }],
])("%s", (_name, input, expected) => {
  expect(decodeText(input)).toEqual(expected);
});

test("hex dump", () => {
  expect(hexDump(new TextEncoder().encode("0123456789abcdef!"))).toBe(
    "00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef\n" +
      `00000010  21${" ".repeat(45)}  !`,
  );
});
