/** A file's entry set: file entry, stream extension, name entries (specification, sections 6.3, 7.4, 7.6 and 7.7). */
import type { Cursor } from "../../../bytes/cursor.ts";
import { textFromUtf16 } from "../../../bytes/utf16-name.ts";
import { ATTRIBUTE, type FileRecord } from "../fat/directory-entry.ts";
import { exfatTime } from "./timestamp.ts";

export const SLOT_SIZE = 32;

/** First byte of a slot. */
export const ENTRY = {
  END: 0x00,
  ALLOCATION_BITMAP: 0x81,
  UPCASE_TABLE: 0x82,
  VOLUME_LABEL: 0x83,
  FILE: 0x85,
  STREAM: 0xc0,
  NAME: 0xc1,
} as const;

const IN_USE = 0x80;
const SECONDARY = 0x40;
const BENIGN = 0x20;

export const isInUse = (type: number): boolean => (type & IN_USE) !== 0;
export const isSecondary = (type: number): boolean => (type & SECONDARY) !== 0;
export const isBenign = (type: number): boolean => (type & BENIGN) !== 0;

const LONGEST_NAME = 255;
const UNITS_PER_SLOT = 15;
const STREAM_FLAG = { ALLOCATED: 0x1, NO_CHAIN: 0x2 } as const;

export interface ExfatRecord extends FileRecord {
  readonly name: string;
  /** Bytes written so far; what lies behind reads as zeros. */
  readonly validSize: number;
  /** The clusters follow each other, and the allocation table says nothing of them. */
  readonly contiguous: boolean;
}

/** Slots in all, as the first one of a set says. */
export function slotsOfSet(set: Cursor, offset = 0): number {
  return 1 + set.u8(offset + 1);
}

/** @throws CorruptDataError when the checksum over a set of slots does not match */
export function verifySet(set: Cursor): void {
  // Over the bytes themselves: a million names are a hundred million of them.
  const { bytes } = set;
  let sum = 0;
  for (let index = 0; index < bytes.length; index++) {
    if (index === 2 || index === 3) continue;
    sum = (((sum << 15) | (sum >> 1)) + (bytes[index] as number)) & 0xffff;
  }
  if (sum !== set.u16le(2)) throw set.corrupt("checksum does not match");
}

/**
 * @param set all slots of a file, one behind the other
 * @throws CorruptDataError when the checksum does not match or the slots contradict each other
 */
export function parseFileSet(set: Cursor): ExfatRecord {
  verifySet(set);
  const stream = SLOT_SIZE;
  if (set.length < 2 * SLOT_SIZE || set.u8(stream) !== ENTRY.STREAM) throw set.corrupt("stream extension missing");
  const flags = set.u8(stream + 1);
  const allocated = (flags & STREAM_FLAG.ALLOCATED) !== 0;
  const size = allocated ? set.u64le(stream + 24) : 0;
  const validSize = allocated ? set.u64le(stream + 8) : 0;
  if (validSize > size) throw set.corrupt(`${validSize} bytes of ${size} are valid`);
  return {
    attributes: set.u16le(4),
    firstCluster: set.u32le(stream + 20),
    size,
    validSize,
    contiguous: (flags & STREAM_FLAG.NO_CHAIN) !== 0,
    name: parseName(set, set.u8(stream + 3)),
    birthtime: exfatTime(set.u32le(8), set.u8(22), set.u8(20)),
    mtime: exfatTime(set.u32le(12), set.u8(23), set.u8(21)),
    atime: exfatTime(set.u32le(16), set.u8(24)),
  };
}

function parseName(set: Cursor, length: number): string {
  const slots = Math.ceil(length / UNITS_PER_SLOT);
  if (length < 1 || length > LONGEST_NAME || set.length < (2 + slots) * SLOT_SIZE) {
    throw set.corrupt(`a name of ${length} characters is impossible`);
  }
  let name = "";
  for (let at = 2 * SLOT_SIZE; at < (2 + slots) * SLOT_SIZE; at += SLOT_SIZE) {
    if (set.u8(at) !== ENTRY.NAME) throw set.corrupt("part of its name missing");
    name += textFromUtf16(set.slice(at + 2, UNITS_PER_SLOT * 2));
  }
  for (let at = (2 + slots) * SLOT_SIZE; at < set.length; at += SLOT_SIZE) {
    const type = set.u8(at);
    if (!isSecondary(type) || !isBenign(type)) throw set.corrupt(`entry of unknown type ${type} in its set`);
  }
  const text = name.slice(0, length);
  if (text === "." || text === "..") throw set.corrupt("has no usable name");
  return text;
}

export function isDirectory({ attributes }: FileRecord): boolean {
  return (attributes & ATTRIBUTE.DIRECTORY) !== 0;
}
