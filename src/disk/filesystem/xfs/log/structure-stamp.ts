/** Where version 5 structures keep their checksum and the log sequence number of their last change (kernel fs/xfs/xfs_buf_item_recover.c). */
import { compareBytes } from "../../../../bytes/byte-name.ts";
import { checksumMatches, stampChecksum } from "../checksum.ts";
import { INODE_CRC, INODE_MAGIC } from "../inode.ts";
import type { Superblock } from "../superblock.ts";

/** Byte offsets in one kind of structure. */
interface StampLayout {
  readonly crc: number;
  readonly uuid: number;
  /** Absent where every change is replayed, whatever the structure says. */
  readonly sequence?: number;
}

const LONG_TREE: StampLayout = { crc: 64, uuid: 40, sequence: 32 };
const SHORT_TREE: StampLayout = { crc: 52, uuid: 32, sequence: 24 };
const DIRECTORY_DATA: StampLayout = { crc: 4, uuid: 24, sequence: 16 };
const HASH_TREE: StampLayout = { crc: 12, uuid: 32, sequence: 24 };

/** By the first four bytes. */
const BY_MAGIC: ReadonlyMap<number, StampLayout> = new Map([
  [0x424d4133, LONG_TREE],
  [0x41423342, SHORT_TREE],
  [0x41423343, SHORT_TREE],
  [0x49414233, SHORT_TREE],
  [0x46494233, SHORT_TREE],
  [0x524d4233, SHORT_TREE],
  [0x52334643, SHORT_TREE],
  [0x58444233, DIRECTORY_DATA],
  [0x58444433, DIRECTORY_DATA],
  [0x58444633, DIRECTORY_DATA],
  [0x58534c4d, { crc: 12, uuid: 16, sequence: 48 }],
  [0x5841524d, { crc: 12, uuid: 16 }],
  [0x58465342, { crc: 224, uuid: 32, sequence: 240 }],
]);
/** By the two bytes at byte 8. */
const HASH_TREE_MAGICS: readonly number[] = [0x3ebe, 0x3bee, 0x3df1, 0x3dff];

/** A buffer's structure, when it is one of this file system. */
export function layoutOf(bytes: Uint8Array, superblock: Superblock): StampLayout | undefined {
  if (superblock.version < 5 || bytes.length < 304) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const layout =
    BY_MAGIC.get(view.getUint32(0, false)) ??
    (HASH_TREE_MAGICS.includes(view.getUint16(8, false)) ? HASH_TREE : undefined);
  if (layout === undefined) return undefined;
  const uuid = bytes.subarray(layout.uuid, layout.uuid + 16);
  const own = layout.crc === 224 ? superblock.uuid : superblock.metadataUuid;
  return compareBytes(uuid, own) === 0 ? layout : undefined;
}

/** Whether what lies there was written at that sequence number or later, so that the log has nothing newer. */
export function isAsNew(bytes: Uint8Array, sequence: bigint, superblock: Superblock): boolean {
  const layout = layoutOf(bytes, superblock);
  if (layout?.sequence === undefined) return false;
  const written = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigInt64(layout.sequence, false);
  return written > 0n && written >= sequence;
}

/** Whether a change may be followed by a new checksum: what is damaged must stay so, lest it pass for intact. */
export function mayStamp(before: Uint8Array, superblock: Superblock): boolean {
  if (superblock.version < 5) return false;
  const layout = layoutOf(before, superblock);
  if (layout !== undefined) return checksumMatches(before, layout.crc);
  return inodeRecords(before, superblock).every((record) => checksumMatches(record, INODE_CRC));
}

/** Puts the checksum of a changed buffer right, as the kernel does when it writes it. */
export function stamp(bytes: Uint8Array, superblock: Superblock): void {
  const layout = layoutOf(bytes, superblock);
  if (layout !== undefined) stampChecksum(bytes, layout.crc);
  else for (const record of inodeRecords(bytes, superblock)) stampChecksum(record, INODE_CRC);
}

/** The records of a buffer of inodes; none in other buffers. */
function inodeRecords(bytes: Uint8Array, { inodeSize }: Superblock): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let start = 0; start + inodeSize <= bytes.length; start += inodeSize) {
    if (((bytes[start] as number) << 8) + (bytes[start + 1] as number) !== INODE_MAGIC) return [];
    records.push(bytes.subarray(start, start + inodeSize));
  }
  return records;
}
