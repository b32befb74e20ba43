/**
 * Link targets and attribute values too large for where they are named lie in blocks of their own. In version 5
 * every such block has a header ("XFS Algorithms & Data Structures", "Remote Attribute Values", "Symbolic Links").
 */
import type { Cursor } from "../../../bytes/cursor.ts";
import { REMOTE_HEADER, verifyHeader } from "./block-header.ts";
import { ForkBlocks } from "./fork-blocks.ts";
import type { Fork, Inode } from "./inode.ts";
import type { Volume } from "./volume.ts";

const HEADER_SIZE = 56;

export interface RemoteKind {
  readonly magic: number;
  readonly what: string;
  /** Whether every block has a header, or only the first of neighbouring blocks. */
  readonly headers: "every block" | "every extent";
}

export const SYMLINK_BLOCK: RemoteKind = { magic: 0x58534c4d, what: "link target", headers: "every extent" };
export const VALUE_BLOCK: RemoteKind = { magic: 0x5841524d, what: "attribute value", headers: "every block" };

export interface RemotePlace {
  readonly inode: Inode;
  readonly fork: Fork;
  /** Logical block in the fork where it starts. */
  readonly block: number;
  /** Bytes. */
  readonly size: number;
  readonly kind: RemoteKind;
}

/** @throws CorruptDataError when a block is missing or is not the one expected */
export async function readRemote(volume: Volume, place: RemotePlace, signal?: AbortSignal): Promise<Uint8Array> {
  const { inode, fork, block, size, kind } = place;
  const v5 = volume.superblock.version === 5;
  const blocks = new ForkBlocks(volume, inode, fork, kind.what);
  const { blockSize } = volume.superblock;
  const headerSize = v5 ? HEADER_SIZE : 0;
  const end = block + Math.ceil(size / (blockSize - headerSize));
  const value = new Uint8Array(size);
  let logical = block;
  for (let done = 0; done < size; ) {
    const count =
      kind.headers === "every block" ? 1 : Math.min(await blocks.neighbours(logical, signal), end - logical);
    const { cursor, byteOffset } = await blocks.read(logical, count, signal);
    const length = Math.min(size - done, cursor.length - headerSize);
    if (v5) verifyPart(cursor, volume, place, { byteOffset, done, length });
    value.set(cursor.slice(headerSize, length), done);
    done += length;
    logical += count;
  }
  return value;
}

function verifyPart(
  cursor: Cursor,
  { superblock }: Volume,
  { inode, kind }: RemotePlace,
  { byteOffset, done, length }: { byteOffset: number; done: number; length: number },
): void {
  if (cursor.u32be(0) !== kind.magic) throw cursor.corrupt("magic number missing");
  verifyHeader(cursor, REMOTE_HEADER, { superblock, byteOffset, owner: inode.number });
  if (cursor.u32be(4) !== done || cursor.u32be(8) !== length)
    throw cursor.corrupt(`is not the part at ${done}+${length}`);
}
