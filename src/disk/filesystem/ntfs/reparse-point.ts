/** $REPARSE_POINT: what stands in for the file's plain meaning ([MS-FSCC] section 2.1.2). */
import { Cursor } from "../../../bytes/cursor.ts";
import { ATTRIBUTE } from "./attribute.ts";
import { readWhole } from "./content.ts";
import { attributeValue, type FileNode } from "./file-node.ts";
import { recordPlace } from "./file-record.ts";
import { REPARSE_TAG } from "./reparse-tag.ts";
import { utf16Text } from "./utf16-name.ts";
import type { Volume } from "./volume.ts";

/** [MS-FSCC]'s own limit, in bytes. */
export const LARGEST_REPARSE_POINT = 16 * 1024;
const HEADER = 8;
/** Tags that are not Microsoft's have a GUID behind the header. */
const THIRD_PARTY_HEADER = 24;
const MICROSOFT = 0x8000_0000;

export interface ReparsePoint {
  readonly tag: number;
  /** Behind the header. */
  readonly data: Cursor;
  /** All of it, as ntfs-3g's `system.ntfs_reparse_data` gives it. */
  readonly raw: Uint8Array;
}

/** @throws CorruptDataError, LimitError */
export async function readReparsePoint(
  volume: Volume,
  file: FileNode,
  signal?: AbortSignal,
): Promise<ReparsePoint | undefined> {
  const value = attributeValue(file, ATTRIBUTE.REPARSE_POINT);
  if (value === undefined) return undefined;
  const raw = await readWhole(volume, value, file.number, LARGEST_REPARSE_POINT, signal);
  const { format, structure } = recordPlace(file.number);
  const cursor = new Cursor(raw, { format, structure: `${structure}, reparse point` });
  const tag = cursor.u32le(0);
  const header = (tag & MICROSOFT) === 0 ? THIRD_PARTY_HEADER : HEADER;
  return { tag, data: new Cursor(cursor.slice(header, cursor.u16le(4)), cursor.place), raw };
}

/** A Windows path as a symbolic link or mount point stores it. */
export interface WindowsTarget {
  /** UTF-16 code units, for the kernel: `\??\C:\Users`. */
  readonly substitute: string;
  /** For people: `C:\Users`; may be empty. */
  readonly print: string;
  /** Relative to the link's directory; else absolute. */
  readonly isRelative: boolean;
}

const SYMLINK_RELATIVE = 0x1;

/** Of a symbolic link or mount point ([MS-FSCC] sections 2.1.2.4 and 2.1.2.5). @throws CorruptDataError */
export function windowsTarget({ tag, data }: ReparsePoint): WindowsTarget {
  const isSymlink = tag === REPARSE_TAG.SYMLINK;
  const paths = isSymlink ? 12 : 8;
  const path = (offset: number) => utf16Text(data.slice(paths + data.u16le(offset), data.u16le(offset + 2)));
  return {
    substitute: path(0),
    print: path(4),
    isRelative: isSymlink && (data.u32le(8) & SYMLINK_RELATIVE) !== 0,
  };
}
