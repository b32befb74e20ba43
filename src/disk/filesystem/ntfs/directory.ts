import { CorruptDataError } from "../../../errors.ts";
import type { DirectoryEntry, FileType } from "../file-system.ts";
import { ATTRIBUTE } from "./attribute.ts";
import { FILE_ATTRIBUTE, type FileName, NAMESPACE, parseFileName } from "./file-name.ts";
import { type FileNode, nodeIdOf } from "./file-node.ts";
import { type FileReference, parseReference, recordPlace } from "./file-record.ts";
import { type FoundEntry, Index } from "./index.ts";
import type { IndexNode } from "./index-block.ts";
import { FIRST_USER_RECORD, SYSTEM_RECORD } from "./master-file-table.ts";
import { typeOfTag } from "./reparse-tag.ts";
import type { UpcaseTable } from "./upcase-table.ts";
import { nameFromUtf16, utf16FromName } from "./utf16-name.ts";
import type { Volume } from "./volume.ts";

const INDEX_NAME = "$I30";
/** Cursors below lie in the root, which is resident; above, they count bytes of the blocks. */
const ROOT_SPAN = 128 * 1024;

/** An entry with what its key says. */
export interface StoredName {
  readonly reference: FileReference;
  readonly fileName: FileName;
  readonly cursor: number;
}

/** One directory. Listing goes through its blocks in order, whatever the tree says; the tree speeds lookup up. */
export class Directory {
  readonly #file: FileNode;
  readonly #index: Index;
  readonly #upcase: UpcaseTable;

  /** @throws CorruptDataError */
  constructor(volume: Volume, file: FileNode, upcase: UpcaseTable) {
    this.#file = file;
    this.#index = new Index(volume, file, INDEX_NAME);
    this.#upcase = upcase;
    if (this.#index.root.keyType !== ATTRIBUTE.FILE_NAME) {
      throw new CorruptDataError(recordPlace(file.number), "its index is not of file names");
    }
  }

  /** Entries behind the cursor `after`, one batch a block, without the names that only DOS sees. */
  async *batches(after: number, signal?: AbortSignal): AsyncGenerator<readonly DirectoryEntry[], void, undefined> {
    for await (const batch of this.#storedBatches(after, signal)) {
      const entries = batch.filter(isListed).map(toEntry);
      if (entries.length > 0) yield entries;
    }
  }

  /**
   * A damaged block does not hide the others: its error is thrown when all of them have been given. So is
   * that of a block which is part of the tree and not marked as used, since its names are missing.
   */
  async *#storedBatches(after: number, signal?: AbortSignal): AsyncGenerator<readonly StoredName[], void, undefined> {
    const { blockSize, blockCount, root } = this.#index;
    const inTree = new Set<number>();
    const seen = new Set<number>();
    let damage: CorruptDataError | undefined;
    const parse = (node: IndexNode, base: number): StoredName[] => {
      for (const vcn of childrenOf(node)) inTree.add(this.#index.blockOf(vcn));
      return this.#names(node, base).filter(({ cursor }) => cursor > after);
    };
    const tolerate = async (work: () => StoredName[] | Promise<StoredName[]>): Promise<StoredName[]> => {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof CorruptDataError)) throw error;
        damage ??= error;
        return [];
      }
    };
    if (after < ROOT_SPAN) yield await tolerate(() => parse(root.node, 0));
    const isUsed = await this.#index.bitmap(signal);
    const first = Math.max(0, Math.floor((after - ROOT_SPAN) / blockSize));
    for (let block = first; block < blockCount; block++) {
      if (!isUsed(block)) continue;
      signal?.throwIfAborted();
      seen.add(block);
      yield await tolerate(async () =>
        parse(await this.#index.readBlock(block, signal), ROOT_SPAN + block * blockSize),
      );
    }
    if (damage !== undefined) throw damage;
    const missing = [...inTree].find((block) => block >= first && !seen.has(block));
    if (missing !== undefined) {
      throw new CorruptDataError(
        recordPlace(this.#file.number),
        `index block ${missing} is in the tree but marked free`,
      );
    }
  }

  #names(node: IndexNode, base: number): StoredName[] {
    const { cursor } = node;
    return node.entries.map(({ offset, length, keyOffset, keyLength }) => {
      const reference = parseReference(cursor, offset);
      const fileName = parseFileName(cursor, keyOffset, keyLength);
      // The root lists itself so; no other entry may lead back or up.
      if (reference.record !== SYSTEM_RECORD.ROOT && /^\.\.?$/.test(fileName.name)) {
        throw cursor.corrupt(`entry at ${offset} is named ${fileName.name}`);
      }
      return { reference, fileName, cursor: base + offset + length };
    });
  }

  /**
   * The exact name, else the only one that differs in case alone: in a case-sensitive directory names may
   * differ so, and then only the exact one is meant. A DOS name finds the file it stands for.
   */
  async lookup(name: Uint8Array, signal?: AbortSignal): Promise<StoredName | undefined> {
    const wanted = utf16FromName(name);
    if (wanted === undefined) return undefined;
    const inTree = this.#choose(await this.#findInTree(wanted, signal), wanted);
    if (inTree !== undefined) return inTree;
    const candidates: StoredName[] = [];
    for await (const batch of this.#storedBatches(0, signal)) {
      candidates.push(...batch.filter(({ fileName }) => this.#upcase.compare(wanted, fileName.name) === 0));
    }
    return this.#choose(candidates, wanted);
  }

  #choose(candidates: readonly StoredName[], wanted: string): StoredName | undefined {
    const visible = candidates.filter(({ reference }) => reference.record >= FIRST_USER_RECORD);
    const exact = visible.find(({ fileName }) => fileName.name === wanted);
    return exact ?? (visible.length === 1 ? visible[0] : undefined);
  }

  /** Empty whenever the tree does not lead to the name, for whatever reason: then the linear scan decides. */
  async #findInTree(wanted: string, signal?: AbortSignal): Promise<StoredName[]> {
    const nameOf = ({ node, entry }: FoundEntry) => parseFileName(node.cursor, entry.keyOffset, entry.keyLength);
    try {
      const found = await this.#index.find((each) => this.#upcase.compare(wanted, nameOf(each).name), signal);
      return found.map((each) => ({
        reference: parseReference(each.node.cursor, each.entry.offset),
        fileName: nameOf(each),
        cursor: 0,
      }));
    } catch (error) {
      if (!(error instanceof CorruptDataError)) throw error;
      return [];
    }
  }
}

function childrenOf({ entries, lastChildVcn }: IndexNode): number[] {
  const children = entries.flatMap(({ childVcn }) => (childVcn === undefined ? [] : [childVcn]));
  return lastChildVcn === undefined ? children : [...children, lastChildVcn];
}

function isListed({ reference, fileName }: StoredName): boolean {
  return reference.record >= FIRST_USER_RECORD && fileName.namespace !== NAMESPACE.DOS;
}

export function toEntry({ reference, fileName, cursor }: StoredName): DirectoryEntry {
  return { name: nameFromUtf16(fileName.name), node: nodeIdOf(reference), type: typeOf(fileName), cursor };
}

function typeOf({ attributes, reparseTag }: FileName): FileType {
  const plain = (attributes & FILE_ATTRIBUTE.DIRECTORY) === 0 ? "file" : "directory";
  if ((attributes & FILE_ATTRIBUTE.REPARSE_POINT) !== 0) return typeOfTag(reparseTag) ?? plain;
  // Interix keeps links and devices in system files; only their content tells.
  return plain === "file" && (attributes & FILE_ATTRIBUTE.SYSTEM) !== 0 ? "unknown" : plain;
}
