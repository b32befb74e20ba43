/** What a symbolic link points to, as a path of this volume where that can be told. */
import { CorruptDataError, UnsupportedFeatureError, VmfrError } from "../../../errors.ts";
import { Directory, type StoredName } from "./directory.ts";
import { type FileNode, type FileNodes, nodeIdOf } from "./file-node.ts";
import { recordPlace } from "./file-record.ts";
import { SYSTEM_RECORD } from "./master-file-table.ts";
import { type WindowsTarget, windowsTarget } from "./reparse-point.ts";
import { describeTag, REPARSE_TAG } from "./reparse-tag.ts";
import type { FileKind } from "./special-file.ts";
import { namesOf } from "./stat.ts";
import type { UpcaseTable } from "./upcase-table.ts";
import { nameFromUtf16, utf16Text } from "./utf16-name.ts";
import type { Volume } from "./volume.ts";

export interface LinkContext {
  readonly volume: Volume;
  readonly nodes: FileNodes;
  readonly upcase: UpcaseTable;
}

const NT_PREFIX = "\\??\\";
const DRIVE = /^[A-Za-z]:(?=\\|$)/;
/** Version number in front of the target of WSL's links. */
const LX_HEADER = 4;

/**
 * The raw target, with slashes. A Windows path with a drive letter becomes a path relative to the link when
 * it leads somewhere in this volume, which does not know its letter; else it stays as Windows shows it.
 * @throws CorruptDataError
 */
export async function readLinkTarget(
  context: LinkContext,
  file: FileNode,
  { reparsePoint, interix }: FileKind,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const target = await readTarget();
  if (target.length === 0 || target.includes(0)) {
    throw new CorruptDataError(recordPlace(file.number), "link target is cut short");
  }
  return target;

  async function readTarget(): Promise<Uint8Array> {
    if (interix !== undefined) return nameFromUtf16(utf16Text(interix.bytes).replace(/\0$/, ""));
    if (reparsePoint === undefined) throw new CorruptDataError(recordPlace(file.number), "link without a target");
    const { tag, data } = reparsePoint;
    if (tag === REPARSE_TAG.LX_SYMLINK) return data.slice(LX_HEADER, data.length - LX_HEADER);
    if (tag !== REPARSE_TAG.SYMLINK && tag !== REPARSE_TAG.MOUNT_POINT) {
      throw new UnsupportedFeatureError("ntfs", [describeTag(tag)]);
    }
    return translate(context, file, windowsTarget(reparsePoint), signal);
  }
}

async function translate(
  context: LinkContext,
  file: FileNode,
  target: WindowsTarget,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const path = target.substitute.replaceAll("/", "\\");
  if (target.isRelative && !path.startsWith("\\")) return nameFromUtf16(path.replaceAll("\\", "/"));
  const shown = nameFromUtf16(target.print === "" ? target.substitute : target.print);
  const bare = path.startsWith(NT_PREFIX) ? path.slice(NT_PREFIX.length) : path;
  const rooted = DRIVE.test(bare) ? bare.slice(2) : target.isRelative ? bare : undefined;
  if (rooted === undefined) return shown;
  try {
    const names = rooted.split("\\").filter((name) => name !== "");
    const stored = await followNames(context, names, signal);
    const depth = await depthOf(context, file, signal);
    if (stored === undefined) return target.isRelative ? upFrom(depth, names) : shown;
    return upFrom(depth, stored);
  } catch (error) {
    // Damage elsewhere on the volume does not make the link itself unreadable.
    if (!(error instanceof VmfrError) || error.kind === "source") throw error;
    return shown;
  }
}

function upFrom(depth: number, names: readonly string[]): Uint8Array {
  const path = [...Array.from({ length: depth }, () => ".."), ...names].join("/");
  return nameFromUtf16(path === "" ? "." : path);
}

/** The names as they are stored, or undefined when they lead nowhere. */
async function followNames(
  { volume, nodes, upcase }: LinkContext,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<string[] | undefined> {
  let node = SYSTEM_RECORD.ROOT;
  const stored: string[] = [];
  for (const name of names) {
    const directory = await nodes.read(node, signal);
    if (!directory.isDirectory) return undefined;
    const found: StoredName | undefined = await new Directory(volume, directory, upcase).lookup(
      nameFromUtf16(name),
      signal,
    );
    if (found === undefined) return undefined;
    stored.push(found.fileName.name);
    node = nodeIdOf(found.reference);
  }
  return stored;
}

/** Directories between the link and the root. */
async function depthOf({ volume, nodes }: LinkContext, file: FileNode, signal?: AbortSignal): Promise<number> {
  let [name] = namesOf(file);
  for (let depth = 0; depth < volume.limits.pathDepth; depth++) {
    if (name === undefined) break;
    if (name.parent.record === SYSTEM_RECORD.ROOT) return depth;
    [name] = namesOf(await nodes.read(nodeIdOf(name.parent), signal));
  }
  throw new CorruptDataError(recordPlace(file.number), "its directories do not lead to the root");
}
