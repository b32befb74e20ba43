import fc from "fast-check";
import { expect, test } from "vitest";
import { VmfrError } from "../errors.ts";
import { contentIdText, contentKeyFromText } from "./content-id.ts";
import { parseIndexBlob } from "./index-blob.ts";

const PACK = "q73fa625c82c3cc9a0123456789abcdef-s32e1f5cfeaeddc31147";

/** A real version 2 index of one manifest, up to the name of its pack. */
const REAL = Buffer.concat([
  Buffer.from("0211001000000001000000010100000000", "hex"),
  Buffer.from("6dd9e0caff069af67edb2016cfdfb61862", "hex"),
  Buffer.from("6b040b4b0000002000015000016c0000", "hex"),
  Buffer.from(`${PACK.length.toString(16)}0000003d`, "hex"),
  Buffer.from("000000000300", "hex"),
  Buffer.from(PACK),
]);

const ID = "md9e0caff069af67edb2016cfdfb61862";

test("finds an entry of a version 2 index", () => {
  const index = parseIndexBlob(REAL, "xn0_1");
  expect(index.find(contentKeyFromText(ID, "test"))).toEqual({
    packBlob: PACK,
    packOffset: 32,
    packedLength: 364,
    originalLength: 336,
    timestamp: 0x6b040b4b,
    deleted: false,
    compression: 0,
  });
  expect([...index.keysWithPrefix("m".charCodeAt(0))].map(contentIdText)).toEqual([ID]);
  expect([...index.keysWithPrefix("k".charCodeAt(0))]).toEqual([]);
  expect(index.find(contentKeyFromText("d9e0caff069af67edb2016cfdfb61862", "test"))).toBeUndefined();
});

test("finds every entry of a version 1 index", () => {
  const names = ["p1", "p2"];
  const keys = Array.from({ length: 50 }, (_, index) => Buffer.concat([Buffer.of(0), Buffer.alloc(16, index * 5)]));
  const packs = 8 + keys.length * 37;
  const entries = keys.map((key, index) => {
    const value = Buffer.alloc(20);
    value.writeUIntBE(1_700_000_000 + index, 0, 6);
    value.writeUInt8(1, 6);
    value.writeUInt8(2, 7);
    value.writeUInt32BE(packs + 2 * (index % 2), 8);
    value.writeUInt32BE((index % 3 === 0 ? 0x8000_0000 : 0) + index * 1000, 12);
    value.writeUInt32BE(100 + index, 16);
    return Buffer.concat([key, value]);
  });
  const header = Buffer.from("0111001400000032", "hex");
  const index = parseIndexBlob(Buffer.concat([header, ...entries, Buffer.from(names.join(""))]), "n1");
  keys.forEach((key, position) => {
    expect(index.find(key)).toEqual({
      packBlob: names[position % 2],
      packOffset: position * 1000,
      packedLength: 100 + position,
      originalLength: 72 + position,
      timestamp: 1_700_000_000 + position,
      deleted: position % 3 === 0,
      compression: 0,
    });
  });
  expect(index.find(Buffer.alloc(17, 1))).toBeUndefined();
});

test("whatever the bytes say, only named errors come out", () => {
  const key = contentKeyFromText(ID, "test");
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(REAL.length - 1), fc.nat(255)), { minLength: 1 }),
      fc.nat(REAL.length),
      (changes, length) => {
        const damaged = Buffer.from(REAL);
        for (const [offset, value] of changes) damaged[offset] = value;
        try {
          const index = parseIndexBlob(damaged.subarray(0, length), "xn0_1");
          index.find(key);
          for (const _key of index.keysWithPrefix(0x6d)) break;
        } catch (error) {
          expect(error).toBeInstanceOf(VmfrError);
        }
      },
    ),
  );
});
