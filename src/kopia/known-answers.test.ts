/** Fixed inputs and outputs of every derivation, computed apart from this code. */
import { expect, test } from "vitest";
import { ContentEncryption } from "./content-encryption.ts";
import { createContentHash } from "./content-hash.ts";
import { deriveFormatKey, deriveKey } from "./key-derivation.ts";
import { openRepositoryFormat } from "./repository-format.ts";

const counting = (start: number) => Uint8Array.from({ length: 32 }, (_, index) => start + index);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytes = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

const uniqueId = counting(0x00);
const masterKey = counting(0x20);
const secret = counting(0x40);
const PASSWORD = "static-passw0rd";
const TEXT = Buffer.from("hello kubevirt\n");

test("format keys", async () => {
  const key = await deriveFormatKey("scrypt-65536-8-1", PASSWORD, uniqueId);
  expect(hex(key)).toBe("ffe609844d93eddf89ad495da77bd83e8cec100e27b03a6257d505de6e36094d");
  expect(hex(deriveKey(key, uniqueId, "AES"))).toBe("40b4dbe53119dcba4a63bfdcda08da6f0c89041d64355962e8a2076796626bc2");
  expect(hex(deriveKey(key, uniqueId, "CHECKSUM"))).toBe(
    "d0d652b890ca4d62b340f8466bb95997f7a4a61a1c005a5c7153601dea229045",
  );
  expect(hex(await deriveFormatKey("pbkdf2-sha256-600000", PASSWORD, uniqueId))).toBe(
    "518d6d7b82de0409ec8e6ac75d7c8bbffc679b706969d9122bf26bfdccaa034b",
  );
  await expect(deriveFormatKey("md5", PASSWORD, uniqueId)).rejects.toThrow("kopia: not supported: key derivation md5");
});

function formatBlob(): Buffer {
  return Buffer.from(
    JSON.stringify({
      uniqueID: Buffer.from(uniqueId).toString("base64"),
      keyAlgo: "scrypt-65536-8-1",
      encryption: "AES256_GCM",
      encryptedBlockFormat: "sLGys7S1tre4ubq7mOv+P1Y9rzcnsqs4e5aRVzcqfJMmhSlcC+Hb4HU7BWZ7qSeiOd3VTA==",
    }),
  );
}

test("the format block opens with the password, and with no other", async () => {
  // It holds a version and nothing else: that is noticed behind the decryption.
  await expect(openRepositoryFormat(formatBlob(), PASSWORD, "repository")).rejects.toThrow(
    'field "hash" is not a text',
  );
  const refused = openRepositoryFormat(formatBlob(), "guess", "repository");
  await expect(refused).rejects.toThrow(/^repository: the repository password is wrong/);
  await expect(refused).rejects.not.toThrow("guess");
});

test.each([
  ["BLAKE2B-256", TEXT, "ed3e79c28339c4c3a374970850e5bb6c1c718e377ad7a664eac2c150021760f5"],
  ["BLAKE2B-256-128", TEXT, "ed3e79c28339c4c3a374970850e5bb6c"],
  ["BLAKE2B-256-128", Buffer.alloc(0), "67d102b539e87f5bebb4503c87ebc993"],
  ["BLAKE2B-256-128", Buffer.alloc(2 * 1024 * 1024), "93fad06bc0266dfbedf4211b7a8c6f61"],
])("content hash %s", async (algorithm, plaintext, expected) => {
  const hash = await createContentHash(algorithm, secret);
  expect(hex(hash(plaintext))).toBe(expected);
  expect(hex(hash(plaintext))).toBe(expected);
});

test.each([
  [
    "AES256-GCM-HMAC-SHA256",
    "a0a1a2a3a4a5a6a7a8a9aaab 873024327c5b1742d3fd08352dcbc7 5cbc2e5ae3e26a29cb934a751b43c6f2",
  ],
  [
    "CHACHA20-POLY1305-HMAC-SHA256",
    "a0a1a2a3a4a5a6a7a8a9aaab 11b3520b3d7a29b0648eefbd1b8871 9adf8d38353cc1ed1012cd93e1ca9f33",
  ],
])("%s opens what was sealed, and notices every flipped bit", (algorithm, stored) => {
  const encryption = new ContentEncryption(algorithm, masterKey);
  const hash = bytes("ed3e79c28339c4c3a374970850e5bb6c");
  expect(encryption.open(bytes(stored), hash)?.toString()).toBe("hello kubevirt\n");
  for (let bit = 0; bit < 8 * bytes(stored).length; bit++) {
    const damaged = bytes(stored);
    damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(encryption.open(damaged, hash)).toBeUndefined();
  }
  for (let length = 0; length < bytes(stored).length; length++) {
    expect(encryption.open(bytes(stored).subarray(0, length), hash)).toBeUndefined();
  }
});
