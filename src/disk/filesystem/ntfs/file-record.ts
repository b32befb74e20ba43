/** One record of the master file table (libfsntfs, "The MFT entry"). */
import type { Cursor } from "../../../bytes/cursor.ts";
import type { CorruptionPlace } from "../../../errors.ts";
import { type Attribute, parseAttributes } from "./attribute.ts";
import { applyFixups } from "./fixup.ts";

export const RECORD_FLAG = { IN_USE: 0x0001, DIRECTORY: 0x0002 };

/** Records tell their own number from NTFS 3.1 on; then the update sequence array starts behind it. */
const NUMBERED_HEADER = 0x30;

export interface FileReference {
  readonly record: number;
  /** Counts how often the record was reused; 0 when the reference does not care. */
  readonly sequence: number;
}

export interface FileRecord {
  readonly number: number;
  readonly sequence: number;
  readonly isDirectory: boolean;
  /** The record this one continues; absent for the first record of a file. */
  readonly base?: FileReference;
  readonly attributes: readonly Attribute[];
}

/** Eight bytes: 48 of record number, 16 of sequence. @throws CorruptDataError for numbers beyond 2^32, NTFS's own limit */
export function parseReference(cursor: Cursor, offset: number): FileReference {
  const record = cursor.u32le(offset);
  if (cursor.u16le(offset + 4) !== 0) throw cursor.corrupt(`file reference at ${offset} is implausibly large`);
  return { record, sequence: cursor.u16le(offset + 6) };
}

export function recordPlace(number: number, byteOffset?: number): CorruptionPlace {
  const structure = `MFT record ${number}`;
  return { format: "ntfs", structure, ...(byteOffset === undefined ? {} : { byteOffset }) };
}

/**
 * @param bytes the record as it lies on the disk
 * @throws CorruptDataError also for records that are not in use
 */
export function parseFileRecord(bytes: Uint8Array, number: number, byteOffset?: number): FileRecord {
  const cursor = applyFixups(bytes, "FILE", recordPlace(number, byteOffset));
  const flags = cursor.u16le(0x16);
  if ((flags & RECORD_FLAG.IN_USE) === 0) throw cursor.corrupt("not in use");
  if (cursor.u16le(4) >= NUMBERED_HEADER && cursor.u32le(0x2c) !== number) {
    throw cursor.corrupt(`says it is record ${cursor.u32le(0x2c)}`);
  }
  const first = cursor.u16le(0x14);
  const used = cursor.u32le(0x18);
  if (used > bytes.length || first % 8 !== 0 || first >= used) throw cursor.corrupt("attributes lie outside");
  const base = cursor.u64leBig(0x20) === 0n ? undefined : parseReference(cursor, 0x20);
  return {
    number,
    sequence: cursor.u16le(0x10),
    isDirectory: (flags & RECORD_FLAG.DIRECTORY) !== 0,
    ...(base === undefined ? {} : { base }),
    attributes: parseAttributes(cursor, first, used),
  };
}
