import { type Inode, parseInode } from "./inode.ts";
import { inodeOffset, type Volume } from "./volume.ts";

/** Finds inodes by number, which says where they lie. Neighbours come along in the metadata cache. */
export class InodeTable {
  readonly #volume: Volume;

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  /** @throws CorruptDataError when the number is impossible, or the inode is damaged or not in use */
  async read(number: number, signal?: AbortSignal): Promise<Inode> {
    const known = this.peek(number);
    if (known !== undefined) return known;
    const { superblock, metadata } = this.#volume;
    const byteOffset = inodeOffset(superblock, number);
    const bytes = await metadata.read(byteOffset, superblock.inodeSize, signal);
    return parseInode({ number, bytes, byteOffset }, superblock);
  }

  /** As `read`, without awaiting, when the cache has it; else undefined. */
  peek(number: number): Inode | undefined {
    const { superblock, metadata } = this.#volume;
    const byteOffset = inodeOffset(superblock, number);
    const bytes = metadata.peek(byteOffset, superblock.inodeSize);
    return bytes && parseInode({ number, bytes, byteOffset }, superblock);
  }
}
