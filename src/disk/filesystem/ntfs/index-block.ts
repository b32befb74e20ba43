/** Nodes of an index, a B-tree: the root in the record and blocks outside (libfsntfs, "The index"). */
import { Cursor } from "../../../bytes/cursor.ts";
import type { CorruptionPlace } from "../../../errors.ts";
import { applyFixups } from "./fixup.ts";

const ENTRY_FLAG = { HAS_CHILD: 0x01, LAST: 0x02 };
const ENTRY_HEADER = 0x10;
const NODE_HEADER = 0x10;
const BLOCK_HEADER = 0x18;

export interface IndexEntry {
  /** Of the entry in the node's cursor. */
  readonly offset: number;
  readonly length: number;
  readonly keyOffset: number;
  readonly keyLength: number;
  /** The node of everything between the entry before and this one. */
  readonly childVcn?: number;
}

export interface IndexNode {
  readonly cursor: Cursor;
  readonly entries: readonly IndexEntry[];
  /** The node of everything behind the last entry. */
  readonly lastChildVcn?: number;
}

/** @param headerOffset of the node header in the cursor. @throws CorruptDataError */
export function parseNode(cursor: Cursor, headerOffset: number): IndexNode {
  const end = headerOffset + cursor.u32le(headerOffset + 4);
  if (end > cursor.length) throw cursor.corrupt("index node reaches past its end");
  const entries: IndexEntry[] = [];
  let offset = headerOffset + cursor.u32le(headerOffset);
  if (offset < headerOffset + NODE_HEADER) throw cursor.corrupt("index entries overlap their header");
  for (;;) {
    if (offset + ENTRY_HEADER > end) throw cursor.corrupt("index node has no last entry");
    const length = cursor.u16le(offset + 8);
    const keyLength = cursor.u16le(offset + 10);
    const flags = cursor.u16le(offset + 12);
    const hasChild = (flags & ENTRY_FLAG.HAS_CHILD) !== 0;
    const childBytes = hasChild ? 8 : 0;
    if (length % 8 !== 0 || length < ENTRY_HEADER + childBytes || offset + length > end) {
      throw cursor.corrupt(`index entry at ${offset}: length ${length}`);
    }
    const child = hasChild ? { childVcn: cursor.u64le(offset + length - 8) } : {};
    if ((flags & ENTRY_FLAG.LAST) !== 0) {
      // A mark on an entry before the last would hide the others.
      if (offset + length !== end) throw cursor.corrupt(`index entry at ${offset} is marked as the last`);
      return { cursor, entries, ...(hasChild ? { lastChildVcn: child.childVcn } : {}) };
    }
    if (ENTRY_HEADER + keyLength + childBytes > length) throw cursor.corrupt(`index entry at ${offset}: key`);
    entries.push({ offset, length, keyOffset: offset + ENTRY_HEADER, keyLength, ...child });
    offset += length;
  }
}

/** @param vcn what the block must say of itself. @throws CorruptDataError */
export function parseBlock(bytes: Uint8Array, vcn: number, place: CorruptionPlace): IndexNode {
  const cursor = applyFixups(bytes, "INDX", place);
  if (cursor.u64le(0x10) !== vcn) throw cursor.corrupt(`says it is block ${cursor.u64le(0x10)}`);
  return parseNode(cursor, BLOCK_HEADER);
}

export interface IndexRoot {
  /** Type of the attribute that the keys are; 0 when they are none. */
  readonly keyType: number;
  /** Bytes. */
  readonly blockSize: number;
  readonly node: IndexNode;
}

/** @param value of $INDEX_ROOT. @throws CorruptDataError */
export function parseRoot(value: Uint8Array, place: CorruptionPlace): IndexRoot {
  const cursor = new Cursor(value, place);
  const blockSize = cursor.u32le(8);
  if (blockSize < 512 || blockSize > 2 ** 21 || !Number.isInteger(Math.log2(blockSize))) {
    throw cursor.corrupt(`index blocks of ${blockSize} bytes`);
  }
  return { keyType: cursor.u32le(0), blockSize, node: parseNode(cursor, 0x10) };
}
