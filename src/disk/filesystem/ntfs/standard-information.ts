/** $STANDARD_INFORMATION: times, attributes and the key of the security descriptor. */
import { Cursor } from "../../../bytes/cursor.ts";
import { CorruptDataError } from "../../../errors.ts";
import { ATTRIBUTE } from "./attribute.ts";
import { FILE_ATTRIBUTE } from "./file-name.ts";
import { attributeValue, type FileNode } from "./file-node.ts";
import { recordPlace } from "./file-record.ts";

/** Units of 100 ns from 1601 to 1970. */
const EPOCH = 116_444_736_000_000_000n;
/** With the fields of NTFS 3.0. */
const LONG_FORM = 0x48;

export interface StandardInformation {
  /** Nanoseconds since 1970. */
  readonly birthtime: bigint;
  readonly mtime: bigint;
  readonly ctime: bigint;
  readonly atime: bigint;
  /** FILE_ATTRIBUTE bits. */
  readonly attributes: number;
  /** Key into $Secure; 0 when the file has none there. */
  readonly securityId: number;
}

/** @throws CorruptDataError when the file has none in its records */
export function standardInformation(file: FileNode): StandardInformation {
  const value = attributeValue(file, ATTRIBUTE.STANDARD_INFORMATION);
  if (value?.kind !== "resident") throw new CorruptDataError(recordPlace(file.number), "has no $STANDARD_INFORMATION");
  const cursor = new Cursor(value.head.value, recordPlace(file.number));
  return {
    birthtime: nanoseconds(cursor, 0x00),
    mtime: nanoseconds(cursor, 0x08),
    ctime: nanoseconds(cursor, 0x10),
    atime: nanoseconds(cursor, 0x18),
    attributes: cursor.u32le(0x20),
    securityId: cursor.length >= LONG_FORM ? cursor.u32le(0x34) : 0,
  };
}

function nanoseconds(cursor: Cursor, offset: number): bigint {
  return (BigInt.asIntN(64, cursor.u64leBig(offset)) - EPOCH) * 100n;
}

const FLAG_NAMES: readonly (readonly [bit: number, name: string])[] = [
  [FILE_ATTRIBUTE.READ_ONLY, "read-only"],
  [FILE_ATTRIBUTE.HIDDEN, "hidden"],
  [FILE_ATTRIBUTE.SYSTEM, "system"],
  [FILE_ATTRIBUTE.ARCHIVE, "archive"],
  [FILE_ATTRIBUTE.TEMPORARY, "temporary"],
  [FILE_ATTRIBUTE.SPARSE, "sparse"],
  [FILE_ATTRIBUTE.REPARSE_POINT, "reparse-point"],
  [FILE_ATTRIBUTE.COMPRESSED, "compressed"],
  [FILE_ATTRIBUTE.OFFLINE, "offline"],
  [FILE_ATTRIBUTE.NOT_INDEXED, "not-indexed"],
  [FILE_ATTRIBUTE.ENCRYPTED, "encrypted"],
  [FILE_ATTRIBUTE.PINNED, "pinned"],
  [FILE_ATTRIBUTE.UNPINNED, "unpinned"],
  [FILE_ATTRIBUTE.RECALL_ON_OPEN, "recall-on-open"],
  [FILE_ATTRIBUTE.RECALL_ON_DATA_ACCESS, "recall-on-data-access"],
];

export function flagNames(attributes: number): string[] {
  return FLAG_NAMES.filter(([bit]) => (attributes & bit) !== 0).map(([, name]) => name);
}
