/** $FILE_NAME, in records and as the key of directory entries (libfsntfs, "The file name attribute"). */
import type { Cursor } from "../../../bytes/cursor.ts";
import { type FileReference, parseReference } from "./file-record.ts";
import { utf16Text } from "./utf16-name.ts";

export const NAMESPACE = { POSIX: 0, WIN32: 1, DOS: 2, WIN32_AND_DOS: 3 };

/** Flags of $STANDARD_INFORMATION and $FILE_NAME; the last two exist in the latter only. */
export const FILE_ATTRIBUTE = {
  READ_ONLY: 0x0001,
  HIDDEN: 0x0002,
  SYSTEM: 0x0004,
  ARCHIVE: 0x0020,
  TEMPORARY: 0x0100,
  SPARSE: 0x0200,
  REPARSE_POINT: 0x0400,
  COMPRESSED: 0x0800,
  OFFLINE: 0x1000,
  NOT_INDEXED: 0x2000,
  ENCRYPTED: 0x4000,
  RECALL_ON_OPEN: 0x0004_0000,
  PINNED: 0x0008_0000,
  UNPINNED: 0x0010_0000,
  RECALL_ON_DATA_ACCESS: 0x0040_0000,
  DIRECTORY: 0x1000_0000,
};

export interface FileName {
  readonly parent: FileReference;
  readonly attributes: number;
  /** Of a reparse point, else the size of extended attributes. */
  readonly reparseTag: number;
  readonly namespace: number;
  /** UTF-16 code units. */
  readonly name: string;
}

const HEADER = 0x42;

/** @throws CorruptDataError when the name reaches past `length`, or no directory could hold it */
export function parseFileName(cursor: Cursor, offset: number, length: number): FileName {
  if (length < HEADER) throw cursor.corrupt(`file name of ${length} bytes`);
  const nameBytes = cursor.u8(offset + 0x40) * 2;
  const namespace = cursor.u8(offset + 0x41);
  if (nameBytes === 0 || HEADER + nameBytes > length) throw cursor.corrupt(`file name of ${nameBytes} bytes`);
  if (namespace > NAMESPACE.WIN32_AND_DOS) throw cursor.corrupt(`file name in namespace ${namespace}`);
  return {
    parent: parseReference(cursor, offset),
    attributes: cursor.u32le(offset + 0x38),
    reparseTag: cursor.u32le(offset + 0x3c),
    namespace,
    name: utf16Text(cursor.slice(offset + HEADER, nameBytes)),
  };
}
