import { compareBytes } from "../../../../bytes/byte-name.ts";
import { Cursor } from "../../../../bytes/cursor.ts";
import { CorruptDataError } from "../../../../errors.ts";
import type { DirectoryEntry } from "../../file-system.ts";
import { ForkBlocks } from "../fork-blocks.ts";
import type { Inode } from "../inode.ts";
import { inodeCorruption, type Volume } from "../volume.ts";
import { entryAt, notIndexed, parseDataBlock, verifyDataBlock } from "./data-block.ts";
import { entryOffsets, INDEX_START } from "./hash-index.ts";
import { nameHash } from "./name-hash.ts";
import { parseShortForm } from "./short-form.ts";
import type { StoredEntry } from "./stored-entry.ts";

/** One directory, its entries read in the order they lie in; cursors are byte offsets in it. */
export class Directory {
  readonly #volume: Volume;
  readonly #inode: Inode;

  constructor(volume: Volume, inode: Inode) {
    this.#volume = volume;
    this.#inode = inode;
  }

  /**
   * Entries behind the cursor `after`, one batch a block. A damaged block does not hide the others: its error
   * is thrown when all of them have been given.
   */
  async *batches(after: number, signal?: AbortSignal): AsyncGenerator<readonly DirectoryEntry[], void, undefined> {
    if (this.#inode.data.format === "local") {
      const entries = toEntries(this.#shortForm(), 0, after);
      if (entries.length > 0) yield entries;
    } else yield* this.#blockBatches(after, signal);
  }

  async *#blockBatches(
    after: number,
    signal?: AbortSignal,
  ): AsyncGenerator<readonly DirectoryEntry[], void, undefined> {
    const { superblock } = this.#volume;
    const size = superblock.directoryBlockSize;
    const blocks = this.#blocks();
    let damage: CorruptDataError | undefined;
    for await (const index of this.#dataBlocks(blocks, Math.floor(after / size), signal)) {
      try {
        const cursor = await this.#readDataBlock(blocks, index, signal);
        const stored = parseDataBlock(cursor, superblock);
        const changed = notIndexed(cursor, stored, superblock);
        if (changed[0] !== undefined) damage ??= cursor.corrupt(`the name at ${changed[0].start} is not in its index`);
        const sound = changed.length === 0 ? stored : stored.filter((each) => !changed.includes(each));
        const entries = toEntries(sound, index * size, after);
        if (entries.length > 0) yield entries;
      } catch (error) {
        if (!(error instanceof CorruptDataError)) throw error;
        damage ??= error;
      }
    }
    if (damage !== undefined) throw damage;
  }

  /**
   * Numbers of the data blocks from `from` on. Blocks that became empty are given back, so gaps are normal; the last
   * one is where the directory ends.
   */
  async *#dataBlocks(blocks: ForkBlocks, from: number, signal?: AbortSignal): AsyncGenerator<number, void, undefined> {
    const { blockSize, directoryBlockSize, blockCount } = this.#volume.superblock;
    const { size, number } = this.#inode;
    const perBlock = directoryBlockSize / blockSize;
    const end = size / directoryBlockSize;
    if (!Number.isInteger(end) || size > INDEX_START || end * perBlock > blockCount) {
      throw inodeCorruption(number, `a directory of ${size} bytes is impossible here`);
    }
    let next = from;
    let logical = from * perBlock;
    while (next < end) {
      signal?.throwIfAborted();
      const window = await blocks.map.window(logical, signal);
      for (const run of window.runs) {
        const runEnd = run.logical + run.length;
        next = Math.max(next, Math.floor(run.logical / perBlock));
        const stop = Math.min(end, Math.ceil(runEnd / perBlock));
        for (; next < stop; next++) yield next;
        if (run.logical * blockSize < INDEX_START && runEnd > end * perBlock) {
          throw inodeCorruption(number, `the directory goes on behind its ${size} bytes`);
        }
      }
      if (window.end / perBlock >= end) break;
      logical = window.end;
    }
    if (next < end) throw inodeCorruption(number, `the directory ends before its ${size} bytes`);
  }

  #blocks(): ForkBlocks {
    return new ForkBlocks(this.#volume, this.#inode, this.#inode.data, "directory");
  }

  async #readDataBlock(blocks: ForkBlocks, index: number, signal?: AbortSignal): Promise<Cursor> {
    const { superblock } = this.#volume;
    const perBlock = superblock.directoryBlockSize / superblock.blockSize;
    const { cursor, ...place } = await blocks.read(index * perBlock, perBlock, signal);
    verifyDataBlock(cursor, { superblock, owner: this.#inode.number, ...place });
    return cursor;
  }

  #shortForm(): StoredEntry[] {
    const { number, data, size } = this.#inode;
    const cursor = new Cursor(data.bytes, { format: "xfs", structure: `inode ${number}, short directory` });
    if (size > data.bytes.length) throw cursor.corrupt(`${size} bytes do not fit`);
    return parseShortForm(cursor, size, this.#volume.superblock);
  }

  async lookup(name: Uint8Array, signal?: AbortSignal): Promise<DirectoryEntry | undefined> {
    const found = await this.#lookupIndexed(name, signal);
    if (found !== undefined) return found;
    for await (const batch of this.batches(0, signal)) {
      const entry = batch.find((each) => compareBytes(each.name, name) === 0);
      if (entry !== undefined) return entry;
    }
    return undefined;
  }

  /** Undefined whenever the index does not lead to the name, for whatever reason: then the linear scan decides. */
  async #lookupIndexed(name: Uint8Array, signal?: AbortSignal): Promise<DirectoryEntry | undefined> {
    const { superblock } = this.#volume;
    const size = superblock.directoryBlockSize;
    if (this.#inode.data.format === "local" || this.#inode.size <= size) return undefined;
    try {
      const blocks = this.#blocks();
      const read = (block: number) => blocks.read(block, size / superblock.blockSize, signal);
      const index = { superblock, owner: this.#inode.number, read };
      for (const offset of await entryOffsets(index, INDEX_START / superblock.blockSize, nameHash(name))) {
        const block = Math.floor(offset / size);
        const stored = entryAt(await this.#readDataBlock(blocks, block, signal), offset % size, superblock);
        if (compareBytes(stored.name, name) === 0) return toEntries([stored], block * size, 0)[0];
      }
    } catch (error) {
      if (!(error instanceof CorruptDataError)) throw error;
    }
    return undefined;
  }
}

/** @param offset bytes from the start of the directory to where the entries were read */
function toEntries(stored: readonly StoredEntry[], offset: number, after: number): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  for (const { name, inode, type, end } of stored) {
    if (offset + end > after) entries.push({ name, node: inode, type, cursor: offset + end });
  }
  return entries;
}
