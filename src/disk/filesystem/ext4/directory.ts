import { compareBytes } from "../../../bytes/byte-name.ts";
import { Cursor } from "../../../bytes/cursor.ts";
import { CorruptDataError } from "../../../errors.ts";
import type { FileMap } from "../file-map.ts";
import type { DirectoryEntry } from "../file-system.ts";
import { fileMap } from "./content.ts";
import { type EntryRules, parseEntries, type StoredEntry, verifyLeaf } from "./directory-block.ts";
import { directoryHash } from "./directory-hash.ts";
import { encryptedNameToken } from "./encrypted-name.ts";
import { COMPAT, INCOMPAT } from "./features.ts";
import { candidateLeaves, hashVersionOf, isIndexNode, verifyIndexNode } from "./htree.ts";
import { inlineParts } from "./inline-data.ts";
import { INODE_FLAG, type Inode, inodeCorruption, inodeHas, seedOf } from "./inode.ts";
import { has } from "./superblock.ts";
import { readBlock, type Volume } from "./volume.ts";

/** Bytes of i_block in front of an inline directory's entries: the parent's inode number. */
const INLINE_PARENT = 4;

/** One directory, read from its blocks in order; cursors are byte offsets in it. */
export class Directory {
  readonly #volume: Volume;
  readonly #inode: Inode;
  readonly #rules: EntryRules;
  readonly #seed: number | undefined;
  readonly #indexed: boolean;
  readonly #encrypted: boolean;
  /** Only encrypted names need it: the token holds the name's hash. */
  #hashVersion: number;

  constructor(volume: Volume, inode: Inode) {
    const { superblock } = volume;
    this.#volume = volume;
    this.#inode = inode;
    this.#seed = seedOf(inode, superblock);
    this.#indexed = inodeHas(inode, INODE_FLAG.INDEX) && has(superblock.features, "compat", COMPAT.DIR_INDEX);
    this.#encrypted = inodeHas(inode, INODE_FLAG.ENCRYPT);
    this.#hashVersion = superblock.directoryHash.defaultVersion;
    this.#rules = {
      inodeCount: superblock.inodeCount,
      recordsTypes: has(superblock.features, "incompat", INCOMPAT.FILETYPE),
      recordsHashes: this.#encrypted && inodeHas(inode, INODE_FLAG.CASEFOLD),
    };
  }

  /**
   * Entries behind the cursor `after`, one batch a block. A damaged block does not hide the others: its error
   * is thrown when all of them have been given.
   */
  async *batches(after: number, signal?: AbortSignal): AsyncGenerator<readonly DirectoryEntry[], void, undefined> {
    const { fastCommits } = this.#volume;
    if (!this.#isNew()) yield* this.#storedBatches(after, signal);
    const added = fastCommits?.addedEntries(this.#inode.number).filter((entry) => entry.cursor > after) ?? [];
    if (added.length > 0) yield added;
  }

  /** Made by a fast commit: what lies in its blocks on the disk is not its own. */
  #isNew(): boolean {
    return this.#volume.fastCommits?.isNewDirectory(this.#inode.number) ?? false;
  }

  async *#storedBatches(
    after: number,
    signal?: AbortSignal,
  ): AsyncGenerator<readonly DirectoryEntry[], void, undefined> {
    if (this.#encrypted && this.#indexed) await this.#loadHashVersion(signal);
    if (inodeHas(this.#inode, INODE_FLAG.INLINE_DATA)) yield* this.#inlineBatches(after);
    else yield* this.#blockBatches(after, signal);
  }

  async #loadHashVersion(signal?: AbortSignal): Promise<void> {
    try {
      this.#hashVersion = hashVersionOf(await this.#readLogical(fileMap(this.#volume, this.#inode), 0, signal));
    } catch (error) {
      // The names are still told apart by the default hash, and reading the blocks will name the damage.
      if (!(error instanceof CorruptDataError)) throw error;
    }
  }

  *#inlineBatches(after: number): Generator<readonly DirectoryEntry[], void, undefined> {
    const [head, rest] = inlineParts(this.#inode);
    for (const [offset, bytes] of [
      [INLINE_PARENT, head.subarray(INLINE_PARENT)],
      [head.length, rest],
    ] as const) {
      const cursor = this.#cursor(bytes, "inline directory");
      const entries = this.#toEntries(parseEntries(cursor, this.#rules), offset, after);
      if (entries.length > 0) yield entries;
    }
  }

  async *#blockBatches(
    after: number,
    signal?: AbortSignal,
  ): AsyncGenerator<readonly DirectoryEntry[], void, undefined> {
    const { blockSize } = this.#volume.superblock;
    let damage: CorruptDataError | undefined;
    for await (const { logical, physical } of this.#blocks(Math.floor(after / blockSize), signal)) {
      try {
        const stored = await this.#readLeaf(logical, physical, signal);
        const entries = this.#toEntries(stored, logical * blockSize, after);
        if (entries.length > 0) yield entries;
      } catch (error) {
        if (!(error instanceof CorruptDataError)) throw error;
        damage ??= error;
      }
    }
    if (damage !== undefined) throw damage;
  }

  /** The disk blocks of the directory from a logical block on; for a gap, its first block without a place. */
  async *#blocks(
    from: number,
    signal?: AbortSignal,
  ): AsyncGenerator<{ logical: number; physical?: number }, void, undefined> {
    const { blockCount } = this.#volume.superblock;
    const end = this.#blockCount();
    if (end > blockCount) {
      throw inodeCorruption(this.#inode.number, `directory of ${end} blocks in a file system of ${blockCount}`);
    }
    const map = fileMap(this.#volume, this.#inode);
    let next = from;
    while (next < end) {
      signal?.throwIfAborted();
      const window = await map.window(next, signal);
      for (const run of window.runs) {
        const start = Math.max(run.logical, next);
        const stop = Math.min(run.logical + run.length, end);
        if (stop <= start) continue;
        if (start > next) yield { logical: next };
        for (let logical = start; logical < stop; logical++)
          yield { logical, physical: run.physical + (logical - run.logical) };
        next = stop;
      }
      if (next < Math.min(window.end, end)) yield { logical: next };
      next = window.end;
    }
  }

  #hole(logical: number): CorruptDataError {
    return inodeCorruption(this.#inode.number, `directory block ${logical} is missing`);
  }

  #blockCount(): number {
    return Math.ceil(this.#inode.size / this.#volume.superblock.blockSize);
  }

  async #readLeaf(logical: number, physical: number | undefined, signal?: AbortSignal): Promise<StoredEntry[]> {
    if (physical === undefined) throw this.#hole(logical);
    const cursor = await this.#readChecked(logical, physical, signal);
    return parseEntries(cursor, this.#rules);
  }

  async #readChecked(logical: number, physical: number, signal?: AbortSignal): Promise<Cursor> {
    const bytes = await readBlock(this.#volume, physical, signal);
    const cursor = this.#cursor(bytes, `directory block ${logical}`, physical * bytes.length);
    if (this.#seed !== undefined) {
      if (this.#indexed && isIndexNode(cursor, logical)) verifyIndexNode(cursor, this.#seed);
      else verifyLeaf(cursor, this.#seed);
    }
    return cursor;
  }

  #cursor(bytes: Uint8Array, what: string, byteOffset?: number): Cursor {
    const structure = `inode ${this.#inode.number}, ${what}`;
    return new Cursor(bytes, { format: "ext4", structure, ...(byteOffset === undefined ? {} : { byteOffset }) });
  }

  /** Names as Linux shows them: in an encrypted directory, tokens of the ciphertext. */
  #shownName(stored: StoredEntry): Uint8Array {
    if (!this.#encrypted) return stored.name;
    const { directoryHash: rules, features } = this.#volume.superblock;
    const [major, minor] = stored.storedHash ?? [0, 0];
    const hashed = stored.storedHash === undefined && has(features, "compat", COMPAT.DIR_INDEX);
    const hash = hashed ? directoryHash(stored.name, this.#hashVersion, rules) : undefined;
    return encryptedNameToken(stored.name, hash ?? { major, minor });
  }

  #toEntries(stored: readonly StoredEntry[], offset: number, after: number): DirectoryEntry[] {
    const entries: DirectoryEntry[] = [];
    for (const each of stored) {
      const { inode, name, type, end } = each;
      if (offset + end <= after || this.#volume.fastCommits?.replaces(this.#inode.number, name)) continue;
      entries.push({ name: this.#shownName(each), node: inode, type, cursor: offset + end });
    }
    return entries;
  }

  /** By exact bytes, also in casefolded directories: the name as listed always leads to its entry. */
  async lookup(name: Uint8Array, signal?: AbortSignal): Promise<DirectoryEntry | undefined> {
    const added = this.#volume.fastCommits?.addedEntry(this.#inode.number, name);
    if (added !== undefined) return added;
    const mayShortcut = this.#indexed && !this.#encrypted && !this.#isNew();
    const found = mayShortcut ? await this.#lookupIndexed(name, signal) : undefined;
    if (found !== undefined) return found;
    for await (const batch of this.batches(0, signal)) {
      const entry = batch.find((each) => compareBytes(each.name, name) === 0);
      if (entry !== undefined) return entry;
    }
    return undefined;
  }

  /** Undefined whenever the tree does not lead to the name, for whatever reason: then the linear scan decides. */
  async #lookupIndexed(name: Uint8Array, signal?: AbortSignal): Promise<DirectoryEntry | undefined> {
    const { superblock } = this.#volume;
    const map = fileMap(this.#volume, this.#inode);
    try {
      for (const logical of await candidateLeaves(name, superblock, (block) => this.#readLogical(map, block, signal))) {
        const cursor = await this.#readLogical(map, logical, signal);
        const entries = this.#toEntries(parseEntries(cursor, this.#rules), logical * superblock.blockSize, 0);
        const entry = entries.find((each) => compareBytes(each.name, name) === 0);
        if (entry !== undefined) return entry;
      }
    } catch (error) {
      if (!(error instanceof CorruptDataError)) throw error;
    }
    return undefined;
  }

  async #readLogical(map: FileMap, logical: number, signal?: AbortSignal): Promise<Cursor> {
    if (logical >= this.#blockCount()) throw this.#hole(logical);
    const { runs } = await map.window(logical, signal);
    const run = runs.find((each) => each.logical <= logical && logical < each.logical + each.length);
    if (run === undefined) throw this.#hole(logical);
    return this.#readChecked(logical, run.physical + (logical - run.logical), signal);
  }
}
