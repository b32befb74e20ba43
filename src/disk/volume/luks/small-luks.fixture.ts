/** LUKS volumes for tests, small enough to be made in memory, with OpenSSL's own XTS. */
import { createCipheriv, createHash, pbkdf2Sync } from "node:crypto";

export const PASSPHRASE = Buffer.from("correct horse");
const SALT = Buffer.alloc(32, 0x5a);
const ITERATIONS = 10;
const STRIPES = 4000;
const SECTOR = 512;
/** Of AES-256 in XTS. */
export const VOLUME_KEY = Buffer.from(Array.from({ length: 64 }, (_, index) => index * 3 + 1));

const derive = (secret: Uint8Array, length: number): Buffer => pbkdf2Sync(secret, SALT, ITERATIONS, length, "sha256");

export function encryptXts(key: Uint8Array, plaintext: Uint8Array, sectorSize: number, firstIv = 0): Buffer {
  const sectors: Buffer[] = [];
  for (let offset = 0; offset < plaintext.length; offset += sectorSize) {
    const iv = Buffer.alloc(16);
    iv.writeBigUInt64LE(BigInt(firstIv + offset / 512));
    const cipher = createCipheriv(`aes-${key.length * 4}-xts`, key, iv);
    sectors.push(cipher.update(plaintext.subarray(offset, offset + sectorSize)), cipher.final());
  }
  return Buffer.concat(sectors);
}

/** The volume's key over 4000 stripes, encrypted with what the passphrase derives to. */
function keyMaterial(): Buffer {
  const stripes = Buffer.from(Array.from({ length: VOLUME_KEY.length * STRIPES }, (_, index) => (index * 7) % 251));
  let folded = Buffer.alloc(VOLUME_KEY.length);
  const exclusiveOr = (stripe: Uint8Array) =>
    Buffer.from(folded.map((byte, index) => byte ^ (stripe[index] as number)));
  for (let stripe = 0; stripe < STRIPES - 1; stripe++) {
    const mixed = exclusiveOr(stripes.subarray(stripe * VOLUME_KEY.length, (stripe + 1) * VOLUME_KEY.length));
    const halves = [0, 1].map((half) => {
      const piece = mixed.subarray(half * 32, (half + 1) * 32);
      return createHash("sha256")
        .update(Buffer.from([0, 0, 0, half]))
        .update(piece)
        .digest();
    });
    folded = Buffer.concat(halves);
  }
  stripes.set(exclusiveOr(VOLUME_KEY), (STRIPES - 1) * VOLUME_KEY.length);
  return encryptXts(derive(PASSPHRASE, 64), stripes, SECTOR);
}

let material: Buffer | undefined;

/** @param payload whole sectors */
export function luks1Image(payload: Uint8Array): Buffer {
  const header = Buffer.alloc(512 * SECTOR);
  header.write("LUKS\xba\xbe", 0, "latin1");
  header.writeUInt16BE(1, 6);
  header.write("aes", 8);
  header.write("xts-plain64", 40);
  header.write("sha256", 72);
  header.writeUInt32BE(512, 104);
  header.writeUInt32BE(VOLUME_KEY.length, 108);
  derive(VOLUME_KEY, 20).copy(header, 112);
  SALT.copy(header, 132);
  header.writeUInt32BE(ITERATIONS, 164);
  header.write("f0d5a2c7-7c0e-4c62-9d8a-0123456789ab", 168);
  for (let slot = 0; slot < 8; slot++) {
    const at = 208 + slot * 48;
    header.writeUInt32BE(slot === 0 ? 0x00ac71f3 : 0x0000dead, at);
    header.writeUInt32BE(ITERATIONS, at + 4);
    SALT.copy(header, at + 8);
    header.writeUInt32BE(8, at + 40);
    header.writeUInt32BE(STRIPES, at + 44);
  }
  material ??= keyMaterial();
  material.copy(header, 8 * SECTOR);
  return Buffer.concat([header, encryptXts(VOLUME_KEY, payload, SECTOR)]);
}

const HEADER_SIZE = 16_384;
const SEGMENT = 512 * 1024;

export interface Luks2ImageOptions {
  readonly sectorSize?: number;
  /** Number of the first sector's IV. */
  readonly firstIv?: number;
  /** Changes the metadata's text before its checksum is made. */
  readonly edit?: (json: string) => string;
  /** Of the first and the second copy. */
  readonly sequences?: readonly [number, number];
}

/** @param payload whole sectors */
export function luks2Image(payload: Uint8Array, options: Luks2ImageOptions = {}): Buffer {
  const { sectorSize = 512, firstIv = 0, edit = (json) => json, sequences = [3, 3] } = options;
  const header = Buffer.alloc(SEGMENT);
  const json = edit(JSON.stringify(metadata(sectorSize, firstIv)));
  luks2Copy(json, 0, sequences[0]).copy(header, 0);
  luks2Copy(json, HEADER_SIZE, sequences[1]).copy(header, HEADER_SIZE);
  material ??= keyMaterial();
  material.copy(header, 2 * HEADER_SIZE);
  return Buffer.concat([header, encryptXts(VOLUME_KEY, payload, sectorSize, firstIv)]);
}

function luks2Copy(json: string, offset: number, sequence: number): Buffer {
  const copy = Buffer.alloc(HEADER_SIZE);
  copy.write(offset === 0 ? "LUKS\xba\xbe" : "SKUL\xba\xbe", 0, "latin1");
  copy.writeUInt16BE(2, 6);
  copy.writeBigUInt64BE(BigInt(HEADER_SIZE), 8);
  copy.writeBigUInt64BE(BigInt(sequence), 16);
  copy.write("sha256", 72);
  copy.write("f0d5a2c7-7c0e-4c62-9d8a-0123456789ab", 168);
  copy.writeBigUInt64BE(BigInt(offset), 256);
  copy.write(json, 4096);
  createHash("sha256").update(copy).digest().copy(copy, 448);
  return copy;
}

function metadata(sectorSize: number, firstIv: number): object {
  const salt = SALT.toString("base64");
  const keyslot = {
    type: "luks2",
    key_size: 64,
    af: { type: "luks1", stripes: STRIPES, hash: "sha256" },
    area: { type: "raw", offset: String(2 * HEADER_SIZE), size: "258048", encryption: "aes-xts-plain64", key_size: 64 },
    kdf: { type: "pbkdf2", hash: "sha256", iterations: ITERATIONS, salt },
  };
  const segment = {
    type: "crypt",
    offset: String(SEGMENT),
    size: "dynamic",
    iv_tweak: String(firstIv),
    encryption: "aes-xts-plain64",
    sector_size: sectorSize,
  };
  const digest = { type: "pbkdf2", keyslots: ["0"], segments: ["0"], hash: "sha256", iterations: ITERATIONS, salt };
  return {
    keyslots: { "0": keyslot },
    tokens: {},
    segments: { "0": segment },
    digests: { "0": { ...digest, digest: derive(VOLUME_KEY, 32).toString("base64") } },
    config: { json_size: "12288", keyslots_size: "258048" },
  };
}
