import fc from "fast-check";
import { expect, test } from "vitest";
import { VmfrError } from "../errors.ts";
import { decodeS2Block, decompressS2Stream } from "./s2.ts";

// Elements by hand: format_description.txt of Snappy, and the repeat codes of S2.
test.each([
  ["literal", [3, 0x08, 0x61, 0x62, 0x63], "abc"],
  ["literal with a length byte", [61, 0xf0, 60, ...Array(61).fill(0x61)], "a".repeat(61)],
  ["copy, 1-byte distance", [7, 0x08, 0x61, 0x62, 0x63, 0x01, 0x03], "abcabca"],
  ["copy, 2-byte distance", [6, 0x08, 0x61, 0x62, 0x63, 0x0a, 0x03, 0x00], "abcabc"],
  ["copy, 4-byte distance", [6, 0x08, 0x61, 0x62, 0x63, 0x0b, 0x03, 0, 0, 0], "abcabc"],
  ["repeat", [11, 0x08, 0x61, 0x62, 0x63, 0x01, 0x03, 0x01, 0x00], "abcabcabcab"],
  ["repeat, 1-byte length", [17, 0x00, 0x61, 0x01, 0x01, 0x15, 0x00, 0x04], "a".repeat(17)],
  ["repeat, 2-byte length", [0x8a, 0x02, 0x00, 0x61, 0x01, 0x01, 0x19, 0x00, 0x01, 0x00], "a".repeat(266)],
  [
    "repeat, 3-byte length",
    [0x8a, 0x80, 0x04, 0x00, 0x61, 0x01, 0x01, 0x1d, 0x00, 0x01, 0x00, 0x00],
    "a".repeat(65_546),
  ],
])("%s", (_name, block, expected) => {
  expect(Buffer.from(decodeS2Block(Uint8Array.from(block))).toString()).toBe(expected);
});

test.each([
  ["copy before the beginning", [4, 0x01, 0x05]],
  ["repeat without a copy", [8, 0x00, 0x61, 0x01, 0x00]],
  ["distance zero", [6, 0x08, 0x61, 0x62, 0x63, 0x0a, 0x00, 0x00]],
  ["more than the block's length", [2, 0x08, 0x61, 0x62, 0x63]],
  ["less than the block's length", [5, 0x08, 0x61, 0x62, 0x63]],
  ["larger than any block", [0xff, 0xff, 0xff, 0xff, 0x0f]],
  ["empty", []],
])("refused: %s", (_name, block) => {
  expect(() => decodeS2Block(Uint8Array.from(block))).toThrow(VmfrError);
});

test("streams: identifier and padding are passed over, reserved chunks and wrong checksums are not", () => {
  const stream = (text: string) => decompressS2Stream(Buffer.from(text.replaceAll(" ", ""), "hex"), 10);
  expect(stream("ff060000 533273547754 fe020000 aaaa")).toHaveLength(0);
  expect(() => stream("02000000")).toThrow(/reserved chunk/);
  expect(() => stream("01070000 00000000 616263")).toThrow(/checksum/);
  expect(() => stream("01")).toThrow(VmfrError);
});

test("any bytes give a result or a named error", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      for (const decode of [decodeS2Block, (input: Uint8Array) => decompressS2Stream(input, 1000)]) {
        try {
          decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(VmfrError);
        }
      }
    }),
  );
});
