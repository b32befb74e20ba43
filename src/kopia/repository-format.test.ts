import { createCipheriv } from "node:crypto";
import { expect, test } from "vitest";
import { UnsupportedFeatureError } from "../errors.ts";
import { deriveFormatKey, deriveKey } from "./key-derivation.ts";
import { openRepositoryFormat } from "./repository-format.ts";

const PASSWORD = "password";
const uniqueId = Buffer.alloc(32, 7);

const FORMAT = {
  version: 3,
  hash: "BLAKE2B-256-128",
  encryption: "AES256-GCM-HMAC-SHA256",
  secret: Buffer.alloc(32, 1).toString("base64"),
  masterKey: Buffer.alloc(32, 2).toString("base64"),
  epochParameters: { Enabled: true },
};

/** `kopia.repository` with this configuration sealed inside. */
async function seal(configuration: unknown): Promise<Buffer> {
  const key = await deriveFormatKey("scrypt-65536-8-1", PASSWORD, uniqueId);
  const nonce = Buffer.alloc(12, 9);
  const cipher = createCipheriv("aes-256-gcm", deriveKey(key, uniqueId, "AES"), nonce);
  cipher.setAAD(deriveKey(key, uniqueId, "CHECKSUM"));
  const text = Buffer.from(JSON.stringify(configuration));
  const sealed = Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  const envelope = { keyAlgo: "scrypt-65536-8-1", encryption: "AES256_GCM", uniqueID: uniqueId.toString("base64") };
  return Buffer.from(JSON.stringify({ ...envelope, encryptedBlockFormat: sealed.toString("base64") }));
}

const open = async (format: unknown) => await openRepositoryFormat(await seal({ format }), PASSWORD, "repository");

test("a configuration", async () => {
  expect(await open(FORMAT)).toMatchObject({
    version: 3,
    hash: "BLAKE2B-256-128",
    encryption: "AES256-GCM-HMAC-SHA256",
    epochs: true,
    warnings: [],
  });
  expect(await open({ ...FORMAT, version: 1, epochParameters: undefined })).toMatchObject({
    version: 1,
    epochs: false,
  });
});

test.each([
  ["a newer format", { version: 4 }, "repository format version 4"],
  [
    "error correction",
    { ecc: "REED-SOLOMON-CRC32", eccOverheadPercent: 10 },
    "error correction (ECC REED-SOLOMON-CRC32)",
  ],
  ["an unknown required feature", { requiredFeatures: [{ feature: "time-travel" }] }, "required feature time-travel"],
])("%s is refused by name", async (_name, change, message) => {
  const refused = open({ ...FORMAT, ...change });
  await expect(refused).rejects.toThrow(UnsupportedFeatureError);
  await expect(refused).rejects.toThrow(message);
});

test("what does not stop a reader is a warning", async () => {
  const { warnings } = await open({
    ...FORMAT,
    upgradeLock: { ownerID: "admin@host", creationTime: "2026-01-01T00:00:00Z" },
    requiredFeatures: [{ feature: "index-v2" }, { feature: "extra", ifNotUnderstood: { warn: true } }],
  });
  expect(warnings).toEqual([
    "an upgrade of the repository was begun by admin@host; new backups may not be visible yet",
    "the repository uses the feature extra, which this version does not know; it is marked as safe to ignore",
  ]);
});

test.each(["", "no JSON", "[]", "{}", '{"uniqueID":7}'])("not a format blob: %j", async (text) => {
  await expect(openRepositoryFormat(Buffer.from(text), PASSWORD, "repository")).rejects.toThrow(
    /^kopia: kopia.repository: /,
  );
});
