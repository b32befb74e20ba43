/** The superblock ("XFS Algorithms & Data Structures", chapter "Superblocks"; xfs_dsb in xfs_format.h); big-endian. */
import { Cursor } from "../../../bytes/cursor.ts";
import { UnsupportedFeatureError } from "../../../errors.ts";
import { checksumMatches } from "./checksum.ts";
import { FEATURES2, type Features, INCOMPAT, requireKnown, VERSION } from "./features.ts";

const MAGIC = 0x58465342;
export const SUPERBLOCK_CRC = 224;
/** Bytes up to the end of the last field any version has. */
const PARSED_SIZE = 304;
/** Bytes to read before the sector size is known: the largest sector XFS allows. */
export const SUPERBLOCK_AREA = 32768;

export interface LogPlace {
  /** File system block where the log starts; 0 means that it lies on another device. */
  readonly start: number;
  /** File system blocks. */
  readonly blocks: number;
  /** Bytes. */
  readonly sectorSize: number;
}

export interface Superblock {
  /** 4 or 5. */
  readonly version: number;
  readonly features: Features;
  /** Bytes. */
  readonly blockSize: number;
  readonly sectorSize: number;
  readonly inodeSize: number;
  readonly directoryBlockSize: number;
  readonly blockCount: number;
  readonly groupBlocks: number;
  readonly groupCount: number;
  /** Bits of a block number that count within its allocation group. */
  readonly groupBlockLog: number;
  /** Bits of an inode number that count within its block. */
  readonly inodesPerBlockLog: number;
  /** Blocks an aligned inode chunk starts at a multiple of; 0 when they are not aligned. */
  readonly inodeAlignment: number;
  readonly rootInode: number;
  readonly realtimeBlocks: number;
  readonly label: Uint8Array;
  /** What tools show. */
  readonly uuid: Uint8Array;
  /** What every v5 structure carries; differs from `uuid` after the latter was changed. */
  readonly metadataUuid: Uint8Array;
  readonly log: LogPlace;
}

export function hasIncompat(superblock: Superblock, bit: number): boolean {
  return (superblock.features.incompat & bit) !== 0;
}

/** Directory entries carry a file type. */
export function recordsTypes({ version, features }: Superblock): boolean {
  return version === 5 ? (features.incompat & INCOMPAT.FTYPE) !== 0 : (features.features2 & FEATURES2.FTYPE) !== 0;
}

/** Whether a volume's first bytes are an XFS superblock's. Pure, does not throw. */
export function probeXfs(first: Uint8Array): boolean {
  return (
    first.length >= PARSED_SIZE && first[0] === 0x58 && first[1] === 0x46 && first[2] === 0x53 && first[3] === 0x42
  );
}

/**
 * @param bytes from the superblock's start, at least its sector
 * @param byteOffset where it lies; 0 is the primary one
 * @throws CorruptDataError for a wrong checksum or an impossible field, UnsupportedFeatureError
 */
export function parseSuperblock(bytes: Uint8Array, byteOffset: number): Superblock {
  const cursor = new Cursor(bytes, { format: "xfs", structure: "superblock", byteOffset });
  if (bytes.length < PARSED_SIZE) throw cursor.corrupt("cut short");
  if (cursor.u32be(0) !== MAGIC) throw cursor.corrupt("magic number missing");
  const word = cursor.u16be(100);
  const version = word & 0xf;
  if (version < 4) throw new UnsupportedFeatureError("xfs", [`version ${version} of the format`]);
  if (version > 5) throw cursor.corrupt(`version ${version} is impossible`);
  const sectorSize = sizeOf(cursor, {
    what: "sector size",
    value: cursor.u16be(102),
    low: 512,
    high: 32768,
    log: cursor.u8(121),
  });
  if (version === 5 && !checksumMatches(cursor.slice(0, sectorSize), SUPERBLOCK_CRC)) {
    throw cursor.corrupt("checksum does not match");
  }
  // Copies say so for ever; only in the primary superblock it means something.
  if (cursor.u8(126) !== 0 && byteOffset === 0)
    throw new UnsupportedFeatureError("xfs", ["file system whose mkfs did not finish"]);
  const features = parseFeatures(cursor, word, version);
  return {
    version,
    features,
    sectorSize,
    ...parseGeometry(cursor),
    ...parseIdentity(cursor, features),
    log: parseLog(cursor, word),
  };
}

function parseFeatures(cursor: Cursor, word: number, version: number): Features {
  const v5 = version === 5;
  const features = {
    version: word & 0xfff0,
    // Old kernels on some machines wrote the word four bytes further on.
    features2: (word & VERSION.MOREBITS) === 0 ? 0 : cursor.u32be(200) | cursor.u32be(204),
    roCompat: v5 ? cursor.u32be(212) : 0,
    incompat: v5 ? cursor.u32be(216) : 0,
    logIncompat: v5 ? cursor.u32be(220) : 0,
  };
  if (!v5 && (word & VERSION.DIRV2) === 0) throw new UnsupportedFeatureError("xfs", ["version 1 directories"]);
  requireKnown(features);
  return features;
}

interface SizeField {
  readonly what: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly log: number;
}

/** A power of two in its range, stored a second time as its logarithm. */
function sizeOf(cursor: Cursor, { what, value, low, high, log }: SizeField): number {
  if (value < low || value > high || value !== 2 ** log)
    throw cursor.corrupt(`${what} ${value} (2^${log}) is impossible`);
  return value;
}

function parseGeometry(cursor: Cursor) {
  const blockSize = sizeOf(cursor, {
    what: "block size",
    value: cursor.u32be(4),
    low: 512,
    high: 65536,
    log: cursor.u8(120),
  });
  const inodeSize = sizeOf(cursor, {
    what: "inode size",
    value: cursor.u16be(104),
    low: 256,
    high: 2048,
    log: cursor.u8(122),
  });
  const inodesPerBlockLog = cursor.u8(123);
  if (blockSize !== inodeSize * 2 ** inodesPerBlockLog)
    throw cursor.corrupt(`${2 ** inodesPerBlockLog} inodes a block are impossible`);
  const directoryBlockSize = blockSize * 2 ** cursor.u8(192);
  if (directoryBlockSize > 65536) throw cursor.corrupt(`directory block size ${directoryBlockSize} is impossible`);
  const blockCount = cursor.u64be(8);
  const groupBlocks = cursor.u32be(84);
  const groupCount = cursor.u32be(88);
  const groupBlockLog = cursor.u8(124);
  if (
    groupBlocks === 0 ||
    groupBlocks > 2 ** groupBlockLog ||
    groupBlocks <= 2 ** (groupBlockLog - 1) ||
    groupBlockLog > 31
  ) {
    throw cursor.corrupt(`${groupBlocks} blocks a group (${groupBlockLog} bits) are impossible`);
  }
  if (groupCount === 0 || blockCount > groupCount * groupBlocks || blockCount <= (groupCount - 1) * groupBlocks) {
    throw cursor.corrupt(`${blockCount} blocks do not make ${groupCount} groups of ${groupBlocks}`);
  }
  return {
    ...{
      blockSize,
      inodeSize,
      inodesPerBlockLog,
      directoryBlockSize,
      blockCount,
      groupBlocks,
      groupCount,
      groupBlockLog,
    },
    inodeAlignment: cursor.u32be(180),
    rootInode: cursor.u64be(56),
    realtimeBlocks: cursor.u64be(16),
  };
}

function parseIdentity(cursor: Cursor, features: Features) {
  const label = cursor.slice(108, 12);
  const end = label.indexOf(0);
  const uuid = Uint8Array.from(cursor.slice(32, 16));
  return {
    label: Uint8Array.from(end < 0 ? label : label.subarray(0, end)),
    uuid,
    metadataUuid: (features.incompat & INCOMPAT.META_UUID) === 0 ? uuid : Uint8Array.from(cursor.slice(248, 16)),
  };
}

function parseLog(cursor: Cursor, word: number): LogPlace {
  // Without the sector feature the field is unused, and the log's sectors are of 512 bytes.
  const stored = (word & 0x800) === 0 ? 0 : cursor.u16be(194);
  return { start: cursor.u64be(48), blocks: cursor.u32be(96), sectorSize: stored === 0 ? 512 : stored };
}
