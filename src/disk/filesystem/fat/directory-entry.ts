import type { Cursor } from "../../../bytes/cursor.ts";
import type { FileType, NodeStat } from "../file-system.ts";
import { dosTime } from "./dos-time.ts";

/** Bytes of a directory entry, and of every piece of a long name. */
export const SLOT_SIZE = 32;

export const SLOT_END = 0x00;
export const SLOT_DELETED = 0xe5;

export const ATTRIBUTE = {
  READ_ONLY: 0x01,
  HIDDEN: 0x02,
  SYSTEM: 0x04,
  VOLUME_LABEL: 0x08,
  DIRECTORY: 0x10,
  ARCHIVE: 0x20,
} as const;

const LONG_NAME_MASK = 0x3f;
const LONG_NAME = 0x0f;

export function isLongNamePiece(attributes: number): boolean {
  return (attributes & LONG_NAME_MASK) === LONG_NAME;
}

/** What FAT and exFAT know of a file. */
export interface FileRecord {
  readonly attributes: number;
  readonly firstCluster: number;
  /** Bytes; of a FAT directory 0, whatever it holds. */
  readonly size: number;
  readonly mtime: bigint;
  readonly atime: bigint;
  readonly birthtime: bigint | undefined;
}

/** @param offset of the slot in the cursor's bytes */
export function parseEntry(slot: Cursor, offset: number, entryBits: number): FileRecord {
  // Only FAT32 has more than 16 bits; before it, the other two bytes were an index of extended attributes.
  const high = entryBits === 32 ? slot.u16le(offset + 20) : 0;
  const birthDate = slot.u16le(offset + 16);
  return {
    attributes: slot.u8(offset + 11),
    firstCluster: ((high << 16) | slot.u16le(offset + 26)) >>> 0,
    size: slot.u32le(offset + 28),
    mtime: dosTime(slot.u16le(offset + 24), slot.u16le(offset + 22)),
    atime: dosTime(slot.u16le(offset + 18)),
    birthtime: birthDate === 0 ? undefined : dosTime(birthDate, slot.u16le(offset + 14), slot.u8(offset + 13)),
  };
}

export function typeOf(attributes: number): FileType {
  return (attributes & ATTRIBUTE.DIRECTORY) === 0 ? "file" : "directory";
}

const FLAG_NAMES = [
  [ATTRIBUTE.READ_ONLY, "read-only"],
  [ATTRIBUTE.HIDDEN, "hidden"],
  [ATTRIBUTE.SYSTEM, "system"],
  [ATTRIBUTE.ARCHIVE, "archive"],
] as const;

/** Owners and permissions do not exist here: everything is root's, and readable by all. */
export function statOf(node: number, record: FileRecord, size: number, clusterSize: number): NodeStat {
  const { attributes, mtime, atime, birthtime } = record;
  const type = typeOf(attributes);
  const writable = (attributes & ATTRIBUTE.READ_ONLY) === 0;
  return {
    node,
    type,
    mode: type === "directory" ? 0o755 : writable ? 0o644 : 0o444,
    uid: 0,
    gid: 0,
    size,
    allocated: Math.ceil(size / clusterSize) * clusterSize,
    links: 1,
    mtime,
    atime,
    ctime: mtime,
    ...(birthtime === undefined ? {} : { birthtime }),
    flags: FLAG_NAMES.filter(([attribute]) => (attributes & attribute) !== 0).map(([, name]) => name),
  };
}
