/** Where symbolic links and junctions lead that name a drive: only all drives together can tell. */
import { nameFromText, nameKey } from "../../../bytes/byte-name.ts";
import { Cursor } from "../../../bytes/cursor.ts";
import { nameFromUtf16 } from "../../../bytes/utf16-name.ts";
import type { FileSystem, NodeId } from "../../filesystem/file-system.ts";
import { windowsTarget } from "../../filesystem/ntfs/reparse-point.ts";
import { REPARSE_TAG } from "../../filesystem/ntfs/reparse-tag.ts";
import { tolerating } from "../guest-file.ts";

export interface DriveTarget {
  /** `A` to `Z`. */
  readonly letter: string;
  /** Below the drive's root, with slashes. */
  readonly path: Uint8Array;
  /** As Windows shows it: `C:\Users`. */
  readonly shown: Uint8Array;
}

const REPARSE_DATA = nameKey(nameFromText("system.ntfs_reparse_data"));
const REPARSE_HEADER = 8;
const DRIVE_PATH = /^\\\?\?\\([A-Z]):(?:\\(.*))?$/is;

/** Undefined for a link that names no drive, and for one whose reparse point cannot be read. */
export async function readDriveTarget(
  fileSystem: FileSystem,
  node: NodeId,
  signal?: AbortSignal,
): Promise<DriveTarget | undefined> {
  return tolerating(async () => {
    const xattrs = await fileSystem.xattrs(node, signal);
    const stored = xattrs.find(({ name }) => nameKey(name) === REPARSE_DATA);
    return stored === undefined ? undefined : parseDriveTarget(stored.value);
  });
}

/** Pure. @param reparseData a whole reparse point with its header @throws CorruptDataError */
export function parseDriveTarget(reparseData: Uint8Array): DriveTarget | undefined {
  const raw = new Cursor(reparseData, { format: "ntfs", structure: "reparse point" });
  const tag = raw.u32le(0);
  if (tag !== REPARSE_TAG.SYMLINK && tag !== REPARSE_TAG.MOUNT_POINT) return undefined;
  const data = new Cursor(raw.slice(REPARSE_HEADER, raw.u16le(4)), raw.place);
  const { substitute, print, isRelative } = windowsTarget({ tag, data, raw: reparseData });
  const [, letter, path = ""] = DRIVE_PATH.exec(substitute.replaceAll("/", "\\")) ?? [];
  if (isRelative || letter === undefined) return undefined;
  const names = path.split("\\").filter((name) => name !== "");
  return {
    letter: letter.toUpperCase(),
    path: nameFromUtf16(names.join("/")),
    shown: nameFromUtf16(print === "" ? substitute : print),
  };
}
