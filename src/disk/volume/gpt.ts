/**
 * GUID partition table (UEFI specification 2.10, chapter 5.3). Integers are little-endian; LBAs count
 * logical sectors, whose size only the place of the header tells.
 */
import { crc32 } from "node:zlib";
import { Cursor } from "../../bytes/cursor.ts";
import type { Limits } from "../../bytes/limits.ts";
import { CorruptDataError, describeError, SourceError, VmfrError } from "../../errors.ts";
import type { ByteSource } from "../../source/byte-source.ts";
import type { Partition } from "../disk.ts";
import { formatGuid } from "../filesystem/uuid.ts";

const SIGNATURE = "EFI PART";
/** Offsets in the header. */
const HEADER = {
  size: 12,
  crc: 16,
  myLba: 24,
  alternateLba: 32,
  entriesLba: 72,
  entryCount: 80,
  entrySize: 84,
  entriesCrc: 88,
  length: 92,
} as const;
/** Offsets in an entry. */
const ENTRY = { type: 0, uuid: 16, firstLba: 32, lastLba: 40, name: 56, nameLength: 72, length: 128 } as const;
const UNUSED = "00000000-0000-0000-0000-000000000000";
/** 16,384 bytes are usual; this is a thousand times the partitions anybody has. */
const LARGEST_ENTRY_ARRAY = 4 * 1024 * 1024;
export const SECTOR_SIZES: readonly number[] = [512, 4096];

export interface Gpt {
  readonly sectorSize: number;
  readonly partitions: readonly Partition[];
  /** Sentences. */
  readonly warnings: readonly string[];
}

export interface GptSearch {
  readonly gpt: Gpt | undefined;
  /** A sentence: what is wrong, when there is a table but neither copy can be used. */
  readonly damage: string | undefined;
  /** Which copy was used. */
  readonly copy: "primary" | "backup" | undefined;
}

/** Looks for the primary table at every sector size, then for the backup at the disk's end. */
export async function findGpt(
  source: ByteSource,
  sectorSizes: readonly number[],
  limits: Limits,
  signal?: AbortSignal,
): Promise<GptSearch> {
  const damages: string[] = [];
  for (const copy of ["primary", "backup"] as const) {
    for (const sectorSize of sectorSizes) {
      const lba = copy === "primary" ? 1 : Math.floor(source.size / sectorSize) - 1;
      const found = await readCopy(source, sectorSize, lba, limits, signal);
      if (found === undefined) continue;
      if (typeof found === "string") damages.push(`${copy} GPT: ${found}`);
      else {
        const backup = copy === "primary" ? await checkBackup(source, found, limits, signal) : undefined;
        const used =
          copy === "backup" ? [`${damages[0] ?? "primary GPT is missing"}; its backup at the disk's end is used`] : [];
        const warnings = [...used, ...found.warnings, ...(backup === undefined ? [] : [backup])];
        return { gpt: { sectorSize, partitions: found.partitions, warnings }, damage: undefined, copy };
      }
    }
  }
  return { gpt: undefined, damage: damages.length === 0 ? undefined : damages.join("; "), copy: undefined };
}

interface GptCopy extends Gpt {
  readonly alternateLba: number;
  readonly entriesCrc: number;
}

/** Undefined when there is none, a sentence when it is damaged. */
async function readCopy(
  source: ByteSource,
  sectorSize: number,
  lba: number,
  limits: Limits,
  signal: AbortSignal | undefined,
): Promise<GptCopy | string | undefined> {
  const offset = lba * sectorSize;
  if (lba < 1 || offset + sectorSize > source.size) return undefined;
  try {
    const bytes = await source.read(offset, sectorSize, signal);
    const cursor = new Cursor(bytes, { format: "gpt", structure: "header", byteOffset: offset });
    if (cursor.ascii(0, SIGNATURE.length) !== SIGNATURE) return undefined;
    return await readEntries(source, parseHeader(cursor, lba), sectorSize, limits, signal);
  } catch (error) {
    // A copy that cannot be read for good is as lost as a damaged one; what may pass is the caller's to retry.
    if (error instanceof VmfrError && !(error instanceof SourceError && error.retryable)) return describeError(error);
    throw error;
  }
}

interface GptHeader {
  readonly alternateLba: number;
  readonly entriesLba: number;
  readonly entryCount: number;
  readonly entrySize: number;
  readonly entriesCrc: number;
}

function parseHeader(cursor: Cursor, lba: number): GptHeader {
  const size = cursor.u32le(HEADER.size);
  if (size < HEADER.length || size > cursor.length) throw cursor.corrupt(`header size of ${size} bytes`);
  const checked = Uint8Array.from(cursor.slice(0, size));
  checked.fill(0, HEADER.crc, HEADER.crc + 4);
  if (crc32(checked) !== cursor.u32le(HEADER.crc)) throw cursor.corrupt("checksum does not match");
  if (cursor.u64le(HEADER.myLba) !== lba) throw cursor.corrupt(`claims to lie at sector ${cursor.u64le(HEADER.myLba)}`);
  const entrySize = cursor.u32le(HEADER.entrySize);
  const entryCount = cursor.u32le(HEADER.entryCount);
  if (entrySize < ENTRY.length || entrySize % 8 !== 0 || entrySize * entryCount > LARGEST_ENTRY_ARRAY) {
    throw cursor.corrupt(`${entryCount} entries of ${entrySize} bytes`);
  }
  const alternateLba = cursor.u64le(HEADER.alternateLba);
  const entriesLba = cursor.u64le(HEADER.entriesLba);
  return { alternateLba, entriesLba, entryCount, entrySize, entriesCrc: cursor.u32le(HEADER.entriesCrc) };
}

async function readEntries(
  source: ByteSource,
  header: GptHeader,
  sectorSize: number,
  limits: Limits,
  signal: AbortSignal | undefined,
): Promise<GptCopy> {
  const { entriesLba, entryCount, entrySize } = header;
  const place = { format: "gpt", structure: "partition entries", byteOffset: entriesLba * sectorSize };
  if (place.byteOffset + entryCount * entrySize > source.size) {
    throw new CorruptDataError(place, "lie beyond the end of the disk");
  }
  const bytes = await source.read(place.byteOffset, entryCount * entrySize, signal);
  if (crc32(bytes) !== header.entriesCrc) throw new CorruptDataError(place, "checksum does not match");
  const partitions: Partition[] = [];
  const warnings: string[] = [];
  for (let index = 0; index < entryCount; index++) {
    const cursor = new Cursor(bytes.subarray(index * entrySize, (index + 1) * entrySize), place);
    const partition = parseEntry(cursor, index + 1, sectorSize);
    if (partition === undefined) continue;
    if (typeof partition === "string") warnings.push(partition);
    else if (partitions.length < limits.partitions) partitions.push(partition);
    else
      warnings.push(
        `partition ${partition.number} and later ones are left out: more than ${limits.partitions} partitions`,
      );
    if (partitions.length === limits.partitions && warnings.length > 0) break;
  }
  return { sectorSize, partitions, warnings, alternateLba: header.alternateLba, entriesCrc: header.entriesCrc };
}

/** Undefined for an unused entry, a sentence for one that makes no sense. */
function parseEntry(cursor: Cursor, number: number, sectorSize: number): Partition | string | undefined {
  const type = formatGuid(cursor.slice(ENTRY.type, 16));
  if (type === UNUSED) return undefined;
  const firstLba = cursor.u64leBig(ENTRY.firstLba);
  const lastLba = cursor.u64leBig(ENTRY.lastLba);
  if (lastLba < firstLba || lastLba > BigInt(Math.floor(Number.MAX_SAFE_INTEGER / sectorSize) - 1)) {
    return `partition ${number} is left out: it reaches from sector ${firstLba} to ${lastLba}`;
  }
  const name = new TextDecoder("utf-16le").decode(cursor.slice(ENTRY.name, ENTRY.nameLength)).replace(/\0.*$/su, "");
  return {
    number,
    offset: Number(firstLba) * sectorSize,
    size: (Number(lastLba - firstLba) + 1) * sectorSize,
    type,
    ...(name === "" ? {} : { name }),
    uuid: formatGuid(cursor.slice(ENTRY.uuid, 16)),
  };
}

/** A sentence when the backup of a good primary table is missing, damaged or different. */
async function checkBackup(
  source: ByteSource,
  primary: GptCopy,
  limits: Limits,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const backup = await readCopy(source, primary.sectorSize, primary.alternateLba, limits, signal);
  if (backup === undefined) return "backup GPT is missing: the disk may have been cut short";
  if (typeof backup === "string") return `backup GPT: ${backup}`;
  if (backup.entriesCrc !== primary.entriesCrc) return "primary and backup GPT differ; the primary is used";
  return undefined;
}
