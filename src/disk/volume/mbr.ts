/**
 * Master boot record and its chain of logical partitions. Integers are little-endian; LBAs count logical
 * sectors. There is no specification; this follows what Linux does (block/partitions/msdos.c), because its
 * numbers are the guest's names.
 */
import { Cursor } from "../../bytes/cursor.ts";
import type { Limits } from "../../bytes/limits.ts";
import type { ByteSource } from "../../source/byte-source.ts";
import type { Partition } from "../disk.ts";

export const MBR_SIZE = 512;

const DISK_SIGNATURE = 440;
const ENTRIES = 446;
const ENTRY_SIZE = 16;
const BOOT_SIGNATURE = 510;
/** Offsets in an entry. */
const ENTRY = { bootIndicator: 0, type: 4, firstLba: 8, sectors: 12 } as const;

const GPT_PROTECTIVE = 0xee;
const EXTENDED: ReadonlySet<number> = new Set([0x05, 0x0f, 0x85]);
/** Logical partitions count from here, whether or not all four primary slots are used. */
const FIRST_LOGICAL_NUMBER = 5;

interface MbrEntry {
  /** 0 to 3. */
  readonly slot: number;
  readonly type: number;
  readonly firstLba: number;
  readonly sectors: number;
}

export interface Mbr {
  readonly diskSignature: number;
  /** Used slots only. */
  readonly entries: readonly MbrEntry[];
}

/** Undefined when the sector is none: no signature, or boot indicators that only code or text would have there. */
export function parseMbr(sector: Uint8Array): Mbr | undefined {
  if (sector.length < MBR_SIZE) return undefined;
  const cursor = new Cursor(sector, { format: "mbr", structure: "boot record", byteOffset: 0 });
  if (cursor.u16le(BOOT_SIGNATURE) !== 0xaa55) return undefined;
  const entries: MbrEntry[] = [];
  for (let slot = 0; slot < 4; slot++) {
    const at = ENTRIES + slot * ENTRY_SIZE;
    const bootIndicator = cursor.u8(at + ENTRY.bootIndicator);
    if (bootIndicator !== 0 && bootIndicator !== 0x80) return undefined;
    const type = cursor.u8(at + ENTRY.type);
    const sectors = cursor.u32le(at + ENTRY.sectors);
    if (type !== 0 && sectors !== 0) entries.push({ slot, type, firstLba: cursor.u32le(at + ENTRY.firstLba), sectors });
  }
  return { diskSignature: cursor.u32le(DISK_SIGNATURE), entries };
}

/** Protective or hybrid: the disk's real table is a GPT. */
export function announcesGpt(mbr: Mbr): boolean {
  return mbr.entries.some(({ type }) => type === GPT_PROTECTIVE);
}

export function isHybrid(mbr: Mbr): boolean {
  return announcesGpt(mbr) && mbr.entries.some(({ type }) => type !== GPT_PROTECTIVE);
}

export function isExtended(partition: Partition): boolean {
  return EXTENDED.has(Number(partition.type));
}

export interface PartitionList {
  readonly partitions: Partition[];
  /** Sentences. */
  readonly warnings: string[];
}

/** All partitions, sorted by number; damage of the logical chain costs the rest of the chain and becomes a warning. */
export async function readMbrPartitions(
  source: ByteSource,
  mbr: Mbr,
  sectorSize: number,
  limits: Limits,
  signal?: AbortSignal,
): Promise<PartitionList> {
  const list: PartitionList = { partitions: [], warnings: [] };
  const logical: PartitionList = { partitions: [], warnings: list.warnings };
  for (const entry of mbr.entries) {
    list.partitions.push(toPartition(mbr, entry, entry.slot + 1, 0, sectorSize));
    if (EXTENDED.has(entry.type)) await readLogical({ source, mbr, sectorSize, limits }, entry, logical, signal);
  }
  list.partitions.push(...logical.partitions);
  return list;
}

interface MbrDisk {
  readonly source: ByteSource;
  readonly mbr: Mbr;
  readonly sectorSize: number;
  readonly limits: Limits;
}

/**
 * Each extended boot record holds a partition, counted from itself, and a link to the next record, counted
 * from the start of the extended partition.
 */
async function readLogical(
  disk: MbrDisk,
  extended: MbrEntry,
  list: PartitionList,
  signal?: AbortSignal,
): Promise<void> {
  const { source, sectorSize, limits } = disk;
  const seen = new Set<number>();
  let record = extended.firstLba;
  let recordSectors = extended.sectors;
  for (;;) {
    const where = `extended boot record at sector ${record}`;
    if (seen.has(record)) return warn(list, `the chain of logical partitions loops at the ${where}`);
    if (seen.size >= limits.partitions)
      return warn(list, `the chain of logical partitions is longer than ${limits.partitions}`);
    seen.add(record);
    const offset = record * sectorSize;
    if (offset + MBR_SIZE > source.size) return warn(list, `the ${where} lies beyond the end of the disk`);
    const parsed = parseMbr(await source.read(offset, MBR_SIZE, signal));
    if (parsed === undefined) return warn(list, `the ${where} is damaged: later logical partitions are not found`);
    for (const entry of parsed.entries) {
      if (EXTENDED.has(entry.type) || !liesInExtended(entry, record, recordSectors, extended)) continue;
      const number = FIRST_LOGICAL_NUMBER + list.partitions.length;
      list.partitions.push(toPartition(disk.mbr, entry, number, record, sectorSize));
    }
    const link = parsed.entries.find(({ type }) => EXTENDED.has(type));
    if (link === undefined) return;
    record = extended.firstLba + link.firstLba;
    recordSectors = link.sectors;
  }
}

/** The first two slots are believed; the others are leftovers of odd tools unless they fit, as Linux judges. */
function liesInExtended(entry: MbrEntry, record: number, recordSectors: number, extended: MbrEntry): boolean {
  if (entry.slot < 2) return true;
  const start = record + entry.firstLba;
  return (
    entry.firstLba + entry.sectors <= recordSectors &&
    start >= extended.firstLba &&
    start + entry.sectors <= extended.firstLba + extended.sectors
  );
}

function warn(list: PartitionList, warning: string): void {
  list.warnings.push(warning);
}

function toPartition(mbr: Mbr, entry: MbrEntry, number: number, base: number, sectorSize: number): Partition {
  const signature = mbr.diskSignature.toString(16).padStart(8, "0");
  return {
    number,
    offset: (base + entry.firstLba) * sectorSize,
    size: entry.sectors * sectorSize,
    type: `0x${entry.type.toString(16).padStart(2, "0")}`,
    ...(mbr.diskSignature === 0 ? {} : { uuid: `${signature}-${number.toString(16).padStart(2, "0")}` }),
  };
}
