/**
 * The first sector of a FAT file system: BIOS parameter block and what it says about where things lie,
 * little-endian (Microsoft, "FAT32 File System Specification", version 1.03; where it and practice part, Linux's
 * fs/fat counts, because it decides what a guest saw).
 */
import { Cursor } from "../../../bytes/cursor.ts";
import { UnsupportedFeatureError } from "../../../errors.ts";
import { hasText } from "../signatures.ts";

export const BOOT_SECTOR_SIZE = 512;

const SECTOR_SIZES: readonly number[] = [512, 1024, 2048, 4096];
const SLOT_SIZE = 32;
/** Cluster numbers start at 2. */
const FIRST_CLUSTER = 2;
const FAT12_CLUSTERS = 4084;
const LARGEST_CLUSTER_COUNT = { 12: FAT12_CLUSTERS, 16: 0xfff4 - FIRST_CLUSTER, 32: 0x0ffffff6 - FIRST_CLUSTER };
const EXTENDED_SIGNATURES: readonly number[] = [0x28, 0x29];
/** Two are usual. */
const MOST_TABLES = 4;
const STATE_DIRTY = 0x1;

/** All figures are bytes unless they say otherwise. */
export interface BootSector {
  /** Bits of an entry of the allocation table; FAT32 uses 28 of them. */
  readonly entryBits: 12 | 16 | 32;
  readonly sectorSize: number;
  readonly clusterSize: number;
  readonly clusterCount: number;
  /** Of the copy of the allocation table that is in use. */
  readonly tableOffset: number;
  /** Of all copies. */
  readonly tableOffsets: readonly number[];
  /** Where the root directory of FAT12 and FAT16 lies. */
  readonly rootOffset: number;
  /** 0 on FAT32, whose root directory is a chain of clusters. */
  readonly rootLength: number;
  /** 0 on FAT12 and FAT16. */
  readonly rootCluster: number;
  /** Where cluster 2 begins. */
  readonly heapOffset: number;
  readonly size: number;
  readonly media: number;
  readonly volumeId: number | undefined;
  /** Eleven bytes in the code page, or nothing. */
  readonly label: Uint8Array;
  /** Linux marks here that the file system was not unmounted. */
  readonly dirty: boolean;
}

/**
 * Whether a volume begins as FAT does: pure and cheap. FAT has no magic number of its own, so these are the checks
 * Linux makes.
 */
export function probeFat(first: Uint8Array): boolean {
  if (first.length < BOOT_SECTOR_SIZE) return false;
  const cursor = new Cursor(first.subarray(0, BOOT_SECTOR_SIZE), { format: "fat", structure: "boot sector" });
  const sectorsPerCluster = cursor.u8(13);
  const signed = hasText(first, 510, "\x55\xaa") || hasText(first, 54, "FAT") || hasText(first, 82, "FAT");
  return (
    signed &&
    [0xeb, 0xe9].includes(cursor.u8(0)) &&
    SECTOR_SIZES.includes(cursor.u16le(11)) &&
    isPowerOfTwo(sectorsPerCluster) &&
    cursor.u16le(14) !== 0 &&
    cursor.u8(16) >= 1 &&
    cursor.u8(16) <= MOST_TABLES &&
    isMedia(cursor.u8(21))
  );
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

/**
 * Whether bytes may be the start of an allocation table: entry 0 holds the media type, its other bits set. A boot
 * sector that leads elsewhere is wrong in what no field of its own shows.
 * @param bytes at least four
 */
export function beginsTable(bytes: Uint8Array, entryBits: 12 | 16 | 32): boolean {
  const cursor = new Cursor(bytes, { format: "fat", structure: "allocation table" });
  const entry = cursor.u32le(0);
  const ones = { 12: 0xf00, 16: 0xff00, 32: 0x0fffff00 }[entryBits];
  return isMedia(entry & 0xff) && (entry & ones) === ones;
}

function isMedia(value: number): boolean {
  return value >= 0xf8 || value === 0xf0;
}

/**
 * @param bytes the first 512 bytes of the volume, or of the backup
 * @throws CorruptDataError when a field contradicts the others, UnsupportedFeatureError for an unknown FAT32 version
 */
export function parseBootSector(bytes: Uint8Array, byteOffset: number): BootSector {
  const cursor = new Cursor(bytes, { format: "fat", structure: "boot sector", byteOffset });
  const sectorSize = cursor.u16le(11);
  if (!SECTOR_SIZES.includes(sectorSize)) throw cursor.corrupt(`sectors of ${sectorSize} bytes are impossible`);
  const sectorsPerCluster = cursor.u8(13);
  if (!isPowerOfTwo(sectorsPerCluster)) throw cursor.corrupt(`clusters of ${sectorsPerCluster} sectors are impossible`);
  const media = cursor.u8(21);
  if (!isMedia(media)) throw cursor.corrupt(`media type ${media} is impossible`);
  const isFat32 = cursor.u16le(22) === 0;
  if (isFat32 && cursor.u16le(42) !== 0) {
    throw new UnsupportedFeatureError("fat", [`FAT32 version ${cursor.u8(43)}.${cursor.u8(42)}`]);
  }
  const layout = parseLayout(cursor, isFat32, sectorSize, sectorsPerCluster * sectorSize);
  return {
    ...layout,
    sectorSize,
    clusterSize: sectorsPerCluster * sectorSize,
    media,
    ...parseIdentity(cursor, isFat32),
  };
}

type LayoutKey =
  | "entryBits"
  | "clusterCount"
  | "tableOffset"
  | "tableOffsets"
  | "rootOffset"
  | "rootLength"
  | "rootCluster"
  | "heapOffset"
  | "size";

function parseLayout(
  cursor: Cursor,
  isFat32: boolean,
  sectorSize: number,
  clusterSize: number,
): Pick<BootSector, LayoutKey> {
  const tablesOffset = cursor.u16le(14) * sectorSize;
  const tableLength = (isFat32 ? cursor.u32le(36) : cursor.u16le(22)) * sectorSize;
  const tableCount = cursor.u8(16);
  if (tablesOffset === 0 || tableLength === 0 || tableCount === 0) throw cursor.corrupt("no allocation table");
  if (tableCount > MOST_TABLES) throw cursor.corrupt(`${tableCount} allocation tables are impossible`);
  const rootOffset = tablesOffset + tableCount * tableLength;
  const rootLength = cursor.u16le(17) * SLOT_SIZE;
  if (rootLength % sectorSize !== 0) throw cursor.corrupt(`root directory of ${rootLength} bytes is no whole sectors`);
  if (!isFat32 && rootLength === 0) throw cursor.corrupt("no root directory");
  // Linux and mtools do not agree on where the files would begin; the backup boot sector may know.
  if (isFat32 && rootLength !== 0) throw cursor.corrupt("a root directory of fixed size, which FAT32 does not have");
  const heapOffset = rootOffset + rootLength;
  const size = (cursor.u16le(19) || cursor.u32le(32)) * sectorSize;
  const clusters = Math.floor((size - heapOffset) / clusterSize);
  if (clusters < 1) throw cursor.corrupt(`${size} bytes leave no room for files`);
  const entryBits = isFat32 ? 32 : clusters > FAT12_CLUSTERS ? 16 : 12;
  if (clusters > LARGEST_CLUSTER_COUNT[entryBits]) {
    throw cursor.corrupt(`${clusters} clusters are too many for FAT${entryBits}`);
  }
  const clusterCount = Math.min(clusters, Math.floor((tableLength * 8) / entryBits) - FIRST_CLUSTER);
  if (clusterCount < 1) throw cursor.corrupt(`an allocation table of ${tableLength} bytes has no entry`);
  const rootCluster = isFat32 ? cursor.u32le(44) & 0x0fffffff : 0;
  if (isFat32 && (rootCluster < FIRST_CLUSTER || rootCluster >= clusterCount + FIRST_CLUSTER)) {
    throw cursor.corrupt(`root directory at cluster ${rootCluster} of ${clusterCount}`);
  }
  return {
    entryBits,
    clusterCount,
    tableOffset: tablesOffset + activeTable(cursor, isFat32, tableCount) * tableLength,
    tableOffsets: Array.from({ length: tableCount }, (_, index) => tablesOffset + index * tableLength),
    rootOffset,
    rootLength,
    rootCluster,
    heapOffset,
    size,
  };
}

/** All copies are alike unless FAT32 says that only one is kept. */
function activeTable(cursor: Cursor, isFat32: boolean, tableCount: number): number {
  const flags = isFat32 ? cursor.u16le(40) : 0;
  if ((flags & 0x80) === 0) return 0;
  const active = flags & 0xf;
  if (active >= tableCount) throw cursor.corrupt(`allocation table ${active} of ${tableCount} is the active one`);
  return active;
}

function parseIdentity(cursor: Cursor, isFat32: boolean): Pick<BootSector, "volumeId" | "label" | "dirty"> {
  const start = isFat32 ? 64 : 36;
  const signature = cursor.u8(start + 2);
  const extended = EXTENDED_SIGNATURES.includes(signature);
  return {
    dirty: extended && (cursor.u8(start + 1) & STATE_DIRTY) !== 0,
    volumeId: extended ? cursor.u32le(start + 3) : undefined,
    label: signature === 0x29 ? new Uint8Array(cursor.slice(start + 7, 11)) : new Uint8Array(0),
  };
}
