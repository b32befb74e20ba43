import fc from "fast-check";
import { expect, test } from "vitest";
import { CorruptDataError } from "../errors.ts";
import { decompressLznt1 } from "./lznt1.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

// [MS-XCA] section 3.2
test("the specification's example", () => {
  const packed = Buffer.from(
    "38b08846232000204720410010a24701a045204400084501507900c045200524138805b4024a44ef0358028c091601484500be009e000401189000",
    "hex",
  );
  const expected =
    "F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E F# D E F# G F# D E F# G F# E D E A F# F# G A A G F# E D D E F# E D D\0";
  expect(text(decompressLznt1(packed, expected.length))).toBe(expected);
});

function chunk(header: number, ...body: readonly number[]): Buffer {
  return Buffer.from([header & 0xff, header >> 8, ...body]);
}

test("a literal and an overlapping copy", () => {
  // "ab", then 10 bytes from 2 back: 12 length bits this early in a chunk.
  const packed = chunk(0xb000 | 4, 0b100, 0x61, 0x62, 0x07, 0x10);
  expect(text(decompressLznt1(packed, 12))).toBe("ababababababab".slice(0, 12));
});

test("chunks that are stored, and what they leave open", () => {
  const packed = Buffer.concat([chunk(0x3002, 1, 2, 3), chunk(0xb001, 0, 9), chunk(0)]);
  const output = decompressLznt1(packed, 3 * 4096);
  expect([...output.subarray(0, 4), output[4095], output[4096], output[4097], output[8192]]).toEqual([
    1, 2, 3, 0, 0, 9, 0, 0,
  ]);
});

test.each([
  ["a chunk that ends early", chunk(0xb010, 0)],
  ["another signature", chunk(0xc001, 0, 1)],
  ["a copy before the start", chunk(0xb003, 0b10, 0x61, 0x00, 0x10)],
  ["a copy cut in half", chunk(0xb002, 0b10, 0x61, 0x00)],
])("%s is damage", (_name, packed) => {
  expect(() => decompressLznt1(packed, 4096)).toThrow(CorruptDataError);
});

test("any bytes give an answer or are damage", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        return decompressLznt1(bytes, 8192).length === 8192;
      } catch (error) {
        return error instanceof CorruptDataError;
      }
    }),
  );
});
