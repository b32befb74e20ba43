/** Extent trees (kernel Documentation/filesystems/ext4/ifork.rst, "Extent Tree"); little-endian. */
import { crc32c } from "../../../bytes/crc32c.ts";
import { Cursor } from "../../../bytes/cursor.ts";
import type { BlockRun, FileMap, MapWindow } from "../file-map.ts";
import { type Inode, seedOf } from "./inode.ts";
import { liesInside, readBlock, type Volume } from "./volume.ts";

const MAGIC = 0xf30a;
const HEADER_SIZE = 12;
const ENTRY_SIZE = 12;
/** Enough for 2^32 blocks of 1 KiB; the kernel refuses deeper trees. */
const LARGEST_DEPTH = 5;
/** Longer lengths mark extents that are allocated but were never written. */
const LONGEST_WRITTEN = 32768;

/** Whether an inode's i_block holds the root of an extent tree. */
export function hasExtentRoot(blockArea: Uint8Array): boolean {
  return (blockArea[0] as number) + (blockArea[1] as number) * 0x100 === MAGIC;
}

/** The root of a tree that maps nothing, as it fills i_block. */
export function emptyExtentRoot(): Uint8Array {
  const root = new Uint8Array(60);
  const view = new DataView(root.buffer);
  view.setUint16(0, MAGIC, true);
  view.setUint16(4, 4, true);
  return root;
}

interface Bounds {
  readonly start: number;
  /** Infinity at the right edge of the tree. */
  readonly end: number;
}

interface Node {
  readonly cursor: Cursor;
  readonly entries: number;
  readonly depth: number;
}

export class ExtentTree implements FileMap {
  readonly #volume: Volume;
  readonly #inode: number;
  readonly #root: Uint8Array;
  readonly #seed: number | undefined;

  constructor(volume: Volume, inode: Inode) {
    this.#volume = volume;
    this.#inode = inode.number;
    this.#root = new Uint8Array(inode.blockArea);
    this.#seed = seedOf(inode, volume.superblock);
  }

  async window(logical: number, signal?: AbortSignal): Promise<MapWindow> {
    let node = parseNode(this.#cursor(this.#root, "extent tree root"), LARGEST_DEPTH);
    let bounds: Bounds = { start: 0, end: Number.POSITIVE_INFINITY };
    while (node.depth > 0) {
      const { child, within } = findChild(node, logical, bounds);
      if (child === undefined) return { ...within, runs: [] };
      if (!liesInside(this.#volume.superblock, child))
        throw node.cursor.corrupt(`child block ${child} lies outside the file system`);
      const bytes = await readBlock(this.#volume, child, signal);
      const cursor = this.#cursor(bytes, `extent block ${child}`, child);
      // The depth must fall by one with every step down, so a tree that contains itself ends here.
      const next = parseNode(cursor, node.depth - 1);
      if (next.depth !== node.depth - 1)
        throw cursor.corrupt(`depth ${next.depth} below a node of depth ${node.depth}`);
      if (this.#seed !== undefined) verifyTail(next, this.#seed);
      node = next;
      bounds = within;
    }
    return { ...bounds, runs: this.#leafRuns(node, bounds) };
  }

  #cursor(bytes: Uint8Array, what: string, block?: number): Cursor {
    return new Cursor(bytes, {
      format: "ext4",
      structure: `inode ${this.#inode}, ${what}`,
      ...(block === undefined ? {} : { byteOffset: block * this.#volume.superblock.blockSize }),
    });
  }

  #leafRuns({ cursor, entries }: Node, bounds: Bounds): BlockRun[] {
    const runs: BlockRun[] = [];
    let end = bounds.start;
    for (let index = 0; index < entries; index++) {
      const offset = HEADER_SIZE + index * ENTRY_SIZE;
      const logical = cursor.u32le(offset);
      const coded = cursor.u16le(offset + 4);
      const length = coded > LONGEST_WRITTEN ? coded - LONGEST_WRITTEN : coded;
      const physical = cursor.u16le(offset + 6) * 2 ** 32 + cursor.u32le(offset + 8);
      if (length === 0 || logical < end || logical + length > bounds.end) {
        throw cursor.corrupt(`extent ${index} (${logical}+${length}) is out of order`);
      }
      if (!liesInside(this.#volume.superblock, physical, length)) {
        throw cursor.corrupt(`extent ${index} (block ${physical}+${length}) lies outside the file system`);
      }
      end = logical + length;
      if (coded <= LONGEST_WRITTEN) runs.push({ logical, length, physical });
    }
    return runs;
  }
}

function parseNode(cursor: Cursor, largestDepth: number): Node {
  if (cursor.u16le(0) !== MAGIC) throw cursor.corrupt("magic number missing");
  const entries = cursor.u16le(2);
  const capacity = cursor.u16le(4);
  const depth = cursor.u16le(6);
  if (depth > largestDepth) throw cursor.corrupt(`depth ${depth} is impossible here`);
  if (capacity === 0 || HEADER_SIZE + capacity * ENTRY_SIZE > cursor.length || entries > capacity) {
    throw cursor.corrupt(`${entries} of ${capacity} entries do not fit`);
  }
  if (entries === 0 && depth > 0) throw cursor.corrupt("index node is empty");
  return { cursor, entries, depth };
}

function verifyTail({ cursor }: Node, seed: number): void {
  const tail = HEADER_SIZE + cursor.u16le(4) * ENTRY_SIZE;
  if (crc32c(seed, cursor.slice(0, tail)) !== cursor.u32le(tail)) throw cursor.corrupt("checksum does not match");
}

/** The child that covers `logical`, and what it covers; no child where the tree starts later. */
function findChild(node: Node, logical: number, bounds: Bounds): { child: number | undefined; within: Bounds } {
  const { cursor, entries } = node;
  const startOf = (index: number) => cursor.u32le(HEADER_SIZE + index * ENTRY_SIZE);
  let low = 0;
  let high = entries;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (startOf(middle) <= logical) low = middle + 1;
    else high = middle;
  }
  const end = low < entries ? startOf(low) : bounds.end;
  if (low === 0) return { child: undefined, within: { start: bounds.start, end } };
  const start = startOf(low - 1);
  if (start < bounds.start || end > bounds.end || start >= end)
    throw cursor.corrupt(`index ${low - 1} is out of order`);
  const offset = HEADER_SIZE + (low - 1) * ENTRY_SIZE;
  return { child: cursor.u16le(offset + 8) * 2 ** 32 + cursor.u32le(offset + 4), within: { start, end } };
}
