import { LruCache } from "../../../bytes/lru-cache.ts";
import type { CachedSource } from "../../../source/cached-source.ts";
import type { GroupDescriptors } from "./group-descriptor.ts";
import { type Inode, inodeCorruption, parseInode } from "./inode.ts";
import type { Superblock } from "./superblock.ts";

export const ROOT_INODE = 2;

/** Inodes kept parsed: who asks for a file's attributes asks next for its extended ones and its content. */
const KEPT_INODES = 128;

/** Finds inodes by number. Neighbours come along in the metadata cache, which is what makes walks cheap. */
export class InodeTable {
  readonly #superblock: Superblock;
  readonly #groups: GroupDescriptors;
  readonly #metadata: CachedSource;
  /** Records newer than the disk's, by number, as fast commits left them. */
  readonly #newer: ReadonlyMap<number, Uint8Array>;
  readonly #recent = new LruCache<number, Inode>(KEPT_INODES);

  constructor(
    superblock: Superblock,
    groups: GroupDescriptors,
    metadata: CachedSource,
    newer: ReadonlyMap<number, Uint8Array> = new Map(),
  ) {
    this.#superblock = superblock;
    this.#groups = groups;
    this.#metadata = metadata;
    this.#newer = newer;
  }

  /**
   * @throws CorruptDataError when the number is outside the table, or the inode is damaged or not in use
   */
  async read(number: number, signal?: AbortSignal): Promise<Inode> {
    const known = this.#known(number);
    if (known !== undefined) return known;
    const { bytes, byteOffset } = await this.readRecord(number, signal);
    return this.#parse(number, bytes, byteOffset);
  }

  /** As `read`, without awaiting, when everything needed is in the cache; else undefined. */
  peek(number: number): Inode | undefined {
    const known = this.#known(number);
    if (known !== undefined) return known;
    const record = this.#peekRecord(number);
    return record === undefined ? undefined : this.#parse(number, record.bytes, record.byteOffset);
  }

  /** As `peek`, for who asks once: the inode is not kept, and refers to the cache. */
  glance(number: number): Inode | undefined {
    const known = this.#known(number);
    if (known !== undefined) return known;
    const record = this.#peekRecord(number);
    if (record === undefined) return undefined;
    const { bytes, byteOffset } = record;
    return parseInode({ number, bytes, byteOffset, checksummed: true }, this.#superblock);
  }

  #peekRecord(number: number): { bytes: Uint8Array; byteOffset: number } | undefined {
    const { group, index } = this.#locate(number);
    const table = this.#groups.peekInodeTable(group);
    if (table === undefined) return undefined;
    const byteOffset = this.#position(table, index);
    const bytes = this.#metadata.peek(byteOffset, this.#superblock.inodeSize);
    return bytes && { bytes, byteOffset };
  }

  #known(number: number): Inode | undefined {
    const newer = this.#newer.get(number);
    if (newer !== undefined) return parseInode({ number, bytes: newer, checksummed: false }, this.#superblock);
    return this.#recent.get(number);
  }

  #parse(number: number, record: Uint8Array, byteOffset: number): Inode {
    // A copy (Buffer.slice would be a view), since a parsed inode refers to its record, and must not keep a whole
    // block of the cache alive.
    const bytes = new Uint8Array(record);
    const inode = parseInode({ number, bytes, byteOffset, checksummed: true }, this.#superblock);
    this.#recent.set(number, inode);
    return inode;
  }

  /** The record as it lies on the disk, unchecked. */
  async readRecord(number: number, signal?: AbortSignal): Promise<{ bytes: Uint8Array; byteOffset: number }> {
    const { group, index } = this.#locate(number);
    const byteOffset = this.#position(await this.#groups.inodeTable(group, signal), index);
    return { bytes: await this.#metadata.read(byteOffset, this.#superblock.inodeSize, signal), byteOffset };
  }

  #locate(number: number): { group: number; index: number } {
    const { inodeCount, inodesPerGroup } = this.#superblock;
    if (!Number.isInteger(number) || number < 1 || number > inodeCount) {
      throw inodeCorruption(number, `the file system has ${inodeCount} inodes`);
    }
    return { group: Math.floor((number - 1) / inodesPerGroup), index: (number - 1) % inodesPerGroup };
  }

  #position(table: number, index: number): number {
    return table * this.#superblock.blockSize + index * this.#superblock.inodeSize;
  }
}
