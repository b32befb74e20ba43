/**
 * The boot sector and the checksum over the eleven sectors it leads, little-endian (Microsoft, "exFAT file system
 * specification", sections 3 and 6).
 */
import { Cursor } from "../../../bytes/cursor.ts";
import { CorruptDataError, UnsupportedFeatureError } from "../../../errors.ts";
import type { CachedSource } from "../../../source/cached-source.ts";
import { FIRST_CLUSTER } from "../fat/allocation-table.ts";
import { hasText } from "../signatures.ts";

const MAGIC = "EXFAT   ";
const SMALLEST_SECTOR_SHIFT = 9;
const LARGEST_SECTOR_SHIFT = 12;
/** 2^25 bytes. */
const LARGEST_CLUSTER_SHIFT = 25;
const CHECKED_SECTORS = 11;
/** Sectors of a region; the second one is the backup of the first. */
const REGION_SECTORS = 12;
/** Bytes that change while the volume is in use: its flags and the share in use. */
const UNCHECKED: readonly number[] = [106, 107, 112];
const FLAG = { SECOND_TABLE: 0x1, DIRTY: 0x2, MEDIA_FAILURE: 0x4 } as const;

/** All figures are bytes unless they say otherwise. */
export interface BootRegion {
  readonly clusterSize: number;
  readonly clusterCount: number;
  /** Of the table in use; TexFAT has two. */
  readonly tableOffset: number;
  /** Where cluster 2 begins. */
  readonly heapOffset: number;
  readonly rootCluster: number;
  readonly size: number;
  readonly serialNumber: number;
  readonly tables: 1 | 2;
  readonly dirty: boolean;
  readonly errors: boolean;
}

/** Whether a volume begins as exFAT does; pure and cheap. */
export function probeExfat(first: Uint8Array): boolean {
  return hasText(first, 3, MAGIC);
}

/**
 * The main boot region, or its backup when it is damaged.
 * @throws CorruptDataError when neither is intact, UnsupportedFeatureError, SourceError
 */
export async function readBootRegion(
  metadata: CachedSource,
  signal?: AbortSignal,
): Promise<{ boot: BootRegion; warnings: string[] }> {
  try {
    return { boot: await readRegion(metadata, 0, undefined, signal), warnings: [] };
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error;
    // The sector size is in the sector that is damaged.
    for (let shift = SMALLEST_SECTOR_SHIFT; shift <= LARGEST_SECTOR_SHIFT; shift++) {
      const offset = REGION_SECTORS << shift;
      const boot = await readRegion(metadata, offset, shift, signal).catch(undefinedIfDamaged);
      if (boot !== undefined) return { boot, warnings: [`${error.message}; its backup at byte ${offset} is used`] };
    }
    throw error;
  }
}

function undefinedIfDamaged(error: unknown): undefined {
  if (!(error instanceof CorruptDataError)) throw error;
}

async function readRegion(
  metadata: CachedSource,
  byteOffset: number,
  expectedShift: number | undefined,
  signal: AbortSignal | undefined,
): Promise<BootRegion> {
  const place = { format: "exfat", structure: "boot region", byteOffset };
  const read = async (length: number) => {
    if (byteOffset + length > metadata.size) throw new CorruptDataError(place, "lies beyond the end of the volume");
    return new Cursor(await metadata.read(byteOffset, length, signal), place);
  };
  const sector = await read(1 << SMALLEST_SECTOR_SHIFT);
  if (!probeExfat(sector.bytes)) throw sector.corrupt("name of the file system missing");
  const shift = sector.u8(108);
  if (shift < SMALLEST_SECTOR_SHIFT || shift > LARGEST_SECTOR_SHIFT || shift !== (expectedShift ?? shift)) {
    throw sector.corrupt(`sectors of 2^${shift} bytes are impossible`);
  }
  verifyChecksum(await read(REGION_SECTORS << shift), 1 << shift);
  return parseBootSector(sector, shift);
}

function verifyChecksum(region: Cursor, sectorSize: number): void {
  let sum = 0;
  for (let index = 0; index < CHECKED_SECTORS * sectorSize; index++) {
    if (UNCHECKED.includes(index)) continue;
    sum = (((sum << 31) | (sum >>> 1)) + region.u8(index)) >>> 0;
  }
  for (let at = CHECKED_SECTORS * sectorSize; at < region.length; at += 4) {
    if (region.u32le(at) !== sum) throw region.corrupt("checksum does not match");
  }
}

function parseBootSector(sector: Cursor, sectorShift: number): BootRegion {
  const revision = sector.u16le(104);
  if (revision >> 8 !== 1) throw new UnsupportedFeatureError("exfat", [`revision ${revision >> 8}.${revision & 0xff}`]);
  const clusterShift = sectorShift + sector.u8(109);
  if (clusterShift > LARGEST_CLUSTER_SHIFT) throw sector.corrupt(`clusters of 2^${clusterShift} bytes are impossible`);
  const tables = sector.u8(110);
  if (tables !== 1 && tables !== 2) throw sector.corrupt(`${tables} allocation tables are impossible`);
  const sectorSize = 2 ** sectorShift;
  const clusterSize = 2 ** clusterShift;
  const size = sector.u64le(72) * sectorSize;
  const tableStart = sector.u32le(80) * sectorSize;
  const tableLength = sector.u32le(84) * sectorSize;
  const heapOffset = sector.u32le(88) * sectorSize;
  const clusterCount = sector.u32le(92);
  if (clusterCount < 1 || !Number.isSafeInteger(size) || heapOffset + clusterCount * clusterSize > size) {
    throw sector.corrupt(`${clusterCount} clusters do not fit in ${size} bytes`);
  }
  if (tableStart < CHECKED_SECTORS * sectorSize || tableStart + tables * tableLength > heapOffset) {
    throw sector.corrupt("the allocation table lies among other structures");
  }
  if (tableLength < (clusterCount + FIRST_CLUSTER) * 4) throw sector.corrupt("the allocation table is too short");
  const flags = sector.u16le(106);
  const active = tables === 2 && (flags & FLAG.SECOND_TABLE) !== 0 ? 1 : 0;
  return {
    clusterSize,
    clusterCount,
    tableOffset: tableStart + active * tableLength,
    heapOffset,
    rootCluster: sector.u32le(96),
    size,
    serialNumber: sector.u32le(100),
    tables,
    dirty: (flags & FLAG.DIRTY) !== 0,
    errors: (flags & FLAG.MEDIA_FAILURE) !== 0,
  };
}
