/** Freshly made chunks of inodes (xfs_icreate_log; kernel fs/xfs/xfs_icreate_item.c). Its fields are big-endian. */
import { Cursor } from "../../../../bytes/cursor.ts";
import { INODE_MAGIC } from "../inode.ts";
import type { Superblock } from "../superblock.ts";
import { LogDamage } from "./log-damage.ts";
import type { LogItem } from "./transaction.ts";

/** Bytes the kernel reads and writes inodes in, for inodes of 256 bytes. */
const CLUSTER = 8192;
const SMALLEST_INODE = 256;
const NO_INODE = 0xffffffff;
/** An inode chunk holds 64; blocks of 64 KiB hold more. */
const MOST_INODES = 256;

export interface InodeCreation {
  /** Plain number of the first block. */
  readonly block: number;
  readonly blocks: number;
  readonly firstInode: number;
  readonly generation: number;
}

/** @throws LogDamage when the place or a figure is impossible */
export function parseInodeCreation({ regions }: LogItem, superblock: Superblock): InodeCreation {
  const cursor = new Cursor(regions[0] ?? new Uint8Array(), { format: "xfs log", structure: "inode creation" });
  const [group, within, count, size, blocks] = [4, 8, 12, 16, 20].map((offset) => cursor.u32be(offset)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const { groupBlocks, groupCount, groupBlockLog, blockCount, inodeSize, blockSize, inodesPerBlockLog } = superblock;
  const block = group * groupBlocks + within;
  const inside = group < groupCount && within + blocks <= groupBlocks && block + blocks <= blockCount;
  if (!inside || size !== inodeSize || count > MOST_INODES || count * size !== blocks * blockSize) {
    throw new LogDamage(0, `creation of ${count} inodes at block ${within} of group ${group} is impossible`);
  }
  const firstInode = (group * 2 ** groupBlockLog + within) * 2 ** inodesPerBlockLog;
  return { block, blocks, firstInode, generation: cursor.u32be(24) };
}

/** The buffers that inodes are read and written in: their places and lengths, in blocks. */
export function clustersOf(
  { block, blocks }: InodeCreation,
  superblock: Superblock,
): { block: number; blocks: number }[] {
  const { blockSize, inodeSize, inodeAlignment, version } = superblock;
  const scaled = CLUSTER * (inodeSize / SMALLEST_INODE);
  const grows = version === 5 && inodeAlignment >= Math.floor(scaled / blockSize);
  const length = Math.max(1, Math.floor((grows ? scaled : CLUSTER) / blockSize));
  const clusters: { block: number; blocks: number }[] = [];
  for (let start = 0; start + length <= blocks; start += length)
    clusters.push({ block: block + start, blocks: length });
  return clusters;
}

/** The records as the kernel makes them: not in use. Checksums are the caller's to stamp. */
export function freshInodes({ blocks, firstInode, generation }: InodeCreation, superblock: Superblock): Uint8Array {
  const { blockSize, inodeSize, version, metadataUuid } = superblock;
  const bytes = new Uint8Array(blocks * blockSize);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index * inodeSize < bytes.length; index++) {
    const start = index * inodeSize;
    view.setUint16(start, INODE_MAGIC, false);
    view.setUint8(start + 4, version === 5 ? 3 : 2);
    view.setUint32(start + 92, generation, false);
    view.setUint32(start + 96, NO_INODE, false);
    if (version < 5) continue;
    view.setBigUint64(start + 152, BigInt(firstInode + index), false);
    bytes.set(metadataUuid, start + 160);
  }
  return bytes;
}
