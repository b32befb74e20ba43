/**
 * The first sector of an NTFS volume: geometry and the places of the master file table. Little-endian.
 * Written from the Linux-NTFS documentation ("$Boot") and libfsntfs, "The volume header".
 */
import { Cursor } from "../../../bytes/cursor.ts";
import { hasText } from "../signatures.ts";

export const BOOT_SECTOR_SIZE = 512;
const SIGNATURE = "NTFS    ";
const MFT_RECORD_SIZES = { smallest: 512, largest: 64 * 1024 };
const INDEX_BLOCK_SIZES = { smallest: 512, largest: 2 * 1024 * 1024 };
const CLUSTER_SIZES = { smallest: 512, largest: 2 * 1024 * 1024 };

export interface Geometry {
  /** Bytes. */
  readonly sectorSize: number;
  /** Bytes; a power of two from 512 to 2 MiB. */
  readonly clusterSize: number;
  readonly clusterCount: number;
  /** Bytes of one record of the master file table; a power of two. */
  readonly recordSize: number;
  /** First cluster of the master file table, and of the copy of its first records. */
  readonly mftCluster: number;
  readonly mirrorCluster: number;
  /** 16 hexadecimal digits, lower case. */
  readonly serialNumber: string;
}

export function probeNtfs(first: Uint8Array): boolean {
  return hasText(first, 3, SIGNATURE);
}

const isPowerOfTwo = (value: number): boolean => value > 0 && Number.isInteger(Math.log2(value));

/** @throws CorruptDataError when a field contradicts the format */
export function parseBootSector(bytes: Uint8Array, byteOffset = 0): Geometry {
  const cursor = new Cursor(bytes, { format: "ntfs", structure: "boot sector", byteOffset });
  if (!probeNtfs(bytes)) throw cursor.corrupt("signature is missing");
  const sectorSize = cursor.u16le(0x0b);
  if (!isPowerOfTwo(sectorSize) || sectorSize < 256 || sectorSize > 4096) {
    throw cursor.corrupt(`sectors of ${sectorSize} bytes`);
  }
  const clusterSize = sectorSize * sectorsPerCluster(cursor);
  if (!within(clusterSize, CLUSTER_SIZES)) throw cursor.corrupt(`clusters of ${clusterSize} bytes`);
  const recordSize = sizeField(cursor, 0x40, clusterSize);
  if (!within(recordSize, MFT_RECORD_SIZES)) throw cursor.corrupt(`MFT records of ${recordSize} bytes`);
  if (!within(sizeField(cursor, 0x44, clusterSize), INDEX_BLOCK_SIZES)) throw cursor.corrupt("index block size");
  const sectors = cursor.u64le(0x28);
  const clusterCount = Math.floor((sectors * sectorSize) / clusterSize);
  const mftCluster = cursor.u64le(0x30);
  const mirrorCluster = cursor.u64le(0x38);
  if (mftCluster === 0 || mftCluster >= clusterCount) throw cursor.corrupt(`MFT at cluster ${mftCluster}`);
  const serialNumber = cursor.u64leBig(0x48).toString(16).padStart(16, "0");
  return { sectorSize, clusterSize, clusterCount, recordSize, mftCluster, mirrorCluster, serialNumber };
}

function within(size: number, { smallest, largest }: { smallest: number; largest: number }): boolean {
  return isPowerOfTwo(size) && size >= smallest && size <= largest;
}

/** Up to 128 sectors as they are; above, the byte is a negated exponent of two. */
function sectorsPerCluster(cursor: Cursor): number {
  const value = cursor.u8(0x0d);
  return value <= 0x80 ? value : 2 ** (0x100 - value);
}

/** A signed byte: so many clusters, or a negated exponent of two in bytes. */
function sizeField(cursor: Cursor, offset: number, clusterSize: number): number {
  const value = cursor.u8(offset);
  return value < 0x80 ? value * clusterSize : 2 ** (0x100 - value);
}
