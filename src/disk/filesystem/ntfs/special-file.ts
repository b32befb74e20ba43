/** Files that stand for something else: links, devices, sockets, by reparse point or as Interix wrote them. */
import { Cursor } from "../../../bytes/cursor.ts";
import type { FileType } from "../file-system.ts";
import { ATTRIBUTE } from "./attribute.ts";
import { openValue } from "./content.ts";
import { FILE_ATTRIBUTE } from "./file-name.ts";
import { attributeValue, type FileNode } from "./file-node.ts";
import { recordPlace } from "./file-record.ts";
import { type ReparsePoint, readReparsePoint } from "./reparse-point.ts";
import { typeOfTag } from "./reparse-tag.ts";
import { standardInformation } from "./standard-information.ts";
import { sizeOf } from "./value.ts";
import type { Volume } from "./volume.ts";

export interface FileKind {
  readonly type: FileType;
  readonly reparsePoint?: ReparsePoint;
  /** Content of a system file that Interix (and ntfs-3g) made, behind its magic number. */
  readonly interix?: Cursor;
}

const INTERIX_MAGIC = 8;
const INTERIX_TYPES: readonly (readonly [magic: string, type: FileType])[] = [
  ["IntxLNK\u0001", "symlink"],
  ["IntxCHR", "character-device"],
  ["IntxBLK", "block-device"],
];
/** A link of 4,096 units, the longest path of Linux. */
const LARGEST_INTERIX_FILE = INTERIX_MAGIC + 2 * 4096;

/** The kind of a file whose record alone tells it; undefined where content has to be read. @throws CorruptDataError */
export function plainKind(file: FileNode): FileKind | undefined {
  const telling = FILE_ATTRIBUTE.REPARSE_POINT | (file.isDirectory ? 0 : FILE_ATTRIBUTE.SYSTEM);
  if ((standardInformation(file).attributes & telling) !== 0) return undefined;
  return { type: file.isDirectory ? "directory" : "file" };
}

/** @throws CorruptDataError, LimitError, SourceError */
export async function kindOf(volume: Volume, file: FileNode, signal?: AbortSignal): Promise<FileKind> {
  const plain = file.isDirectory ? "directory" : "file";
  const { attributes } = standardInformation(file);
  if ((attributes & FILE_ATTRIBUTE.REPARSE_POINT) !== 0) {
    const reparsePoint = await readReparsePoint(volume, file, signal);
    if (reparsePoint !== undefined) return { type: typeOfTag(reparsePoint.tag) ?? plain, reparsePoint };
  }
  if (plain === "file" && (attributes & FILE_ATTRIBUTE.SYSTEM) !== 0) {
    const special = await interixFile(volume, file, signal);
    if (special !== undefined) return special;
  }
  return { type: plain };
}

async function interixFile(volume: Volume, file: FileNode, signal?: AbortSignal): Promise<FileKind | undefined> {
  const value = attributeValue(file, ATTRIBUTE.DATA);
  if (value === undefined || sizeOf(value) <= INTERIX_MAGIC || sizeOf(value) > LARGEST_INTERIX_FILE) return undefined;
  if (value.head.flags !== 0) return undefined;
  const bytes = await openValue(volume, value, file.number).read(0, sizeOf(value), signal);
  const magic = Buffer.from(bytes.buffer, bytes.byteOffset, INTERIX_MAGIC).toString("latin1");
  const known = INTERIX_TYPES.find(([each]) => magic === each.padEnd(INTERIX_MAGIC, "\0"));
  if (known === undefined) return undefined;
  return { type: known[1], interix: new Cursor(bytes.subarray(INTERIX_MAGIC), recordPlace(file.number)) };
}
