import fc from "fast-check";
import { expect, test } from "vitest";
import { CorruptDataError } from "../errors.ts";
import { decompressXpressHuffman } from "./xpress-huffman.ts";

const SENTENCES = "vmfr reads, never writes. ".repeat(30);

/** As wimlib 1.13 packs the sentences: the bytes of its table of code lengths that are not zero, then the codes. */
const LENGTHS: readonly (readonly [offset: number, lengths: number])[] = [
  [16, 0x03],
  [22, 0x05],
  [23, 0x05],
  [48, 0x50],
  [50, 0x35],
  [51, 0x05],
  [52, 0x50],
  [54, 0x50],
  [55, 0x05],
  [57, 0x43],
  [58, 0x05],
  [59, 0x53],
  [128, 0x04],
  [167, 0x40],
];

function packed(): Buffer {
  const table = Buffer.alloc(256);
  for (const [offset, lengths] of LENGTHS) table[offset] = lengths;
  return Buffer.concat([table, Buffer.from("d27ce3086131cad25b1f8bf155870020ffee020000", "hex")]);
}

test("what wimlib packed", () => {
  expect(Buffer.from(decompressXpressHuffman(packed(), SENTENCES.length)).toString()).toBe(SENTENCES);
});

test.each([
  ["no table", packed().subarray(0, 255)],
  ["codes that overlap", Buffer.alloc(300, 0x11)],
  ["codes that leave bits without a meaning", Buffer.concat([Buffer.of(0x22), Buffer.alloc(299)])],
  ["data that ends early", packed().subarray(0, 260)],
])("%s is damage", (_name, bytes) => {
  expect(() => decompressXpressHuffman(bytes, SENTENCES.length)).toThrow(CorruptDataError);
});

test("any change of the bytes gives an answer or is damage", () => {
  fc.assert(
    fc.property(fc.nat(packed().length - 1), fc.nat(255), (offset, value) => {
      const bytes = packed();
      bytes[offset] = value;
      try {
        return decompressXpressHuffman(bytes, SENTENCES.length).length === SENTENCES.length;
      } catch (error) {
        return error instanceof CorruptDataError;
      }
    }),
  );
});
