import fc from "fast-check";
import { expect, test } from "vitest";
import { CorruptDataError } from "../errors.ts";
import { decompressLzx } from "./lzx.ts";

const SENTENCES = "vmfr reads, never writes. ".repeat(30);
/** As wimlib 1.13 packs the sentences. */
const PACKED = Buffer.from(
  "302000c10000000054025300ce0ccbfb2e7a50884eeff7b780f300000000000000803384029ff77d00f300000000000022007d10dff7f61ad27ce3086131cad25b1f8bf159870039",
  "hex",
);

test("what wimlib packed", () => {
  expect(Buffer.from(decompressLzx(PACKED, SENTENCES.length)).toString()).toBe(SENTENCES);
});

/** An uncompressed block: type 3 in three bits, a bit for "not 32 KiB", the size in 16, padding, three distances. */
function stored(content: Uint8Array, distance = 1): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt16LE(0x6000 | (content.length >> 4), 0);
  header.writeUInt16LE((content.length << 12) & 0xffff, 2);
  for (let index = 0; index < 3; index++) header.writeUInt32LE(distance, 4 + 4 * index);
  return Buffer.concat([header, content, Buffer.alloc(content.length % 2)]);
}

test("blocks that are stored, one behind an odd length", () => {
  const blocks = Buffer.concat([stored(Buffer.from("first")), stored(Buffer.from("second"))]);
  expect(Buffer.from(decompressLzx(blocks, 11)).toString()).toBe("firstsecond");
});

test("calls of x86 code become relative again, but not in the last ten bytes", () => {
  const code = Buffer.alloc(40, 0x90);
  for (const [at, target] of [
    [4, 1000],
    [12, -5],
    [20, 12_000_000],
    [32, 77],
  ] as const) {
    code[at] = 0xe8;
    code.writeInt32LE(target, at + 1);
  }
  const output = Buffer.from(decompressLzx(stored(code), code.length));
  expect([4, 12, 20, 32].map((at) => output.readInt32LE(at + 1))).toEqual([996, 11_999_995, 12_000_000, 77]);
});

test.each([
  ["an empty input", Buffer.alloc(0)],
  ["block type 0", Buffer.of(0, 0x10, 0, 0)],
  ["a block longer than the chunk", stored(Buffer.from("longer than eleven bytes"))],
  ["a distance of 0", stored(Buffer.from("first"), 0)],
  ["data that ends early", PACKED.subarray(0, 40)],
])("%s is damage", (_name, bytes) => {
  expect(() => decompressLzx(bytes, 11)).toThrow(CorruptDataError);
});

test("any change of the bytes gives an answer or is damage", () => {
  fc.assert(
    fc.property(fc.nat(PACKED.length - 1), fc.nat(255), (offset, value) => {
      const bytes = Buffer.from(PACKED);
      bytes[offset] = value;
      try {
        return decompressLzx(bytes, SENTENCES.length).length === SENTENCES.length;
      } catch (error) {
        return error instanceof CorruptDataError;
      }
    }),
  );
});
