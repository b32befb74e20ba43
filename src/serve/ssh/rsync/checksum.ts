/** The strong checksums rsync's clients ask for, and where each of them takes the seed; checksum.c. */
import { createHash } from "node:crypto";

/** In rsync's own order of preference. `md4-old` is what versions before 30 use. */
export const CHECKSUM_NAMES = ["xxh128", "xxh3", "xxh64", "md5", "md4", "sha1", "none"] as const;
export type ChecksumName = (typeof CHECKSUM_NAMES)[number] | "md4-old";

export interface RunningChecksum {
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

export interface Checksum {
  /** Bytes of a digest. */
  readonly length: number;
  /** Of a block, with the seed. */
  ofBlock(block: Uint8Array): Uint8Array;
  /** Of a file as it is sent. */
  ofTransfer(): RunningChecksum;
  /** Of a file's content alone, as `--checksum` compares it. */
  ofContent(): RunningChecksum;
}

export interface ChecksumSeed {
  /** Signed 32 bits; 0 for none. */
  readonly seed: number;
  /** MD5 takes the seed before the data, as clients since 3.1.0 ask; else behind. */
  readonly isSeedFirst: boolean;
}

export async function createChecksum(name: ChecksumName, seed: ChecksumSeed): Promise<Checksum> {
  switch (name) {
    case "xxh128":
    case "xxh3":
    case "xxh64":
      return xxhash(name, seed.seed);
    case "md5":
      return digestChecksum("md5", 16, seed.seed, seed.isSeedFirst);
    case "sha1":
      return digestChecksum("sha1", 20, seed.seed, true);
    case "md4":
      return md4(seed.seed, false);
    case "md4-old":
      return md4(seed.seed, true);
    case "none":
      return { length: 1, ofBlock: () => Uint8Array.of(0), ofTransfer: noChecksum, ofContent: noChecksum };
  }
}

function noChecksum(): RunningChecksum {
  return { update: () => undefined, digest: () => Uint8Array.of(0) };
}

function seedBytes(seed: number): Buffer {
  const bytes = Buffer.alloc(seed === 0 ? 0 : 4);
  if (seed !== 0) bytes.writeInt32LE(seed, 0);
  return bytes;
}

function digestChecksum(algorithm: "md5" | "sha1", length: number, seed: number, isSeedFirst: boolean): Checksum {
  const prefix = isSeedFirst ? seedBytes(seed) : Buffer.alloc(0);
  const suffix = isSeedFirst ? Buffer.alloc(0) : seedBytes(seed);
  const running = (): RunningChecksum => {
    const hash = createHash(algorithm);
    return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() };
  };
  return {
    length,
    ofBlock: (block) => createHash(algorithm).update(prefix).update(block).update(suffix).digest(),
    ofTransfer: running,
    ofContent: running,
  };
}

/** xxHash takes the seed as 64 bits and is sent lowest byte first, the lower half of 128 bits before the higher. */
async function xxhash(name: "xxh128" | "xxh3" | "xxh64", seed: number): Promise<Checksum> {
  const { createXXHash128, createXXHash3, createXXHash64 } = await import("hash-wasm");
  const create = { xxh128: createXXHash128, xxh3: createXXHash3, xxh64: createXXHash64 }[name];
  const high = seed < 0 ? 0xffff_ffff : 0;
  const [block, content] = await Promise.all([create(seed >>> 0, high), create(0, 0)]);
  const running = (): RunningChecksum => {
    content.init();
    return { update: (bytes) => void content.update(bytes), digest: () => content.digest("binary").reverse() };
  };
  return {
    length: name === "xxh128" ? 16 : 8,
    ofBlock: (bytes) => block.init().update(bytes).digest("binary").reverse(),
    ofTransfer: running,
    ofContent: running,
  };
}

/** @param isOld versions before 30 begin a file's checksum with the seed. */
async function md4(seed: number, isOld: boolean): Promise<Checksum> {
  const { createMD4 } = await import("hash-wasm");
  const [block, content] = await Promise.all([createMD4(), createMD4()]);
  const suffix = seedBytes(seed);
  const running = (prefix: Uint8Array): RunningChecksum => {
    content.init().update(prefix);
    return { update: (bytes) => void content.update(bytes), digest: () => content.digest("binary") };
  };
  const oldPrefix = Buffer.alloc(4);
  oldPrefix.writeInt32LE(seed, 0);
  return {
    length: 16,
    ofBlock: (bytes) => block.init().update(bytes).update(suffix).digest("binary"),
    ofTransfer: () => running(isOld ? oldPrefix : Buffer.alloc(0)),
    ofContent: () => running(Buffer.alloc(0)),
  };
}
