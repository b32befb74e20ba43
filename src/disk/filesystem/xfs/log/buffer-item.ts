/** Changed pieces of a buffer (xfs_buf_log_format; kernel fs/xfs/xfs_buf_item_recover.c). */

import { LogDamage } from "./log-damage.ts";
import { BASIC_BLOCK } from "./log-device.ts";
import { NativeFields } from "./native-fields.ts";
import type { LogItem } from "./transaction.ts";

/** Every bit of the map stands for so many bytes of the buffer. */
const CHUNK = 128;
const MAP = 20;
const FLAG = { INODES: 0x1, CANCEL: 0x2, QUOTA: 0x4 | 0x8 | 0x10 } as const;
/** Kinds of buffers that nothing is read from: quota, free space, inode trees' heads, realtime maps. */
const NEVER_READ: ReadonlySet<number> = new Set([1, 2, 3, 5, 6, 7, 12, 19, 20]);
/** The longest buffer the kernel has, in basic blocks. */
const LONGEST = 128;

export interface BufferPiece {
  /** Bytes from the buffer's start. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface BufferItem {
  /** Basic blocks from the start of the volume. */
  readonly block: number;
  readonly blocks: number;
  /** The buffer was given back: nothing the log says about it before this counts. */
  readonly isCancellation: boolean;
  /** Changes only the list of unlinked inodes, or nothing that is read. */
  readonly isIrrelevant: boolean;
  readonly isInodes: boolean;
  readonly pieces: readonly BufferPiece[];
}

/** @throws LogDamage when pieces leave the buffer or are missing */
export function parseBufferItem({ regions }: LogItem): BufferItem {
  const [first = new Uint8Array(), ...contents] = regions;
  const fields = new NativeFields(first, "buffer item");
  const flags = fields.u16(4);
  const blocks = fields.u16(6);
  const block = fields.count(8);
  if (blocks === 0 || blocks > LONGEST) throw new LogDamage(0, `a buffer of ${blocks} blocks is impossible`);
  const isInodes = (flags & FLAG.INODES) !== 0;
  const isCancellation = (flags & FLAG.CANCEL) !== 0;
  const isIrrelevant = isInodes || (flags & FLAG.QUOTA) !== 0 || NEVER_READ.has(flags >>> 11);
  const pieces = isCancellation || isIrrelevant ? [] : parsePieces(fields, contents, blocks * BASIC_BLOCK);
  return { block, blocks, isCancellation, isIrrelevant, isInodes, pieces };
}

/** Runs of set bits, in order, are the regions that follow; a run may be split over several of them. */
function parsePieces(fields: NativeFields, contents: readonly Uint8Array[], size: number): BufferPiece[] {
  const bits = fields.u32(16) * 32;
  const isSet = (bit: number) => bit < bits && ((fields.u32(MAP + (bit >>> 5) * 4) >>> (bit & 31)) & 1) === 1;
  const pieces: BufferPiece[] = [];
  let bit = 0;
  for (const bytes of contents) {
    while (bit < bits && !isSet(bit)) bit++;
    let run = 0;
    while (isSet(bit + run)) run++;
    const chunks = Math.min(run, Math.ceil(bytes.length / CHUNK));
    const length = Math.min(bytes.length, chunks * CHUNK);
    if (chunks === 0 || bit * CHUNK + length > size) throw new LogDamage(0, "a buffer's pieces do not fit its map");
    pieces.push({ offset: bit * CHUNK, bytes: bytes.subarray(0, length) });
    bit += chunks;
  }
  while (bit < bits && !isSet(bit)) bit++;
  if (bit < bits) throw new LogDamage(0, "a buffer's pieces are missing");
  return pieces;
}
