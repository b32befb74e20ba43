/**
 * Group descriptors: where each block group's inode table starts (kernel
 * Documentation/filesystems/ext4/group_descr.rst). Copies in other groups stand in for damaged ones.
 */
import { Cursor } from "../../../bytes/cursor.ts";
import { LruCache } from "../../../bytes/lru-cache.ts";
import { CorruptDataError, type VmfrError } from "../../../errors.ts";
import type { CachedSource } from "../../../source/cached-source.ts";
import { crc16, crc32cOfU32, crc32cWithout } from "./checksum.ts";
import { COMPAT, INCOMPAT, RO_COMPAT } from "./features.ts";
import { has, SUPERBLOCK_OFFSET, type Superblock } from "./superblock.ts";

const CHECKSUM_OFFSET = 0x1e;
const INODE_TABLE_LOW = 0x8;
const INODE_TABLE_HIGH = 0x28;

/** Descriptors whose inode table positions are kept; a walk touches few groups at a time. */
const KEPT_GROUPS = 4096;
/** Groups whose copies are tried when a descriptor is damaged. */
const COPY_GROUPS = [1, 3, 5, 7, 9];

export class GroupDescriptors {
  readonly #superblock: Superblock;
  readonly #metadata: CachedSource;
  readonly #superblockBlock: number;
  readonly #inodeTables = new LruCache<number, number>(KEPT_GROUPS);
  /** Sentences about damage that a copy made good. */
  readonly warnings: string[] = [];

  /** @param superblockBlock the block that holds the superblock in use; its descriptors follow it. */
  constructor(superblock: Superblock, metadata: CachedSource, superblockBlock: number) {
    this.#superblock = superblock;
    this.#metadata = metadata;
    this.#superblockBlock = superblockBlock;
  }

  /** First block of the group's inode table if known without reading. */
  peekInodeTable(group: number): number | undefined {
    return this.#inodeTables.get(group);
  }

  /**
   * First block of the group's inode table.
   * @throws CorruptDataError when neither the descriptor nor its copies are intact
   */
  async inodeTable(group: number, signal?: AbortSignal): Promise<number> {
    const known = this.#inodeTables.get(group);
    if (known !== undefined) return known;
    const [first, ...copies] = this.#positions(group);
    const table = await this.#read(group, first as number, signal).catch((error: VmfrError) =>
      this.#readCopy(group, copies, error, signal),
    );
    this.#inodeTables.set(group, table);
    return table;
  }

  async #readCopy(group: number, copies: readonly number[], damage: VmfrError, signal?: AbortSignal): Promise<number> {
    if (!(damage instanceof CorruptDataError)) throw damage;
    for (const position of copies) {
      const table = await this.#read(group, position, signal).catch(() => undefined);
      if (table === undefined) continue;
      this.warnings.push(`group descriptor ${group} is damaged; its copy at byte ${position} is used`);
      return table;
    }
    throw damage;
  }

  async #read(group: number, position: number, signal?: AbortSignal): Promise<number> {
    const bytes = await this.#metadata.read(position, this.#superblock.descriptorSize, signal);
    return parseInodeTable(bytes, group, position, this.#superblock);
  }

  /** Byte offsets of the descriptor and its copies, the one to trust first. */
  #positions(group: number): number[] {
    const { blockSize, descriptorSize, firstMetaGroup, features } = this.#superblock;
    const perBlock = blockSize / descriptorSize;
    const block = Math.floor(group / perBlock);
    const within = (group % perBlock) * descriptorSize;
    const inMetaGroup = has(features, "incompat", INCOMPAT.META_BG) && block >= firstMetaGroup;
    const blocks = inMetaGroup ? this.#metaGroupBlocks(block * perBlock, perBlock) : this.#tableBlocks(block);
    return blocks.map((each) => each * blockSize + within);
  }

  /** The table follows the superblock, and every copy of the superblock. */
  #tableBlocks(block: number): number[] {
    const { blockSize, groupCount, features, backupGroups } = this.#superblock;
    const primary = Math.floor(SUPERBLOCK_OFFSET / blockSize) + 1 + block;
    const groups = has(features, "compat", COMPAT.SPARSE_SUPER2) ? backupGroups : COPY_GROUPS;
    const copies = groups
      .filter((group) => group > 0 && group < groupCount && hasSuperblock(this.#superblock, group))
      .map((group) => firstBlockOfGroup(this.#superblock, group) + 1 + block);
    return [...new Set([this.#superblockBlock + 1 + block, primary, ...copies])];
  }

  /** A meta block group keeps its one block of descriptors in its first, second and last group. */
  #metaGroupBlocks(firstGroup: number, groups: number): number[] {
    return [firstGroup, firstGroup + 1, firstGroup + groups - 1]
      .filter((group) => group < this.#superblock.groupCount)
      .map((group) => {
        // With 1 KiB blocks and bigalloc, block 0 is the boot block and group 0's superblock lies in block 1.
        const { blockSize, firstDataBlock } = this.#superblock;
        const bootBlock = group === 0 && blockSize === 1024 && firstDataBlock === 0 ? 1 : 0;
        const superblock = hasSuperblock(this.#superblock, group) ? 1 : 0;
        return firstBlockOfGroup(this.#superblock, group) + superblock + bootBlock;
      });
  }
}

export function firstBlockOfGroup(superblock: Superblock, group: number): number {
  return superblock.firstDataBlock + group * superblock.blocksPerGroup;
}

/** Whether a group starts with a copy of the superblock (super.rst; sparse_super, sparse_super2). */
function hasSuperblock(superblock: Superblock, group: number): boolean {
  if (group === 0) return true;
  if (has(superblock.features, "compat", COMPAT.SPARSE_SUPER2)) return superblock.backupGroups.includes(group);
  if (group === 1 || !has(superblock.features, "roCompat", RO_COMPAT.SPARSE_SUPER)) return true;
  return [3, 5, 7].some((base) => isPowerOf(group, base));
}

function isPowerOf(value: number, base: number): boolean {
  let power = base;
  while (power < value) power *= base;
  return power === value;
}

function parseInodeTable(bytes: Uint8Array, group: number, byteOffset: number, superblock: Superblock): number {
  const cursor = new Cursor(bytes, { format: "ext4", structure: `group descriptor ${group}`, byteOffset });
  const computed = checksumOf(bytes, group, superblock);
  if (computed !== undefined && computed !== cursor.u16le(CHECKSUM_OFFSET)) {
    throw cursor.corrupt("checksum does not match");
  }
  const high = bytes.length >= 64 ? cursor.u32le(INODE_TABLE_HIGH) : 0;
  const table = high * 2 ** 32 + cursor.u32le(INODE_TABLE_LOW);
  const blocks = Math.ceil((superblock.inodesPerGroup * superblock.inodeSize) / superblock.blockSize);
  if (table <= superblock.firstDataBlock || table + blocks > superblock.blockCount) {
    throw cursor.corrupt(`inode table at block ${table} lies outside the file system`);
  }
  return table;
}

function checksumOf(bytes: Uint8Array, group: number, superblock: Superblock): number | undefined {
  if (superblock.checksumSeed !== undefined) {
    const seed = crc32cOfU32(superblock.checksumSeed, group);
    return crc32cWithout(seed, bytes, CHECKSUM_OFFSET, 2) & 0xffff;
  }
  if (!has(superblock.features, "roCompat", RO_COMPAT.GDT_CSUM)) return undefined;
  const number = Uint8Array.of(group, group >>> 8, group >>> 16, group >>> 24);
  const before = crc16(crc16(crc16(0xffff, superblock.uuid), number), bytes.subarray(0, CHECKSUM_OFFSET));
  return crc16(before, bytes.subarray(CHECKSUM_OFFSET + 2));
}
