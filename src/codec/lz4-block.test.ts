import fc from "fast-check";
import { expect, test } from "vitest";
import { LimitError } from "../errors.ts";
import { compressLz4Block } from "./lz4-block.ts";

// Blocks by hand, after lz4_Block_format.md.
test.each([
  ["nothing", "", "00"],
  ["literals alone", "abc", "30 616263"],
  ["literals of a longer length", "abcdefghijklmnop", "f001 6162636465666768696a6b6c6d6e6f70"],
  ["too short for a match", "aaaaaaaaaaaa", "c0 616161616161616161616161"],
  ["a match that overlaps itself", "a".repeat(20), "1a 61 0100 50 6161616161"],
  ["a match of a longer length", "a".repeat(40), "1f 61 0100 0f 50 6161616161"],
  ["a match after literals", "abcdefgh-abcdefgh-12345", "95 6162636465666768 2d 0900 50 3132333435"],
])("%s", (_name, text, expected) => {
  expect(Buffer.from(compressLz4Block(Buffer.from(text))).toString("hex")).toBe(expected.replaceAll(" ", ""));
});

test("whatever goes in comes out, within the bound", () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 400 })).map(repeated),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const input = Buffer.concat(pieces).subarray(0, 65_536);
      const block = compressLz4Block(input);
      expect(block.length).toBeLessThanOrEqual(input.length + Math.floor(input.length / 255) + 16);
      expect(Buffer.from(decode(block)).equals(input)).toBe(true);
    }),
  );
});

function repeated([bytes, times]: [Uint8Array, number]): Uint8Array {
  return Buffer.concat(Array.from({ length: times }, () => bytes));
}

/** The format read back as plainly as it can be. */
function decode(block: Uint8Array): Uint8Array {
  const output: number[] = [];
  let position = 0;
  const next = () => block[position++] ?? Number.NaN;
  const lengthFrom = (half: number) => {
    let length = half;
    for (let more = half === 15 ? next() : 0; ; more = next()) {
      length += more;
      if (more !== 255) return length;
    }
  };
  while (position < block.length) {
    const token = next();
    for (let left = lengthFrom(token >> 4); left > 0; left--) output.push(next());
    if (position === block.length) break;
    const distance = next() | (next() << 8);
    expect(distance).toBeGreaterThan(0);
    expect(distance).toBeLessThanOrEqual(output.length);
    for (let left = lengthFrom(token & 15) + 4; left > 0; left--) output.push(output.at(-distance) ?? Number.NaN);
  }
  return Uint8Array.from(output);
}

test("distances reach over a whole block, and no further input is taken", () => {
  const far = Buffer.from(Uint8Array.from({ length: 65_536 }, (_, index) => Math.imul(index, 0x9e37_79b1) >>> 24));
  far.copy(far, 65_500, 1, 30);
  expect(Buffer.from(decode(compressLz4Block(far))).equals(far)).toBe(true);
  expect(() => compressLz4Block(new Uint8Array(65_537))).toThrow(LimitError);
});
