import { defaultLimits, type Limits } from "../../bytes/limits.ts";
import type { ByteSource } from "../../source/byte-source.ts";
import type { Partition, PartitionTable } from "../disk.ts";
import { findGpt, type GptSearch, SECTOR_SIZES } from "./gpt.ts";
import { announcesGpt, isExtended, isHybrid, MBR_SIZE, type Mbr, parseMbr, readMbrPartitions } from "./mbr.ts";

export interface PartitionTableOptions {
  /** Bytes of a logical sector, when known. Absent: GPT tells, MBR is taken to have 512. */
  readonly sectorSize?: number;
  /**
   * What was recognised on the disk as a whole. `in-boot-sector`: its signature shares the first sector with
   * an MBR, so that only one of the two can be real; `elsewhere`: both can.
   */
  readonly wholeDisk?: "in-boot-sector" | "elsewhere";
  readonly limits?: Limits;
  readonly signal?: AbortSignal;
}

/** Never fails on account of what the table says: what is wrong with it is in `warnings`. @throws SourceError */
export async function readPartitionTable(
  source: ByteSource,
  options: PartitionTableOptions = {},
): Promise<PartitionTable> {
  const { sectorSize, limits = defaultLimits, signal } = options;
  const mbr = parseMbr(await source.read(0, Math.min(MBR_SIZE, source.size), signal));
  const search = await findGpt(source, sectorSize === undefined ? SECTOR_SIZES : [sectorSize], limits, signal);
  if (mbr !== undefined && announcesGpt(mbr)) return fromGpt(source, search, mbr);
  if (mbr !== undefined && mbr.entries.length > 0) {
    const { partitions, warnings } = await readMbrPartitions(source, mbr, sectorSize ?? 512, limits, signal);
    // A FAT or NTFS boot sector ends with the same signature; what it holds in the table's place is code or text.
    const plausible = partitions.every(({ offset, size }) => offset > 0 && offset + size <= source.size);
    if (options.wholeDisk === "in-boot-sector" && !plausible) return noTable(sectorSize ?? 512);
    if (search.copy === "primary") warnings.push("a GPT that no protective MBR announces is ignored, as Linux does");
    return finish(source, { scheme: "mbr", sectorSize: sectorSize ?? 512, partitions, warnings });
  }
  // Formatting a whole disk leaves the backup of an earlier table at its end.
  if (search.gpt !== undefined && (search.copy === "primary" || options.wholeDisk === undefined)) {
    return fromGpt(source, search, mbr);
  }
  return noTable(sectorSize ?? 512);
}

function fromGpt(source: ByteSource, { gpt, damage }: GptSearch, mbr: Mbr | undefined): PartitionTable {
  if (gpt === undefined) {
    const problem = damage ?? "there is no GPT, neither at the disk's start nor at its end";
    const warnings = [`the protective MBR announces a GPT, but ${problem}`];
    return { scheme: "gpt", sectorSize: 512, partitions: [], warnings };
  }
  const warnings = [...gpt.warnings];
  if (mbr === undefined || !announcesGpt(mbr)) warnings.push("the GPT has no protective MBR");
  else if (isHybrid(mbr)) warnings.push("hybrid MBR: the GPT is used, as Linux does");
  return finish(source, { scheme: "gpt", ...gpt, warnings });
}

function noTable(sectorSize: number): PartitionTable {
  return { scheme: "none", sectorSize, partitions: [], warnings: [] };
}

function finish(source: ByteSource, table: PartitionTable): PartitionTable {
  const warnings = [...table.warnings, ...overlaps(table.partitions), ...beyondEnd(table.partitions, source.size)];
  return { ...table, warnings };
}

function overlaps(partitions: readonly Partition[]): string[] {
  const byOffset = partitions.filter((each) => !isExtended(each)).sort((left, right) => left.offset - right.offset);
  const warnings: string[] = [];
  let reaching: Partition | undefined;
  for (const partition of byOffset) {
    if (reaching !== undefined && partition.offset < reaching.offset + reaching.size) {
      warnings.push(`partitions ${reaching.number} and ${partition.number} overlap`);
    }
    if (reaching === undefined || partition.offset + partition.size > reaching.offset + reaching.size)
      reaching = partition;
  }
  return warnings;
}

function beyondEnd(partitions: readonly Partition[], diskSize: number): string[] {
  return partitions
    .filter(({ offset, size }) => offset + size > diskSize)
    .map(({ number, offset, size }) => {
      const what = offset >= diskSize ? "lies" : "reaches";
      return `partition ${number} (bytes ${offset} to ${offset + size}) ${what} beyond the disk's end at ${diskSize}`;
    });
}
