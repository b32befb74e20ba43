/**
 * Hive files of the Windows registry ("regf", versions 1.3 to 1.6). Integers are little-endian; cell offsets count
 * from the first hive bin, 4096 bytes into the file. There is no specification by Microsoft; this follows the
 * "Windows registry file format specification" by M. Suhanov.
 */
import { Cursor } from "../../../bytes/cursor.ts";
import { LimitError, UnsupportedFeatureError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import { RegistryKey } from "./registry-key.ts";

const BASE_BLOCK = 512;
/** Where hive bins start. */
const BINS = 4096;
const BASE = {
  magic: 0,
  primarySequence: 4,
  secondarySequence: 8,
  major: 20,
  minor: 24,
  root: 36,
  binsSize: 40,
} as const;
const CHECKSUM = 508;
const CELL_HEADER = 4;
/** Bytes; what is read here has less, even lists of subkeys of which there are too many to name. */
const LARGEST_CELL = 2 * 1024 * 1024;

export interface BaseBlock {
  readonly minor: number;
  /** Offset of the root key's cell. */
  readonly root: number;
  /** Bytes of hive bins. */
  readonly binsSize: number;
  /** Windows was writing: what it had not brought into this file yet lies in its log files. */
  readonly isDirty: boolean;
}

/** @throws CorruptDataError, UnsupportedFeatureError for a version other than 1.x */
export function parseBaseBlock(bytes: Uint8Array, name: string): BaseBlock {
  const cursor = new Cursor(bytes, { format: "registry hive", structure: `${name}, base block`, byteOffset: 0 });
  if (cursor.ascii(BASE.magic, 4) !== "regf") throw cursor.corrupt("does not begin with regf");
  if (cursor.u32le(CHECKSUM) !== baseChecksum(cursor)) throw cursor.corrupt("checksum does not match");
  const major = cursor.u32le(BASE.major);
  const minor = cursor.u32le(BASE.minor);
  if (major !== 1) throw new UnsupportedFeatureError("registry hive", [`version ${major}.${minor}`]);
  return {
    minor,
    root: cursor.u32le(BASE.root),
    binsSize: cursor.u32le(BASE.binsSize),
    isDirty: cursor.u32le(BASE.primarySequence) !== cursor.u32le(BASE.secondarySequence),
  };
}

/** Exclusive or of the 127 words before it; two values are never stored. */
function baseChecksum(cursor: Cursor): number {
  let checksum = 0;
  for (let offset = 0; offset < CHECKSUM; offset += 4) checksum ^= cursor.u32le(offset);
  const unsigned = checksum >>> 0;
  if (unsigned === 0) return 1;
  return unsigned === 0xffff_ffff ? 0xffff_fffe : unsigned;
}

/** One hive, read where it is asked: a SOFTWARE hive has a hundred megabytes, of which a few kilobytes matter here. */
export class RegistryHive {
  readonly name: string;
  readonly base: BaseBlock;
  readonly #source: ByteSource;
  readonly #end: number;

  private constructor(name: string, source: ByteSource, base: BaseBlock) {
    this.name = name;
    this.base = base;
    this.#source = source;
    this.#end = Math.min(base.binsSize, source.size - BINS);
  }

  /**
   * @param name for messages: `SYSTEM`
   * @param source best one that keeps what was read: most reads are of a few bytes. Stays the caller's to close.
   * @throws CorruptDataError, UnsupportedFeatureError, SourceError
   */
  static async open(name: string, source: ByteSource, signal?: AbortSignal): Promise<RegistryHive> {
    const first = await source.read(0, Math.min(BASE_BLOCK, source.size), signal);
    return new RegistryHive(name, source, parseBaseBlock(first, name));
  }

  /** Bytes of hive bins that are there. */
  get size(): number {
    return this.#end;
  }

  /** @throws CorruptDataError, SourceError */
  root(signal?: AbortSignal): Promise<RegistryKey> {
    return RegistryKey.read(this, this.base.root, undefined, signal);
  }

  /** The key of that path below the root, whatever the case of its names; undefined when there is none. */
  async key(path: string, signal?: AbortSignal): Promise<RegistryKey | undefined> {
    let key: RegistryKey | undefined = await this.root(signal);
    for (const name of path.split("\\")) {
      key = await key?.subkey(name, signal);
    }
    return key;
  }

  /**
   * What is in the cell, without its header.
   * @param what the structure that should be there, for messages
   * @throws CorruptDataError when it lies outside the bins, is free, or has fewer than `atLeast` bytes
   */
  async cell(offset: number, what: string, atLeast: number, signal?: AbortSignal): Promise<Cursor> {
    const place = { format: "registry hive", structure: `${this.name}, ${what}`, byteOffset: BINS + offset };
    const header = new Cursor(
      offset + CELL_HEADER <= this.#end
        ? await this.#source.read(BINS + offset, CELL_HEADER, signal)
        : new Uint8Array(0),
      place,
    );
    if (header.length === 0) throw header.corrupt("lies outside the hive");
    const size = -header.i32le(0);
    if (size <= 0) throw header.corrupt("its cell is free");
    const length = size - CELL_HEADER;
    if (offset + size > this.#end) throw header.corrupt(`its cell of ${size} bytes leaves the hive`);
    if (length > LARGEST_CELL) throw new LimitError("registryCell", LARGEST_CELL, `${this.name}, ${what}`);
    if (length < atLeast) throw header.corrupt(`its cell of ${size} bytes is too short`);
    return new Cursor(await this.#source.read(BINS + offset + CELL_HEADER, length, signal), place);
  }
}
