/**
 * The superblock: 1024 bytes at byte 1024, little-endian, with copies at the start of some block groups
 * (kernel Documentation/filesystems/ext4/super.rst).
 */
import { crc32c } from "../../../bytes/crc32c.ts";
import { Cursor } from "../../../bytes/cursor.ts";
import { UnsupportedFeatureError } from "../../../errors.ts";
import { COMPAT, type FeatureWords, INCOMPAT, RO_COMPAT, typeByFeatures, unreadableFeatures } from "./features.ts";

export const SUPERBLOCK_OFFSET = 1024;
export const SUPERBLOCK_SIZE = 1024;
const SUPERBLOCK_MAGIC = 0xef53;

const CHECKSUM_OFFSET = 0x3fc;
const CHECKSUM_TYPE_CRC32C = 1;
const CREATOR_HURD = 1;
const REVISION_GOOD_OLD = 0;
const LARGEST_LOG_BLOCK_SIZE = 6;

export interface HashRules {
  readonly seed: readonly number[];
  /** Versions that leave it open take names for unsigned characters. */
  readonly unsigned: boolean;
  /** For directories without a hash tree of their own. */
  readonly defaultVersion: number;
}

export interface Superblock {
  readonly features: FeatureWords;
  readonly inodeCount: number;
  /** In blocks; blocks are numbered from 0 to `blockCount - 1`. */
  readonly blockCount: number;
  /** 1 where blocks are 1 KiB, else 0. */
  readonly firstDataBlock: number;
  /** Bytes. */
  readonly blockSize: number;
  /** Bytes; equals `blockSize` without bigalloc. */
  readonly clusterSize: number;
  readonly blocksPerGroup: number;
  readonly inodesPerGroup: number;
  readonly groupCount: number;
  /** Bytes of an inode on disk: 128 or a larger power of two. */
  readonly inodeSize: number;
  /** Bytes of a group descriptor. */
  readonly descriptorSize: number;
  /** With meta_bg: the first block of descriptors that lies in its own meta block group. */
  readonly firstMetaGroup: number;
  /** The group this copy of the superblock was written for. */
  readonly ownGroup: number;
  /** With sparse_super2: the only groups that hold copies. */
  readonly backupGroups: readonly number[];
  readonly uuid: Uint8Array;
  readonly label: Uint8Array;
  readonly cleanlyUnmounted: boolean;
  readonly errorsFound: boolean;
  readonly journalInode: number;
  /** True when the journal lies on another device. */
  readonly externalJournal: boolean;
  /** CRC-32C register every metadata checksum starts from; undefined where metadata carries none. */
  readonly checksumSeed: number | undefined;
  /** Register of the hash over values kept in inodes of their own (ea_inode); set with or without checksums. */
  readonly attributeHashSeed: number;
  readonly directoryHash: HashRules;
  readonly createdByHurd: boolean;
}

export function has(features: FeatureWords, word: keyof FeatureWords, mask: number): boolean {
  return (features[word] & mask) !== 0;
}

/**
 * @param bytes the 1024 bytes of one copy
 * @param byteOffset where they were read, for messages
 * @throws CorruptDataError when a field contradicts the format or the checksum does not match,
 *         UnsupportedFeatureError naming incompatible features this reader does not know.
 */
export function parseSuperblock(bytes: Uint8Array, byteOffset: number): Superblock {
  const cursor = new Cursor(bytes, { format: "ext4", structure: "superblock", byteOffset });
  if (cursor.u16le(0x38) !== SUPERBLOCK_MAGIC) throw cursor.corrupt("magic number missing");
  const features = parseFeatures(cursor);
  // First, so that a damaged feature word is taken for damage and not for a new feature.
  verifyChecksum(cursor, features);
  refuseUnknown(cursor, features);
  return {
    features,
    ...parseGeometry(cursor, features),
    ...parseIdentity(cursor, features),
  };
}

function isOriginalRevision(cursor: Cursor): boolean {
  return cursor.u32le(0x4c) === REVISION_GOOD_OLD;
}

function parseFeatures(cursor: Cursor): FeatureWords {
  if (isOriginalRevision(cursor)) return { compat: 0, incompat: 0, roCompat: 0 };
  return { compat: cursor.u32le(0x5c), incompat: cursor.u32le(0x60), roCompat: cursor.u32le(0x64) };
}

function parseNames(cursor: Cursor): { uuid: Uint8Array; label: Uint8Array } {
  const label = cursor.slice(0x78, 16);
  const end = label.indexOf(0);
  return { uuid: new Uint8Array(cursor.slice(0x68, 16)), label: label.slice(0, end < 0 ? label.length : end) };
}

function refuseUnknown(cursor: Cursor, features: FeatureWords): void {
  if (has(features, "incompat", INCOMPAT.JOURNAL_DEV)) {
    throw new UnsupportedFeatureError(
      "ext4",
      ["journal_dev"],
      "this is a journal of another file system and holds no files",
    );
  }
  const unknown = unreadableFeatures(features);
  if (unknown.length > 0) throw new UnsupportedFeatureError("ext4", unknown);
  const checksumType = cursor.u8(0x175);
  if (has(features, "roCompat", RO_COMPAT.METADATA_CSUM) && checksumType !== CHECKSUM_TYPE_CRC32C) {
    throw new UnsupportedFeatureError("ext4", [`metadata checksum type ${checksumType}`]);
  }
}

function verifyChecksum(cursor: Cursor, features: FeatureWords): void {
  if (!has(features, "roCompat", RO_COMPAT.METADATA_CSUM) || cursor.u8(0x175) !== CHECKSUM_TYPE_CRC32C) return;
  if (crc32c(0xffffffff, cursor.slice(0, CHECKSUM_OFFSET)) !== cursor.u32le(CHECKSUM_OFFSET)) {
    throw cursor.corrupt("checksum does not match");
  }
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

type GeometryKey =
  | "inodeCount"
  | "blockCount"
  | "firstDataBlock"
  | "blockSize"
  | "clusterSize"
  | "blocksPerGroup"
  | "inodesPerGroup"
  | "groupCount"
  | "inodeSize"
  | "descriptorSize"
  | "firstMetaGroup"
  | "ownGroup"
  | "backupGroups";

function parseGeometry(cursor: Cursor, features: FeatureWords): Pick<Superblock, GeometryKey> {
  const original = isOriginalRevision(cursor);
  const { blockSize, clusterSize } = parseBlockSizes(cursor, features);
  const is64 = has(features, "incompat", INCOMPAT["64BIT"]);
  const blockCount = cursor.u32le(0x4) + (is64 ? cursor.u32le(0x150) * 2 ** 32 : 0);
  const firstDataBlock = cursor.u32le(0x14);
  if (!Number.isSafeInteger(blockCount * blockSize)) throw cursor.corrupt(`${blockCount} blocks are implausibly many`);
  if (firstDataBlock > 1 || firstDataBlock >= blockCount)
    throw cursor.corrupt(`first data block ${firstDataBlock} is impossible`);
  const blocksPerGroup = cursor.u32le(0x20);
  const clustersPerGroup = has(features, "roCompat", RO_COMPAT.BIGALLOC) ? cursor.u32le(0x24) : blocksPerGroup;
  if (
    clustersPerGroup === 0 ||
    clustersPerGroup > blockSize * 8 ||
    blocksPerGroup !== clustersPerGroup * (clusterSize / blockSize)
  ) {
    throw cursor.corrupt(`${blocksPerGroup} blocks in a group are impossible`);
  }
  const inodeSize = original ? 128 : cursor.u16le(0x58);
  if (!isPowerOfTwo(inodeSize) || inodeSize < 128 || inodeSize > blockSize)
    throw cursor.corrupt(`inode size ${inodeSize} is impossible`);
  const inodesPerGroup = cursor.u32le(0x28);
  if (inodesPerGroup === 0 || inodesPerGroup > blockSize * 8)
    throw cursor.corrupt(`${inodesPerGroup} inodes in a group are impossible`);
  const groupCount = Math.ceil((blockCount - firstDataBlock) / blocksPerGroup);
  const inodeCount = cursor.u32le(0x0);
  if (inodeCount > groupCount * inodesPerGroup)
    throw cursor.corrupt(`${inodeCount} inodes do not fit in ${groupCount} groups`);
  const descriptorSize = is64 ? cursor.u16le(0xfe) : 32;
  if (!isPowerOfTwo(descriptorSize) || descriptorSize < (is64 ? 64 : 32) || descriptorSize > 1024) {
    throw cursor.corrupt(`group descriptor size ${descriptorSize} is impossible`);
  }
  return {
    inodeCount,
    blockCount,
    firstDataBlock,
    blockSize,
    clusterSize,
    blocksPerGroup,
    inodesPerGroup,
    groupCount,
    inodeSize,
    descriptorSize,
    firstMetaGroup: cursor.u32le(0x104),
    ownGroup: cursor.u16le(0x5a),
    backupGroups: [cursor.u32le(0x24c), cursor.u32le(0x250)],
  };
}

function parseBlockSizes(cursor: Cursor, features: FeatureWords): { blockSize: number; clusterSize: number } {
  const logBlockSize = cursor.u32le(0x18);
  if (logBlockSize > LARGEST_LOG_BLOCK_SIZE) throw cursor.corrupt(`block size 2^${10 + logBlockSize} is impossible`);
  const blockSize = 1024 << logBlockSize;
  if (!has(features, "roCompat", RO_COMPAT.BIGALLOC)) return { blockSize, clusterSize: blockSize };
  const logClusterSize = cursor.u32le(0x1c);
  if (logClusterSize < logBlockSize || logClusterSize > 20)
    throw cursor.corrupt(`cluster size 2^${10 + logClusterSize} is impossible`);
  return { blockSize, clusterSize: 1024 << logClusterSize };
}

type IdentityKey = Exclude<keyof Superblock, GeometryKey | "features">;

const STATE_CLEAN = 0x1;
const STATE_ERRORS = 0x2;
const FLAG_UNSIGNED_HASH = 0x2;

function parseIdentity(cursor: Cursor, features: FeatureWords): Pick<Superblock, IdentityKey> {
  const { uuid, label } = parseNames(cursor);
  const state = cursor.u16le(0x3a);
  const seed = has(features, "incompat", INCOMPAT.CSUM_SEED) ? cursor.u32le(0x270) : crc32c(0xffffffff, uuid);
  const journalInode = cursor.u32le(0xe0);
  return {
    uuid,
    label,
    cleanlyUnmounted: (state & STATE_CLEAN) !== 0,
    errorsFound: (state & STATE_ERRORS) !== 0,
    journalInode,
    externalJournal: has(features, "compat", COMPAT.HAS_JOURNAL) && journalInode === 0,
    checksumSeed: has(features, "roCompat", RO_COMPAT.METADATA_CSUM) ? seed : undefined,
    attributeHashSeed: seed,
    directoryHash: {
      seed: [cursor.u32le(0xec), cursor.u32le(0xf0), cursor.u32le(0xf4), cursor.u32le(0xf8)],
      unsigned: (cursor.u32le(0x160) & FLAG_UNSIGNED_HASH) !== 0,
      defaultVersion: cursor.u8(0xfc),
    },
    createdByHurd: cursor.u32le(0x48) === CREATOR_HURD,
  };
}

/** What a superblock says about itself without being checked any further. */
export interface ExtSignature {
  readonly type: "ext2" | "ext3" | "ext4";
  readonly label: Uint8Array;
  readonly uuid: Uint8Array;
}

/**
 * Whether bytes look like the start of an ext2, ext3 or ext4 file system: pure, cheap, and deliberately
 * generous, so that a damaged one is named as such by opening it. The journal device of another file system
 * is not a file system.
 * @param head the first bytes of the volume; at least 2048, else the answer is no
 */
export function probeExt4(head: Uint8Array): ExtSignature | undefined {
  if (head.length < SUPERBLOCK_OFFSET + SUPERBLOCK_SIZE) return undefined;
  const cursor = new Cursor(head.subarray(SUPERBLOCK_OFFSET, SUPERBLOCK_OFFSET + SUPERBLOCK_SIZE), {
    format: "ext4",
    structure: "superblock",
    byteOffset: SUPERBLOCK_OFFSET,
  });
  if (cursor.u16le(0x38) !== SUPERBLOCK_MAGIC || cursor.u32le(0x18) > LARGEST_LOG_BLOCK_SIZE) return undefined;
  const features = parseFeatures(cursor);
  if (has(features, "incompat", INCOMPAT.JOURNAL_DEV)) return undefined;
  return { type: typeByFeatures(features), ...parseNames(cursor) };
}
