/**
 * What fast commits changed, kept beside the disk and applied whenever the disk is read (kernel
 * Documentation/filesystems/ext4/journal.rst, "Fast Commits"; fs/ext4/fast_commit.c defines the replay).
 */
import { nameKey } from "../../../bytes/byte-name.ts";
import { type MappedRange, putRange } from "../block-runs.ts";
import type { BlockRun, FileMap, MapWindow } from "../file-map.ts";
import type { DirectoryEntry, FileType } from "../file-system.ts";
import { fileTypeOf } from "../file-type.ts";
import { emptyExtentRoot, hasExtentRoot } from "./extent-tree.ts";
import { BLOCK_AREA, INODE_FLAG } from "./inode.ts";
import type { FastCommitOperation, InodeImage } from "./journal/fast-commit-operation.ts";

const LINKS_OFFSET = 0x1a;
const FLAGS_OFFSET = 0x20;
const GENERATION_OFFSET = 0x64;

/** Cursors of added names lie behind every byte offset a directory can have. */
const ADDED_CURSOR = 2 ** 52;

type NameChange = { readonly name: Uint8Array; readonly node: number; readonly type: FileType } | undefined;

export class FastCommitView {
  /** Whole inode records, by number. */
  readonly records = new Map<number, Uint8Array>();
  readonly #ranges = new Map<number, MappedRange[]>();
  readonly #names = new Map<number, Map<string, NameChange>>();
  readonly #newDirectories = new Set<number>();

  /** @param readRecord gives an inode's record as the replayed blocks have it */
  static async apply(
    operations: readonly FastCommitOperation[],
    readRecord: (inode: number) => Promise<Uint8Array>,
  ): Promise<FastCommitView> {
    const view = new FastCommitView();
    for (const operation of operations) {
      const record = view.records.get(operation.inode) ?? new Uint8Array(await readRecord(operation.inode));
      view.#apply(operation, record);
    }
    return view;
  }

  #apply(operation: FastCommitOperation, record: Uint8Array): void {
    const { inode } = operation;
    switch (operation.kind) {
      case "inode":
        this.records.set(inode, withImage(record, operation));
        return;
      case "add-range":
        this.#putRange(
          inode,
          operation.logicalBlock,
          operation.length,
          operation.unwritten ? undefined : operation.physicalBlock,
        );
        return;
      case "delete-range":
        this.#putRange(inode, operation.logicalBlock, operation.length, undefined);
        return;
      case "unlink":
        this.#namesOf(operation.parent).set(nameKey(operation.name), undefined);
        this.#dropLink(inode, record);
        return;
      case "create":
        if (typeOf(record) === "directory") this.#newDirectories.add(inode);
        this.#addName(operation.parent, operation.name, inode, record);
        return;
      case "link":
        new DataView(record.buffer).setUint16(LINKS_OFFSET, linksOf(record) + 1, true);
        this.records.set(inode, record);
        this.#addName(operation.parent, operation.name, inode, record);
    }
  }

  #putRange(inode: number, logical: number, length: number, physical: number | undefined): void {
    const ranges = this.#ranges.get(inode) ?? [];
    putRange(ranges, { logical, length, ...(physical === undefined ? {} : { physical }) });
    this.#ranges.set(inode, ranges);
  }

  #namesOf(directory: number): Map<string, NameChange> {
    const names = this.#names.get(directory) ?? new Map<string, NameChange>();
    this.#names.set(directory, names);
    return names;
  }

  #addName(directory: number, name: Uint8Array, node: number, record: Uint8Array): void {
    const names = this.#namesOf(directory);
    const key = nameKey(name);
    // Removed first, so that the newest name is the last one and cursors keep their order.
    names.delete(key);
    names.set(key, { name, node, type: typeOf(record) });
  }

  /** The last link takes the content with it: the number may be given to another file next. */
  #dropLink(inode: number, record: Uint8Array): void {
    const links = Math.max(0, linksOf(record) - 1);
    new DataView(record.buffer).setUint16(LINKS_OFFSET, links, true);
    if (links === 0 || typeOf(record) === "directory") {
      record.set(emptyExtentRoot(), BLOCK_AREA.offset);
      this.#ranges.delete(inode);
      this.#names.delete(inode);
      this.#newDirectories.delete(inode);
    }
    this.records.set(inode, record);
  }

  /** A directory made by a fast commit: its blocks on the disk were never written. */
  isNewDirectory(inode: number): boolean {
    return this.#newDirectories.has(inode);
  }

  /** Whether the name as the directory's blocks have it no longer counts. */
  replaces(directory: number, name: Uint8Array): boolean {
    return this.#names.get(directory)?.has(nameKey(name)) ?? false;
  }

  addedEntry(directory: number, name: Uint8Array): DirectoryEntry | undefined {
    const wanted = nameKey(name);
    return this.addedEntries(directory).find((entry) => nameKey(entry.name) === wanted);
  }

  addedEntries(directory: number): DirectoryEntry[] {
    const changes = [...(this.#names.get(directory)?.values() ?? [])];
    return changes.flatMap((change, index) =>
      change === undefined ? [] : [{ ...change, cursor: ADDED_CURSOR + index }],
    );
  }

  /** The map as fast commits left it. */
  editedMap(inode: number, map: FileMap): FileMap {
    const ranges = this.#ranges.get(inode);
    return ranges === undefined ? map : new EditedMap(map, ranges);
  }
}

class EditedMap implements FileMap {
  readonly #map: FileMap;
  readonly #edits: readonly MappedRange[];

  constructor(map: FileMap, edits: readonly MappedRange[]) {
    this.#map = map;
    this.#edits = edits;
  }

  async window(logical: number, signal?: AbortSignal): Promise<MapWindow> {
    const { start, end, runs } = await this.#map.window(logical, signal);
    const edited: MappedRange[] = [...runs];
    for (const edit of this.#edits) {
      const from = Math.max(edit.logical, start);
      const to = Math.min(edit.logical + edit.length, end);
      if (from >= to) continue;
      const physical = edit.physical === undefined ? {} : { physical: edit.physical + (from - edit.logical) };
      putRange(edited, { logical: from, length: to - from, ...physical });
    }
    return { start, end, runs: edited.filter((run): run is BlockRun => run.physical !== undefined) };
  }
}

/** The image's fields; i_block only where it holds content, or where the record has no map to keep. */
function withImage(record: Uint8Array, { image }: InodeImage): Uint8Array {
  const changed = new Uint8Array(record);
  changed.set(image.subarray(0, BLOCK_AREA.offset));
  changed.set(image.subarray(GENERATION_OFFSET), GENERATION_OFFSET);
  const flags = new DataView(changed.buffer).getUint32(FLAGS_OFFSET, true);
  const blockArea = image.subarray(BLOCK_AREA.offset, BLOCK_AREA.offset + BLOCK_AREA.length);
  const mapped = (flags & INODE_FLAG.EXTENTS) !== 0;
  if (!mapped) changed.set(blockArea, BLOCK_AREA.offset);
  else if (!hasExtentRoot(record.subarray(BLOCK_AREA.offset))) changed.set(emptyExtentRoot(), BLOCK_AREA.offset);
  return changed;
}

function linksOf(record: Uint8Array): number {
  return new DataView(record.buffer).getUint16(LINKS_OFFSET, true);
}

function typeOf(record: Uint8Array): FileType {
  return fileTypeOf(new DataView(record.buffer).getUint16(0, true)) ?? "unknown";
}
