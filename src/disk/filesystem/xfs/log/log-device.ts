import { CachedSource } from "../../../../source/cached-source.ts";
import { SliceSource } from "../../../../source/slice-source.ts";
import { linearBlock, type Volume } from "../volume.ts";
import { LogDamage } from "./log-damage.ts";

/** The log counts in sectors of this many bytes, whatever the disk's are. */
export const BASIC_BLOCK = 512;
const RECORD_MAGIC = 0xfeedbabe;
/** Bytes of the log kept: several of the longest records. */
const CACHE = 4 * 1024 * 1024;

/** The ring of basic blocks that the log is. */
export class LogDevice {
  /** Basic blocks. */
  readonly size: number;
  readonly #source: CachedSource;
  readonly #signal: AbortSignal | undefined;

  /** @throws LogDamage when the log does not lie inside the file system */
  constructor({ superblock, data }: Volume, signal: AbortSignal | undefined) {
    const { log, blockSize } = superblock;
    const start = linearBlock(superblock, log.start, log.blocks);
    const end = ((start ?? 0) + log.blocks) * blockSize;
    if (start === undefined || log.blocks === 0 || end > data.size)
      throw new LogDamage(0, "it lies outside the file system");
    const ring = new SliceSource(data, start * blockSize, log.blocks * blockSize, "xfs log");
    this.#source = new CachedSource(ring, { budget: CACHE, blockSize: 256 * 1024 });
    this.size = ring.size / BASIC_BLOCK;
    this.#signal = signal;
  }

  /** The block `count` blocks further on, around the end; `count` may be negative. */
  advance(block: number, count: number): number {
    return (((block + count) % this.size) + this.size) % this.size;
  }

  /** Blocks from one to another, around the end. */
  distance(from: number, to: number): number {
    return this.advance(to, -from);
  }

  /** Consecutive blocks, around the end. @throws SourceError */
  async read(block: number, count: number): Promise<Uint8Array> {
    const before = Math.min(count, this.size - block);
    const first = await this.#readStraight(block, before);
    return before === count ? first : Buffer.concat([first, await this.#readStraight(0, count - before)]);
  }

  async #readStraight(block: number, count: number): Promise<Uint8Array> {
    const [offset, length] = [block * BASIC_BLOCK, count * BASIC_BLOCK];
    return this.#source.peek(offset, length) ?? this.#source.read(offset, length, this.#signal);
  }

  /** How many times the log had been written around when this block was written; 0: never written. */
  async cycle(block: number): Promise<number> {
    const bytes = await this.read(block, 1);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const word = view.getUint32(0, false);
    return word === RECORD_MAGIC ? view.getUint32(4, false) : word;
  }

  /** Whether a record starts here. */
  async startsRecord(block: number): Promise<boolean> {
    const bytes = await this.read(block, 1);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, false) === RECORD_MAGIC;
  }
}
