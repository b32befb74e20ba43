/** Where the blocks of a fork lie ("XFS Algorithms & Data Structures", chapter "Data Extents"). */
import { Cursor } from "../../../bytes/cursor.ts";
import { LimitError, UnsupportedFeatureError } from "../../../errors.ts";
import type { FileMap, MapWindow } from "../file-map.ts";
import { BTREE_HEADER, verifyHeader } from "./block-header.ts";
import { EXTENT_SIZE, parseExtents } from "./extent-record.ts";
import { FinishedMap } from "./finished-map.ts";
import type { Fork, Inode } from "./inode.ts";
import { inodeCorruption, linearBlock, readBlock, type Volume } from "./volume.ts";

/** Logical blocks are numbered with 54 bits. */
const END = 2 ** 54;
const WHOLE: Bounds = { start: 0, end: END };
const MAGIC_V4 = 0x424d4150;
const MAGIC_V5 = 0x424d4133;
const HEADER_V4 = 24;
const HEADER_V5 = 72;
/** The root in the inode: level and number of records. */
const ROOT_HEADER = 4;
/** Enough for 2^48 extents in blocks of 512 bytes; the kernel stops there, too. */
const LARGEST_LEVEL = 13;

interface Bounds {
  readonly start: number;
  readonly end: number;
}

/**
 * The map of a fork whose content lies in blocks, as recovery would leave it.
 * @throws CorruptDataError for a fork of another form, UnsupportedFeatureError for one that was being exchanged
 */
export function forkMap(volume: Volume, inode: Inode, fork: Fork): FileMap {
  const { unfinished } = volume;
  if (unfinished === undefined) return storedMap(volume, inode, fork);
  if (unfinished.exchanged.has(inode.number)) {
    throw new UnsupportedFeatureError(
      "xfs",
      ["exchange of file contents that was cut short"],
      "let the guest recover it",
    );
  }
  const inAttributes = fork === inode.attributes;
  const changes = unfinished.maps.filter((each) => each.inode === inode.number && each.inAttributes === inAttributes);
  const stored = storedMap(volume, inode, fork);
  return changes.length === 0 ? stored : new FinishedMap(stored, changes, volume.superblock);
}

function storedMap(volume: Volume, inode: Inode, fork: Fork): FileMap {
  if (fork.format === "btree") return new ExtentTree(volume, inode, fork);
  if (fork.format !== "extents") throw inodeCorruption(inode.number, "its blocks are not mapped");
  return new ExtentList(volume, inode, fork);
}

/** All extents in the inode itself: one window over the whole fork. */
class ExtentList implements FileMap {
  readonly #window: MapWindow;

  constructor({ superblock }: Volume, { number }: Inode, { bytes, extents }: Fork) {
    if (extents * EXTENT_SIZE > bytes.length) throw inodeCorruption(number, `${extents} extents do not fit`);
    const cursor = new Cursor(bytes, { format: "xfs", structure: `inode ${number}, extent list` });
    const runs = parseExtents(cursor, { offset: 0, count: extents, ...WHOLE }, superblock);
    this.#window = { start: 0, end: Number.POSITIVE_INFINITY, runs };
  }

  async window(): Promise<MapWindow> {
    return this.#window;
  }
}

interface Node {
  readonly cursor: Cursor;
  readonly level: number;
  readonly records: number;
  /** Bytes to the first key or extent. */
  readonly first: number;
  /** Bytes to the first child's block number, in nodes above the leaves. */
  readonly children: number;
}

/** A B+tree of extents, read one path at a time. */
class ExtentTree implements FileMap {
  readonly #volume: Volume;
  readonly #inode: number;
  readonly #root: Node;

  constructor(volume: Volume, { number }: Inode, { bytes }: Fork) {
    this.#volume = volume;
    this.#inode = number;
    const cursor = new Cursor(Uint8Array.from(bytes), {
      format: "xfs",
      structure: `inode ${number}, extent tree root`,
    });
    this.#root = parseRoot(cursor, volume.limits.treeDepth);
  }

  #owner(): number | undefined {
    return this.#volume.adopting?.has(this.#inode) ? undefined : this.#inode;
  }

  async window(logical: number, signal?: AbortSignal): Promise<MapWindow> {
    let node = this.#root;
    let bounds = WHOLE;
    while (node.level > 0) {
      const { child, within } = findChild(node, logical, bounds);
      if (child === undefined) return { ...within, runs: [] };
      node = await this.#child(node, child, signal);
      bounds = within;
    }
    const { cursor, first, records } = node;
    const runs = parseExtents(cursor, { offset: first, count: records, ...bounds }, this.#volume.superblock);
    return { start: bounds.start, end: bounds.end === END ? Number.POSITIVE_INFINITY : bounds.end, runs };
  }

  /** The level falls by one with every step down, so a tree that contains itself ends. */
  async #child(parent: Node, block: number, signal?: AbortSignal): Promise<Node> {
    const { superblock } = this.#volume;
    const linear = linearBlock(superblock, block);
    if (linear === undefined) throw parent.cursor.corrupt(`child block ${block} lies outside the file system`);
    const byteOffset = linear * superblock.blockSize;
    const place = { format: "xfs", structure: `inode ${this.#inode}, extent tree block ${block}`, byteOffset };
    const cursor = new Cursor(await readBlock(this.#volume, linear, signal), place);
    const v5 = superblock.version === 5;
    if (cursor.u32be(0) !== (v5 ? MAGIC_V5 : MAGIC_V4)) throw cursor.corrupt("magic number missing");
    if (v5) verifyHeader(cursor, BTREE_HEADER, { superblock, byteOffset, owner: this.#owner() });
    const node = layOut(cursor, {
      level: cursor.u16be(4),
      records: cursor.u16be(6),
      first: v5 ? HEADER_V5 : HEADER_V4,
    });
    if (node.level !== parent.level - 1) throw cursor.corrupt(`level ${node.level} below level ${parent.level}`);
    return node;
  }
}

function parseRoot(cursor: Cursor, depthLimit: number): Node {
  const level = cursor.u16be(0);
  if (level === 0 || level > LARGEST_LEVEL) throw cursor.corrupt(`level ${level} is impossible`);
  if (level > depthLimit) throw new LimitError("treeDepth", depthLimit, cursor.place.structure);
  return layOut(cursor, { level, records: cursor.u16be(2), first: ROOT_HEADER });
}

/** Keys and child numbers are two arrays, each as long as there is room for. */
function layOut(cursor: Cursor, { level, records, first }: { level: number; records: number; first: number }): Node {
  const capacity = Math.floor((cursor.length - first) / EXTENT_SIZE);
  if (records === 0 || records > capacity) throw cursor.corrupt(`${records} of ${capacity} records do not fit`);
  return { cursor, level, records, first, children: first + capacity * 8 };
}

/** The child that covers `logical`, and what it covers; no child where the tree starts later. */
function findChild(node: Node, logical: number, bounds: Bounds): { child: number | undefined; within: Bounds } {
  const { cursor, records, first, children } = node;
  const startOf = (index: number) => cursor.u64be(first + index * 8);
  let low = 0;
  let high = records;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (startOf(middle) <= logical) low = middle + 1;
    else high = middle;
  }
  const end = low < records ? startOf(low) : bounds.end;
  if (low === 0) return { child: undefined, within: { start: bounds.start, end } };
  const start = startOf(low - 1);
  if (start < bounds.start || end > bounds.end || start >= end) throw cursor.corrupt(`key ${low - 1} is out of order`);
  return { child: cursor.u64be(children + (low - 1) * 8), within: { start, end } };
}
