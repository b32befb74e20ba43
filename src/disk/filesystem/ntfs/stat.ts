import { Cursor } from "../../../bytes/cursor.ts";
import type { NodeStat } from "../file-system.ts";
import { ATTRIBUTE } from "./attribute.ts";
import { FILE_ATTRIBUTE, NAMESPACE, parseFileName } from "./file-name.ts";
import { attributeValue, type FileNode, nodeIdOf } from "./file-node.ts";
import { recordPlace } from "./file-record.ts";
import { WOF_STREAM } from "./named-streams.ts";
import { REPARSE_TAG } from "./reparse-tag.ts";
import type { FileKind } from "./special-file.ts";
import { flagNames, standardInformation } from "./standard-information.ts";
import { allocatedOf, sizeOf } from "./value.ts";

const INDEX_NAME = "$I30";
/** NTFS has no permission bits: everybody may read and the owner write, unless the file is read-only. */
const MODE = { directory: 0o755, file: 0o644, readOnly: 0o444, symlink: 0o777 };

/** @param targetLength bytes of a symbolic link's target. @throws CorruptDataError */
export function statOf(file: FileNode, kind: FileKind, targetLength: number): NodeStat {
  const { type } = kind;
  const information = standardInformation(file);
  const content =
    type === "directory"
      ? attributeValue(file, ATTRIBUTE.INDEX_ALLOCATION, INDEX_NAME)
      : attributeValue(file, ATTRIBUTE.DATA);
  const isPacked = kind.reparsePoint?.tag === REPARSE_TAG.WOF;
  const packed = isPacked ? attributeValue(file, ATTRIBUTE.DATA, WOF_STREAM) : undefined;
  const device = deviceOf(kind);
  const contentSize = content === undefined ? 0 : sizeOf(content);
  const { birthtime, mtime, atime, ctime, attributes } = information;
  return {
    node: nodeIdOf({ record: file.number, sequence: file.sequence }),
    type,
    mode: modeOf(type, attributes),
    uid: 0,
    gid: 0,
    size: type === "symlink" ? targetLength : contentSize,
    allocated: (content === undefined ? 0 : allocatedOf(content)) + (packed === undefined ? 0 : allocatedOf(packed)),
    links: linkCount(file),
    mtime,
    atime,
    ctime,
    birthtime,
    ...(device === undefined ? {} : { device }),
    flags: flagNames(attributes),
  };
}

function modeOf(type: NodeStat["type"], attributes: number): number {
  if (type === "symlink") return MODE.symlink;
  if (type === "directory") return MODE.directory;
  return (attributes & FILE_ATTRIBUTE.READ_ONLY) === 0 ? MODE.file : MODE.readOnly;
}

/** Names in directories; the one that only DOS sees does not count, unless it is the only one. */
function linkCount(file: FileNode): number {
  if (file.isDirectory) return 1;
  return Math.max(1, namesOf(file).filter(({ namespace }) => namespace !== NAMESPACE.DOS).length);
}

/** All $FILE_NAME attributes. @throws CorruptDataError */
export function namesOf(file: FileNode) {
  const names = file.attributes.filter((each) => each.type === ATTRIBUTE.FILE_NAME);
  const cursors = names.flatMap((each) => (each.resident ? [new Cursor(each.value, recordPlace(file.number))] : []));
  return cursors.map((cursor) => parseFileName(cursor, 0, cursor.length));
}

/** Interix: major and minor, eight bytes each. */
function deviceOf({ type, interix }: FileKind): NodeStat["device"] {
  if (interix === undefined || (type !== "character-device" && type !== "block-device")) return undefined;
  return { major: interix.u64le(0), minor: interix.u64le(8) };
}
