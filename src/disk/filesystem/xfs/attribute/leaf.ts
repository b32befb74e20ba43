/** Attribute leaves and the nodes above them ("XFS Algorithms & Data Structures", "Leaf Attributes", "Node Attributes"). */
import type { Cursor } from "../../../../bytes/cursor.ts";
import { TREE_HEADER, verifyHeader } from "../block-header.ts";
import type { ForkBlocks } from "../fork-blocks.ts";
import type { Superblock } from "../superblock.ts";
import { ATTRIBUTE_FLAG, type StoredAttribute } from "./stored-attribute.ts";

const LAYOUT = {
  4: { leaf: 0xfbee, node: 0xfebe, info: 12, leafHeader: 32, nodeHeader: 16 },
  5: { leaf: 0x3bee, node: 0x3ebe, info: 56, leafHeader: 80, nodeHeader: 64 },
} as const;
const ENTRY_SIZE = 8;
const LARGEST_LEVEL = 5;

export interface AttributeTree {
  readonly superblock: Superblock;
  /** The inode the attributes belong to. */
  readonly owner: number;
  readonly blocks: ForkBlocks;
}

interface TreeBlock {
  readonly cursor: Cursor;
  readonly isLeaf: boolean;
}

/**
 * The attributes of all leaves, from left to right.
 * @throws CorruptDataError when a block is damaged, or the chain of leaves comes back to one of them
 */
export async function readLeaves(tree: AttributeTree, signal?: AbortSignal): Promise<StoredAttribute[]> {
  const format = tree.superblock.version === 5 ? 5 : 4;
  let logical = 0;
  let block = await readTreeBlock(tree, logical, signal);
  for (let level = LARGEST_LEVEL; !block.isLeaf; level--) {
    if (level === 0) throw block.cursor.corrupt("the attribute tree is too deep");
    logical = block.cursor.u32be(LAYOUT[format].nodeHeader + 4);
    block = await readTreeBlock(tree, logical, signal);
  }
  const attributes: StoredAttribute[] = [];
  const seen = new Set<number>();
  for (;;) {
    if (seen.has(logical)) throw block.cursor.corrupt("the chain of leaves is a circle");
    seen.add(logical);
    attributes.push(...parseLeaf(block.cursor, format));
    logical = block.cursor.u32be(0);
    if (logical === 0) return attributes;
    block = await readTreeBlock(tree, logical, signal);
    if (!block.isLeaf) throw block.cursor.corrupt("is not a leaf");
  }
}

async function readTreeBlock(tree: AttributeTree, logical: number, signal?: AbortSignal): Promise<TreeBlock> {
  const { superblock, owner, blocks } = tree;
  const { cursor, byteOffset } = await blocks.read(logical, 1, signal);
  const { leaf, node } = LAYOUT[superblock.version === 5 ? 5 : 4];
  const magic = cursor.u16be(8);
  if (magic !== leaf && magic !== node) throw cursor.corrupt("magic number missing");
  if (superblock.version === 5) verifyHeader(cursor, TREE_HEADER, { superblock, byteOffset, owner });
  return { cursor, isLeaf: magic === leaf };
}

function parseLeaf(cursor: Cursor, format: 4 | 5): StoredAttribute[] {
  const { info, leafHeader } = LAYOUT[format];
  const count = cursor.u16be(info);
  const attributes: StoredAttribute[] = [];
  for (let index = 0; index < count; index++) {
    const entry = leafHeader + index * ENTRY_SIZE;
    attributes.push(
      parseEntry(cursor, {
        offset: cursor.u16be(entry + 4),
        flags: cursor.u8(entry + 6),
        low: leafHeader + count * ENTRY_SIZE,
      }),
    );
  }
  return attributes;
}

/** @param low where names and values may start: behind the last entry */
function parseEntry(
  cursor: Cursor,
  { offset, flags, low }: { offset: number; flags: number; low: number },
): StoredAttribute {
  if (offset < low) throw cursor.corrupt(`an attribute at ${offset} lies in its header`);
  const isLocal = (flags & ATTRIBUTE_FLAG.LOCAL) !== 0;
  const lengthAt = offset + (isLocal ? 2 : 8);
  const nameLength = cursor.u8(lengthAt);
  const name = cursor.slice(lengthAt + 1, nameLength);
  if (nameLength === 0) throw cursor.corrupt("a name is empty");
  const value = isLocal
    ? cursor.slice(lengthAt + 1 + nameLength, cursor.u16be(offset))
    : { block: cursor.u32be(offset), size: cursor.u32be(offset + 4) };
  return { flags, name, value };
}
