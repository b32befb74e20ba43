import { expect, test } from "vitest";
import { directoryHash } from "./directory-hash.ts";

const RULES = {
  // 00112233-4455-6677-8899-aabbccddeeff as four little-endian words
  seed: [0x33221100, 0x77665544, 0xbbaa9988, 0xffeeddcc],
  unsigned: false,
  defaultVersion: 1,
};

/** What debugfs says: `dx_hash -h ALGORITHM -s UUID NAME`. */
const BY_DEBUGFS: readonly [string, number, number, number][] = [
  ["hello", 0, 0x32252546, 0x0],
  ["hello", 1, 0x344ca36e, 0x2ef16de2],
  ["hello", 2, 0x9e019d48, 0xb0a99d55],
  ["a much longer name than thirty-two bytes of input", 0, 0xcab93248, 0x0],
  ["a much longer name than thirty-two bytes of input", 1, 0x6eeea66e, 0x72f0b6b5],
  ["a much longer name than thirty-two bytes of input", 2, 0x5b105144, 0x402706e5],
  ["café", 0, 0x96ca5a2c, 0x0],
  ["café", 1, 0x5de1249a, 0xe530df75],
  ["café", 2, 0x643516dc, 0x87a2cff9],
];

test.each(BY_DEBUGFS)("%s by version %i", (name, version, major, minor) => {
  expect(directoryHash(Buffer.from(name), version, RULES)).toEqual({ major, minor });
});

test("the unsigned versions differ for bytes above 127 only, and by superblock flag", () => {
  const [plain, accented] = [Buffer.from("hello"), Buffer.from("café")];
  expect(directoryHash(plain, 4, RULES)).toEqual(directoryHash(plain, 1, RULES));
  expect(directoryHash(accented, 4, RULES)).not.toEqual(directoryHash(accented, 1, RULES));
  expect(directoryHash(accented, 1, { ...RULES, unsigned: true })).toEqual(directoryHash(accented, 4, RULES));
});

test("SipHash needs a key nobody has", () => {
  expect(directoryHash(Buffer.from("hello"), 6, RULES)).toBeUndefined();
});
