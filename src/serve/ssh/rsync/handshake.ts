/** Agreement on the protocol's version and its variants, before anything is framed; compat.c. */
import { randomInt } from "node:crypto";
import { ConfigError } from "../../../errors.ts";
import { CHECKSUM_NAMES, type Checksum, type ChecksumName, createChecksum } from "./checksum.ts";
import { type CompressionName, supportedCompressions } from "./compression.ts";
import { CompatibilityFlag, NEWEST_PROTOCOL, OLDEST_PROTOCOL } from "./protocol.ts";
import type { ServerOptions } from "./server-options.ts";
import type { WireReader } from "./wire-reader.ts";
import type { WireWriter } from "./wire-writer.ts";

/** What both sides do from here on. */
export interface Agreement {
  readonly version: number;
  readonly isIncremental: boolean;
  readonly hasVarintFlags: boolean;
  /** Errors are told at the end of each file list. */
  readonly hasSafeFileList: boolean;
  readonly hasXattrOptimization: boolean;
  readonly hasId0Names: boolean;
  /** Of blocks and of files as they are sent. */
  readonly transferChecksum: Checksum;
  /** Of files for `--checksum`. */
  readonly contentChecksum: Checksum;
  readonly compression: CompressionName;
}

const LONGEST_NEGOTIATION = 255;

/** @throws ConfigError for a client too old, or one that there is no common checksum or compression with. */
export async function shakeHands(reader: WireReader, writer: WireWriter, options: ServerOptions): Promise<Agreement> {
  writer.int32(NEWEST_PROTOCOL);
  const theirs = await reader.int32();
  if (theirs < OLDEST_PROTOCOL || theirs > 255) {
    throw new ConfigError(`rsync: protocol version ${theirs} is not supported; rsync 2.6.0 or later is needed`);
  }
  const version = Math.min(theirs, NEWEST_PROTOCOL);
  writer.version = version;
  reader.version = version;
  if (version < 30 && (options.acls || options.xattrs)) {
    throw new ConfigError(`rsync: -A and -X need protocol version 30, this is ${version}`);
  }
  const flags = version >= 30 ? compatibilityFlags(options) : 0;
  // Clients of some pre-release expect the flags in one byte.
  if (version >= 30 && options.capabilities.includes("V")) writer.byte(flags & 0xff);
  else if (version >= 30) writer.varint(flags);
  const has = (flag: number) => (flags & flag) !== 0;
  const names = await negotiate(reader, writer, options, version, has(CompatibilityFlag.VARINT_FLIST_FLAGS));
  const seed = options.checksumSeed === 0 ? randomInt(1, 0x7fff_ffff) : options.checksumSeed;
  writer.int32(seed);
  const checksumSeed = { seed, isSeedFirst: has(CompatibilityFlag.CHECKSUM_SEED_FIX) };
  return {
    version,
    isIncremental: has(CompatibilityFlag.INCREMENTAL_RECURSION),
    hasVarintFlags: has(CompatibilityFlag.VARINT_FLIST_FLAGS),
    hasSafeFileList: has(CompatibilityFlag.SAFE_FILE_LIST) || version >= 31,
    hasXattrOptimization: version >= 31 && !has(CompatibilityFlag.AVOID_XATTR_OPTIMIZATION),
    hasId0Names: has(CompatibilityFlag.ID0_NAMES),
    transferChecksum: await createChecksum(names.transfer, checksumSeed),
    contentChecksum: await createChecksum(names.content, checksumSeed),
    compression: names.compression,
  };
}

function compatibilityFlags(options: ServerOptions): number {
  const can = (letter: string, flag: number) => (options.capabilities.includes(letter) ? flag : 0);
  // With -R directories of several arguments interleave; one list for everything is simpler and as good.
  const isIncremental = options.recursive && !options.relative && options.filesFrom === undefined;
  return (
    (isIncremental ? can("i", CompatibilityFlag.INCREMENTAL_RECURSION) : 0) |
    CompatibilityFlag.SYMLINK_TIMES |
    can("f", CompatibilityFlag.SAFE_FILE_LIST) |
    can("x", CompatibilityFlag.AVOID_XATTR_OPTIMIZATION) |
    can("C", CompatibilityFlag.CHECKSUM_SEED_FIX) |
    can("u", CompatibilityFlag.ID0_NAMES) |
    can("v", CompatibilityFlag.VARINT_FLIST_FLAGS) |
    can("V", CompatibilityFlag.VARINT_FLIST_FLAGS)
  );
}

interface AgreedNames {
  readonly transfer: ChecksumName;
  readonly content: ChecksumName;
  readonly compression: CompressionName;
}

async function negotiate(
  reader: WireReader,
  writer: WireWriter,
  options: ServerOptions,
  version: number,
  isPossible: boolean,
): Promise<AgreedNames> {
  const checksums = CHECKSUM_NAMES;
  const compressions = supportedCompressions();
  const isChecksumOpen = options.checksumChoice === undefined;
  const isCompressionOpen = options.compress && options.compressChoice === undefined;
  const automatic: ChecksumName = version >= 30 ? "md5" : "md4-old";
  let [transfer, content] = chosenChecksums(options.checksumChoice, automatic);
  let compression = chosenCompression(options, compressions);
  if (isPossible) {
    if (isChecksumOpen) writer.vstring(Buffer.from(checksums.join(" ")));
    if (isCompressionOpen) writer.vstring(Buffer.from(compressions.join(" ")));
    if (isChecksumOpen) {
      transfer = firstCommon("checksum", await reader.vstring(LONGEST_NEGOTIATION), checksums);
      content = transfer;
    }
    if (isCompressionOpen) {
      compression = firstCommon("compression", await reader.vstring(LONGEST_NEGOTIATION), compressions);
    }
  }
  return { transfer, content, compression };
}

function chosenChecksums(choice: string | undefined, automatic: ChecksumName): [ChecksumName, ChecksumName] {
  const [transfer = "auto", content = transfer] = (choice ?? "auto").toLowerCase().split(",");
  const named = (name: string): ChecksumName => {
    if (name === "auto") return automatic;
    const known = CHECKSUM_NAMES.find((supported) => supported === (name === "xxhash" ? "xxh64" : name));
    if (known === undefined) throw new ConfigError(`rsync: checksum ${name.slice(0, 40)} is not supported`);
    return known;
  };
  return [named(transfer), named(content)];
}

function chosenCompression(options: ServerOptions, supported: readonly CompressionName[]): CompressionName {
  if (!options.compress) return "none";
  const wanted = options.compressChoice ?? "zlib";
  const name = supported.find((candidate) => candidate === wanted);
  if (name === undefined) throw new ConfigError(`rsync: compression ${wanted.slice(0, 40)} is not supported here`);
  return name;
}

/** The client takes the first of its own list that it finds in ours; so do we. */
function firstCommon<Name extends string>(what: string, list: Uint8Array, supported: readonly Name[]): Name {
  const theirs = Buffer.from(list).toString("latin1").toLowerCase().split(" ");
  for (const name of theirs) {
    const common = supported.find((candidate) => candidate === (name === "xxhash" ? "xxh64" : name));
    if (common !== undefined) return common;
  }
  throw new ConfigError(`rsync: no common ${what}; this server has ${supported.join(", ")}`);
}
