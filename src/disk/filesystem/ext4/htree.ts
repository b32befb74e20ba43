/**
 * Hash trees over directories (kernel Documentation/filesystems/ext4/directory.rst, "Hash Tree Directories").
 * Only a short cut: what they say is never taken as proof that a name is absent.
 */
import { crc32c } from "../../../bytes/crc32c.ts";
import type { Cursor } from "../../../bytes/cursor.ts";
import { crc32cOfU32 } from "./checksum.ts";
import { directoryHash } from "./directory-hash.ts";
import type { Superblock } from "./superblock.ts";

/** Where the table of (hash, block) pairs starts: behind `.`, `..` and eight bytes of facts, or behind one empty entry. */
const ROOT_TABLE = 32;
const NODE_TABLE = 8;
const ROOT_FACTS = 24;
const ENTRY_SIZE = 8;
const BLOCK_MASK = 0x0fffffff;
const LARGEST_LEVELS = 2;
/** Leaves looked at for one name: equal hashes may spill over, but not without end. */
const LARGEST_CANDIDATES = 64;

/** The hash a tree is ordered by, from its root. */
export function hashVersionOf(root: Cursor): number {
  return root.u8(ROOT_FACTS + 4);
}

/** Whether a block of an indexed directory is a node of its tree rather than a leaf with entries. */
export function isIndexNode(cursor: Cursor, logicalBlock: number): boolean {
  if (logicalBlock === 0) return true;
  const length = cursor.u16le(4);
  return (
    cursor.u32le(0) === 0 && (length === (cursor.length & 0xffff) || (length === 0xffff && cursor.length === 0x10000))
  );
}

function tableOffset(cursor: Cursor): number {
  // A node starts with one empty entry that spans the block; the root starts with `.`.
  return cursor.u32le(0) === 0 ? NODE_TABLE : ROOT_TABLE;
}

interface Table {
  readonly cursor: Cursor;
  readonly offset: number;
  readonly count: number;
}

function parseTable(cursor: Cursor): Table {
  const offset = tableOffset(cursor);
  const limit = cursor.u16le(offset);
  const count = cursor.u16le(offset + 2);
  if (count === 0 || count > limit || offset + limit * ENTRY_SIZE > cursor.length) {
    throw cursor.corrupt(`index of ${count} of ${limit} entries does not fit`);
  }
  return { cursor, offset, count };
}

/** @throws CorruptDataError when an index node's checksum does not match */
export function verifyIndexNode(cursor: Cursor, seed: number): void {
  const { offset, count } = parseTable(cursor);
  const tail = offset + cursor.u16le(offset) * ENTRY_SIZE;
  const covered = crc32c(seed, cursor.slice(0, offset + count * ENTRY_SIZE));
  const computed = crc32cOfU32(crc32c(covered, cursor.slice(tail, 4)), 0);
  if (computed !== cursor.u32le(tail + 4)) throw cursor.corrupt("checksum does not match");
}

/**
 * Logical blocks that would hold `name`, most likely first; empty when the tree cannot say.
 * @param readNode gives a checked block of the directory
 * @throws CorruptDataError when a node on the way is damaged
 */
export async function candidateLeaves(
  name: Uint8Array,
  superblock: Superblock,
  readNode: (logicalBlock: number) => Promise<Cursor>,
): Promise<number[]> {
  const root = await readNode(0);
  const levels = root.u8(ROOT_FACTS + 6);
  const version = hashVersionOf(root);
  if (root.u32le(ROOT_FACTS) !== 0 || root.u8(ROOT_FACTS + 5) !== 8 || levels > LARGEST_LEVELS) return [];
  const hash = directoryHash(name, version, superblock.directoryHash);
  if (hash === undefined) return [];
  let nodes = [root];
  for (let level = 0; level < levels; level++) {
    const blocks = nodes.flatMap((node) => blocksFor(node, hash.major)).slice(0, LARGEST_CANDIDATES);
    nodes = await Promise.all(blocks.map(readNode));
  }
  return nodes.flatMap((node) => blocksFor(node, hash.major)).slice(0, LARGEST_CANDIDATES);
}

/** The last entry at or below the hash, and those behind it that continue the same hash. */
function blocksFor(node: Cursor, hash: number): number[] {
  const { cursor, offset, count } = parseTable(node);
  const hashOf = (index: number) => cursor.u32le(offset + index * ENTRY_SIZE);
  let low = 1;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (hashOf(middle) <= hash) low = middle + 1;
    else high = middle;
  }
  const blocks: number[] = [];
  for (let index = low - 1; index < count && (index < low || hashOf(index) === hash + 1); index++) {
    blocks.push(cursor.u32le(offset + index * ENTRY_SIZE + 4) & BLOCK_MASK);
    if (blocks.length === LARGEST_CANDIDATES) break;
  }
  return blocks;
}
