/** The index of leaf and node directories ("XFS Algorithms & Data Structures", "Leaf Directories", "Node Directories"). */
import type { Cursor } from "../../../../bytes/cursor.ts";
import { TREE_HEADER, verifyHeader } from "../block-header.ts";
import type { ForkBlock } from "../fork-blocks.ts";
import type { Superblock } from "../superblock.ts";

/** Logical bytes at which the index starts in every directory. */
export const INDEX_START = 2 ** 35;

/** Magic numbers at byte 8 of a block, by version of the format. */
const MAGIC = {
  4: { leaf: [0xd2f1, 0xd2ff], node: 0xfebe, header: 16, info: 12 },
  5: { leaf: [0x3df1, 0x3dff], node: 0x3ebe, header: 64, info: 56 },
} as const;
const ENTRY_SIZE = 8;
/** An entry whose name was deleted. */
const STALE = 0;
/** Leaves looked at for one name: hashes collide, but not that often. */
const MOST_LEAVES = 64;
/** XFS_DA_NODE_MAXDEPTH. */
const LARGEST_LEVEL = 5;

/** Reads a block of the index by its logical number. */
export type IndexReader = (block: number) => Promise<ForkBlock>;

export interface HashIndex {
  readonly superblock: Superblock;
  /** The directory's inode. */
  readonly owner: number;
  readonly read: IndexReader;
}

interface IndexBlock {
  readonly cursor: Cursor;
  readonly kind: "leaf" | "node";
  readonly count: number;
  readonly level: number;
  /** Bytes to the first entry. */
  readonly first: number;
  /** Logical number of the next block of the same level; 0 at the end. */
  readonly next: number;
}

/**
 * Where entries of that hash are said to lie: bytes from the start of the directory, ascending by chance only.
 * @param root logical block the index starts at
 * @throws CorruptDataError when the index is damaged on the way
 */
export async function entryOffsets(index: HashIndex, root: number, hash: number): Promise<number[]> {
  let block = await readIndexBlock(index, root);
  for (let level = LARGEST_LEVEL; block.kind === "node"; level--) {
    if (level === 0) throw block.cursor.corrupt("the index is too deep");
    block = await readIndexBlock(index, childFor(block, hash));
  }
  const offsets: number[] = [];
  for (let leaves = 0; leaves < MOST_LEAVES; leaves++) {
    offsets.push(...leafOffsets(block, hash));
    if (block.next === 0 || lastHash(block) !== hash) break;
    block = await readIndexBlock(index, block.next);
    if (block.kind !== "leaf") throw block.cursor.corrupt("is not a leaf");
  }
  return offsets;
}

async function readIndexBlock({ superblock, owner, read }: HashIndex, logical: number): Promise<IndexBlock> {
  const { cursor, ...place } = await read(logical);
  const layout = MAGIC[superblock.version === 5 ? 5 : 4];
  const magic = cursor.u16be(8);
  const isNode = magic === layout.node;
  if (!isNode && !layout.leaf.some((each) => each === magic)) throw cursor.corrupt("magic number missing");
  if (superblock.version === 5) verifyHeader(cursor, TREE_HEADER, { superblock, owner, ...place });
  const count = cursor.u16be(layout.info);
  if (layout.header + count * ENTRY_SIZE > cursor.length) throw cursor.corrupt(`${count} entries do not fit`);
  const level = isNode ? cursor.u16be(layout.info + 2) : 0;
  return { cursor, kind: isNode ? "node" : "leaf", count, level, first: layout.header, next: cursor.u32be(0) };
}

/** Index of the first entry whose hash is not below `hash`. */
function lowerBound({ cursor, first, count }: IndexBlock, hash: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (cursor.u32be(first + middle * ENTRY_SIZE) < hash) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A node's entries hold the highest hash below each child. */
function childFor(node: IndexBlock, hash: number): number {
  const at = Math.min(lowerBound(node, hash), node.count - 1);
  if (at < 0) throw node.cursor.corrupt("is empty");
  return node.cursor.u32be(node.first + at * ENTRY_SIZE + 4);
}

function leafOffsets(leaf: IndexBlock, hash: number): number[] {
  const { cursor, first, count } = leaf;
  const offsets: number[] = [];
  for (let at = lowerBound(leaf, hash); at < count; at++) {
    if (cursor.u32be(first + at * ENTRY_SIZE) !== hash) break;
    // Addresses count in units of eight bytes.
    const address = cursor.u32be(first + at * ENTRY_SIZE + 4);
    if (address !== STALE) offsets.push(address * 8);
  }
  return offsets;
}

function lastHash({ cursor, first, count }: IndexBlock): number | undefined {
  return count === 0 ? undefined : cursor.u32be(first + (count - 1) * ENTRY_SIZE);
}
