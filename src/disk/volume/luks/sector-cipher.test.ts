import { createCipheriv, createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MemorySource } from "../../../source/memory-source.ts";
import { DecryptingSource } from "./decrypting-source.ts";
import { parseEncryption } from "./encryption.ts";
import { encryptXts } from "./small-luks.fixture.ts";

const key = (bytes: number): Buffer => Buffer.from(Array.from({ length: bytes }, (_, index) => 200 - index));
const plaintext = Buffer.from(Array.from({ length: 64 * 1024 }, (_, index) => (index * index) % 253));

function encryptCbc(secret: Uint8Array, sectorSize: number, firstIv: number, ivOf: (number: Buffer) => Buffer): Buffer {
  const sectors: Buffer[] = [];
  for (let offset = 0; offset < plaintext.length; offset += sectorSize) {
    const number = Buffer.alloc(16);
    number.writeBigUInt64LE(BigInt(firstIv + offset / 512));
    const cipher = createCipheriv(`aes-${secret.length * 8}-cbc`, secret, ivOf(number)).setAutoPadding(false);
    sectors.push(cipher.update(plaintext.subarray(offset, offset + sectorSize)), cipher.final());
  }
  return Buffer.concat(sectors);
}

/** Beyond 32 bits, so that both halves of the number count. */
const FIRST_IV = 2 ** 32 - 24;

test.each([
  [32, 512],
  [64, 512],
  [32, 4096],
  [64, 4096],
  [64, 1024],
])("aes-xts-plain64 with a key of %i bytes and sectors of %i as OpenSSL's", (keySize, sectorSize) => {
  const cipher = parseEncryption("aes-xts-plain64").withKey(key(keySize), sectorSize);
  const ciphertext = encryptXts(key(keySize), plaintext, sectorSize, FIRST_IV);
  expect(Buffer.compare(cipher.decrypt(ciphertext, FIRST_IV), plaintext)).toBe(0);
  // As a cache may hand it out, at any place of a larger buffer.
  const shifted = Buffer.concat([Buffer.alloc(3), ciphertext]).subarray(3);
  expect(Buffer.compare(cipher.decrypt(shifted, FIRST_IV), plaintext)).toBe(0);
});

test.each([16, 24, 32])("aes-cbc with a key of %i bytes: plain64 and ESSIV", (keySize) => {
  const secret = key(keySize);
  const plain = parseEncryption("aes-cbc-plain64").withKey(secret, 1024);
  const ciphertext = encryptCbc(secret, 1024, FIRST_IV, (number) => number);
  expect(Buffer.compare(plain.decrypt(ciphertext, FIRST_IV), plaintext)).toBe(0);
  const essiv = parseEncryption("aes-cbc-essiv:sha256").withKey(secret, 512);
  const salt = createHash("sha256").update(secret).digest();
  const ivOf = (number: Buffer) => createCipheriv("aes-256-ecb", salt, null).update(number);
  expect(Buffer.compare(essiv.decrypt(encryptCbc(secret, 512, FIRST_IV, ivOf), FIRST_IV), plaintext)).toBe(0);
});

test("plain counts in 32 bits", () => {
  const cipher = parseEncryption("aes-xts-plain").withKey(key(64), 512);
  const parts = [
    encryptXts(key(64), plaintext.subarray(0, 24 * 512), 512, FIRST_IV),
    encryptXts(key(64), plaintext.subarray(24 * 512), 512, 0),
  ];
  expect(Buffer.compare(cipher.decrypt(Buffer.concat(parts), FIRST_IV), plaintext)).toBe(0);
});

test("a decrypting source reads any range", async () => {
  const long = Buffer.concat(Array.from({ length: 9 }, () => plaintext));
  const encrypted = new MemorySource(encryptXts(key(64), long, 4096, 7));
  const cipher = parseEncryption("aes-xts-plain64").withKey(key(64), 4096);
  const source = new DecryptingSource(encrypted, cipher, 7);
  const range = fc.tuple(fc.nat(long.length), fc.nat(long.length)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)]);
  await fc.assert(
    fc.asyncProperty(range, async ([start = 0, end = 0]) => {
      expect(Buffer.compare(await source.read(start, end - start), long.subarray(start, end))).toBe(0);
    }),
    { numRuns: 60 },
  );
  await expect(source.read(long.length, 1)).rejects.toThrow("decrypted volume: bytes");
});

test.each([
  "aes-xts-essiv:sha256",
  "aes-cbc-essiv:sha512",
  "aes-cbc-null",
  "aes-xts-plain64be",
  "xchacha20,aes-adiantum-plain64",
  "serpent-xts-plain64",
  "cipher_null-ecb",
  "capi:xts(aes)-plain64",
])("%s is refused by name", (name) => {
  expect(() => parseEncryption(name)).toThrow(`luks: not supported: cipher "${name}"`);
});
