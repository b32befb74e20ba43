/** What every v5 metadata block says about itself: checksum, own place, owner, file system. */
import { compareBytes } from "../../../bytes/byte-name.ts";
import type { Cursor } from "../../../bytes/cursor.ts";
import { checksumMatches } from "./checksum.ts";
import type { Superblock } from "./superblock.ts";

/** Byte offsets of the fields in one kind of block. */
export interface HeaderLayout {
  readonly crc: number;
  readonly place: number;
  readonly uuid: number;
  readonly owner: number;
}

/** xfs_btree_block, long form. */
export const BTREE_HEADER: HeaderLayout = { crc: 64, place: 24, uuid: 40, owner: 56 };
/** xfs_dir3_blk_hdr: directory data blocks. */
export const DATA_HEADER: HeaderLayout = { crc: 4, place: 8, uuid: 24, owner: 40 };
/** xfs_da3_blkinfo: leaves and nodes of directories and attributes. */
export const TREE_HEADER: HeaderLayout = { crc: 12, place: 16, uuid: 32, owner: 48 };
/** xfs_attr3_rmt_hdr and xfs_dsymlink_hdr. */
export const REMOTE_HEADER: HeaderLayout = { crc: 12, place: 40, uuid: 16, owner: 32 };

/** Places in headers count sectors of 512 bytes from the start of the volume. */
const BASIC_BLOCK = 512;

export interface ExpectedHeader {
  readonly superblock: Superblock;
  /** Where the block was read from. */
  readonly byteOffset: number;
  /** The inode that it must belong to; undefined when that cannot be told. */
  readonly owner: number | undefined;
  /** False where the guest never got to computing it. */
  readonly hasChecksum?: boolean;
}

/** @throws CorruptDataError */
export function verifyHeader(cursor: Cursor, layout: HeaderLayout, expected: ExpectedHeader): void {
  const { superblock, byteOffset, owner, hasChecksum = true } = expected;
  if (hasChecksum && !checksumMatches(cursor.bytes, layout.crc)) throw cursor.corrupt("checksum does not match");
  if (compareBytes(cursor.slice(layout.uuid, 16), superblock.metadataUuid) !== 0) {
    throw cursor.corrupt("belongs to another file system");
  }
  if (cursor.u64be(layout.place) * BASIC_BLOCK !== byteOffset) throw cursor.corrupt("says that it lies elsewhere");
  if (owner !== undefined && cursor.u64be(layout.owner) !== owner)
    throw cursor.corrupt(`belongs to inode ${cursor.u64be(layout.owner)}`);
}
