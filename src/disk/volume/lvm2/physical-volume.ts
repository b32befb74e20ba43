/** The label and header of a physical volume (lvm2 `lib/format_text/layout.h`, `lib/label/label.c`). Little-endian. */
import { Cursor } from "../../../bytes/cursor.ts";
import { VmfrError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import { lvmChecksum } from "./checksum.ts";

const SECTOR = 512;
/** A label may lie in any of the first four sectors; `pvcreate` uses the second. */
const LABEL_SECTORS = 4;
const MAGIC = "LABELONE";
const LABEL_TYPE = "LVM2 001";
const UUID_LENGTH = 32;
/** Data and metadata areas one header can list at most, by its size. */
const AREA_SIZE = 16;

const LABEL = { magic: 0, sector: 8, crc: 16, checked: 20, contents: 20, type: 24 } as const;
const HEADER = { uuid: 0, deviceSize: 32, areas: 40 } as const;

/** Bytes from the start of the physical volume. A size of 0 means up to the end. */
export interface DeviceArea {
  readonly offset: number;
  readonly size: number;
}

export interface PhysicalVolumeHeader {
  /** As in the metadata: 32 characters in groups, `AbCdEf-…`. */
  readonly id: string;
  readonly metadataAreas: readonly DeviceArea[];
}

/**
 * The header of the first sector that has a valid label; undefined where no label is.
 * @throws CorruptDataError when there are labels and none is valid; SourceError
 */
export async function readPhysicalVolume(
  source: ByteSource,
  signal?: AbortSignal,
): Promise<PhysicalVolumeHeader | undefined> {
  const bytes = await source.read(0, Math.min(LABEL_SECTORS * SECTOR, source.size), signal);
  let failure: VmfrError | undefined;
  for (let start = 0; start + SECTOR <= bytes.length; start += SECTOR) {
    const place = { format: "lvm2", structure: "physical volume label", byteOffset: start };
    const cursor = new Cursor(bytes.subarray(start, start + SECTOR), place);
    if (cursor.ascii(LABEL.magic, 8) !== MAGIC || cursor.ascii(LABEL.type, 8) !== LABEL_TYPE) continue;
    try {
      return parseLabel(cursor, start / SECTOR);
    } catch (error) {
      if (!(error instanceof VmfrError)) throw error;
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  return undefined;
}

function parseLabel(cursor: Cursor, sector: number): PhysicalVolumeHeader {
  if (lvmChecksum(cursor.slice(LABEL.checked, SECTOR - LABEL.checked)) !== cursor.u32le(LABEL.crc)) {
    throw cursor.corrupt("checksum does not match");
  }
  if (cursor.u64le(LABEL.sector) !== sector) throw cursor.corrupt("says that it belongs to another sector");
  const start = cursor.u32le(LABEL.contents);
  const id = cursor.ascii(start + HEADER.uuid, UUID_LENGTH);
  if (!/^[0-9A-Za-z]{32}$/.test(id)) throw cursor.corrupt("the physical volume's identifier is not one");
  // Two lists one behind the other, each ended by an empty place: data areas, metadata areas.
  const data = readAreas(cursor, start + HEADER.areas);
  const metadata = readAreas(cursor, data.end);
  return { id: groupIdentifier(id), metadataAreas: metadata.areas };
}

function readAreas(cursor: Cursor, start: number): { readonly areas: DeviceArea[]; readonly end: number } {
  const areas: DeviceArea[] = [];
  for (let at = start; ; at += AREA_SIZE) {
    const area = { offset: cursor.u64le(at), size: cursor.u64le(at + 8) };
    if (area.offset === 0) return { areas, end: at + AREA_SIZE };
    areas.push(area);
  }
}

function groupIdentifier(id: string): string {
  return [
    [0, 6],
    [6, 10],
    [10, 14],
    [14, 18],
    [18, 22],
    [22, 26],
    [26, 32],
  ]
    .map(([from, to]) => id.slice(from, to))
    .join("-");
}
