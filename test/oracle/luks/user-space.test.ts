import { execFileSync } from "node:child_process";
import { copyFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { temporaryDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { qemuImg } from "../image/qemu.ts";
import { keyRing, withContainer } from "./open-container.ts";

/** Encrypted by cryptsetup and QEMU themselves, from bytes that are known, without a kernel's device mapper. */
beforeAll(() => requireDebianPackages("cryptsetup-bin", "qemu-utils"));

const MiB = 1024 * 1024;
const SIZE = 8 * MiB;
/** What encryption in place gives up at the end: half for the header, half to work with. */
const REDUCED = 4 * MiB;
const PASSPHRASE = "geheim";
const { path: directory, remove } = temporaryDirectory();
const passphraseFile = path.join(directory, "passphrase");
const plaintext = Buffer.from(Array.from({ length: SIZE / 8 }, (_, line) => `${line}\n`.padStart(8)).join(""));

beforeAll(() => writeFileSync(passphraseFile, PASSPHRASE));
afterAll(remove);

function cryptsetup(...args: readonly string[]): void {
  const all = [...args, "--batch-mode", "--key-file", passphraseFile];
  execFileSync("cryptsetup", all, { stdio: ["ignore", "ignore", "pipe"] });
}

const QUICK = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"];
const ARGON2ID = ["--pbkdf", "argon2id", "--pbkdf-force-iterations", "4", "--pbkdf-memory", "1024"];
const ARGON2I = [
  "--pbkdf",
  "argon2i",
  "--pbkdf-force-iterations",
  "4",
  "--pbkdf-memory",
  "512",
  "--pbkdf-parallel",
  "3",
];

/** Encrypts the plaintext where it lies, except for its end. */
function encryptInPlace(name: string, ...options: readonly string[]): string {
  const file = path.join(directory, `${name}.img`);
  writeFileSync(file, plaintext);
  cryptsetup("reencrypt", "--encrypt", "--reduce-device-size", `${REDUCED / 512}s`, ...options, file);
  return file;
}

async function expectPlaintext(file: string, ...passphrases: readonly string[]): Promise<void> {
  await withContainer(file, keyRing(...passphrases), async (source, warnings) => {
    expect(warnings).toEqual([]);
    const length = Math.min(source.size, SIZE - REDUCED);
    expect(Buffer.compare(await source.read(0, length), plaintext.subarray(0, length))).toBe(0);
    expect(length).toBe(SIZE - REDUCED);
  });
}

test.each([
  ["argon2id", ARGON2ID],
  ["argon2i-large-sectors", [...ARGON2I, "--sector-size", "4096"]],
  ["pbkdf2-sha512", [...QUICK, "--hash", "sha512"]],
  ["xts-128", [...QUICK, "--cipher", "aes-xts-plain64", "--key-size", "256"]],
  ["cbc-essiv", [...QUICK, "--cipher", "aes-cbc-essiv:sha256", "--key-size", "256"]],
  ["cbc-large-sectors", [...QUICK, "--cipher", "aes-cbc-plain64", "--key-size", "128", "--sector-size", "2048"]],
])("LUKS2 as cryptsetup encrypted it: %s", async (name, options) => {
  await expectPlaintext(encryptInPlace(name, "--type", "luks2", ...options), "wrong", PASSPHRASE);
  tally("LUKS volumes equal to what cryptsetup and QEMU encrypted", 1);
});

test("LUKS2 re-encrypted with another key, and one that is only begun", async () => {
  const file = encryptInPlace("again", "--type", "luks2", ...QUICK);
  const begun = path.join(directory, "begun.img");
  copyFileSync(file, begun);
  cryptsetup("reencrypt", "--force-offline-reencrypt", ...QUICK, file);
  await expectPlaintext(file, PASSPHRASE);
  cryptsetup("reencrypt", "--force-offline-reencrypt", "--init-only", ...QUICK, begun);
  await expect(expectPlaintext(begun, PASSPHRASE)).rejects.toThrow('not supported: requirement "online-reencrypt-v2"');
});

test("a second passphrase, the first one removed, tokens, and keys of other things", async () => {
  const file = encryptInPlace("slots", "--type", "luks2", ...QUICK);
  const second = path.join(directory, "second");
  writeFileSync(second, "another");
  cryptsetup("luksAddKey", ...QUICK, file, second);
  cryptsetup("luksAddKey", "--unbound", "--key-size", "512", ...QUICK, file, second);
  cryptsetup("token", "add", "--key-description", "vmfr-test", "--key-slot", "0", file);
  await expectPlaintext(file, "another");
  execFileSync("cryptsetup", ["luksKillSlot", "--batch-mode", "--key-file", second, file, "0"]);
  await expectPlaintext(file, "another");
  await expect(expectPlaintext(file, PASSPHRASE)).rejects.toThrow("no given passphrase opens it");
});

test("a header apart from its data is refused", async () => {
  for (const type of ["luks1", "luks2"]) {
    const [header, data] = [path.join(directory, `${type}.header`), path.join(directory, `${type}.data`)];
    for (const file of [header, data]) {
      writeFileSync(file, "");
      truncateSync(file, SIZE);
    }
    cryptsetup("luksFormat", "--type", type, ...QUICK, "--header", header, data);
    await expect(expectPlaintext(header, PASSPHRASE)).rejects.toThrow("not supported: header apart from its data");
  }
});

const secret = ["--object", `secret,id=key,data=${PASSPHRASE}`];

/** LUKS1 by QEMU, which has ciphers and hashes of its own. */
function encryptWithQemu(name: string, options: string): string {
  const [file, raw] = [path.join(directory, `${name}.luks`), path.join(directory, "plain.raw")];
  writeFileSync(raw, plaintext);
  const create = ["create", "-q", "-f", "luks", ...secret, "-o", `key-secret=key,iter-time=10,${options}`, file];
  qemuImg(...create, String(SIZE));
  const target = `driver=luks,key-secret=key,file.filename=${file}`;
  qemuImg("convert", "-n", "-f", "raw", ...secret, "--target-image-opts", raw, target);
  return file;
}

test.each([
  "cipher-alg=aes-256,cipher-mode=xts,ivgen-alg=plain64,hash-alg=sha256",
  "cipher-alg=aes-128,cipher-mode=xts,ivgen-alg=plain,hash-alg=sha1",
  "cipher-alg=aes-256,cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=sha256,hash-alg=sha224",
  "cipher-alg=aes-128,cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=sha256,hash-alg=ripemd160",
])("LUKS1 as QEMU encrypted it: %s", async (options) => {
  await expectPlaintext(encryptWithQemu("qemu", options), PASSPHRASE);
  tally("LUKS volumes equal to what cryptsetup and QEMU encrypted", 1);
});

test.each([
  ["cipher-alg=serpent-256,cipher-mode=xts,ivgen-alg=plain64", 'cipher "serpent-xts-plain64"'],
  ["cipher-alg=aes-256,cipher-mode=xts,ivgen-alg=plain64,hash-alg=md5", 'hash "md5"'],
])("LUKS1 by QEMU with %s is refused by name", async (options, reason) => {
  await expect(expectPlaintext(encryptWithQemu("refused", options), PASSPHRASE)).rejects.toThrow(reason);
});
