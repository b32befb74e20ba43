import { nameFromText, nameKey, splitPath } from "../../bytes/byte-name.ts";
import { defaultLimits } from "../../bytes/limits.ts";
import { SourceError, VmfrError } from "../../errors.ts";
import type { Disk, Volume } from "../disk.ts";
import type { FileSystem, NodeId } from "../filesystem/file-system.ts";
import { parseFstab } from "./fstab.ts";

/** The guest's own view of a disk. */
export interface Guest {
  readonly root: FileSystem;
  /** Absolute paths in the guest, in the order of its fstab. */
  readonly mounts: readonly { readonly path: Uint8Array; readonly fileSystem: FileSystem }[];
}

interface FoundVolume {
  readonly volume: Volume;
  readonly fileSystem: FileSystem;
}

/** More of an fstab than anybody writes. */
const LARGEST_FSTAB = 1024 * 1024;
const ROOT_MARKS = ["etc/fstab", "etc/os-release", "usr/lib/os-release"].map(nameFromText);

/**
 * The root file system (it has an fstab or os-release; else it is the only one) and what its fstab mounts
 * from the same disk. Undefined when none or several look like a root: then nobody can say which was booted.
 * Damage on the way counts as "does not look like one".
 * @throws SourceError when it may pass, and the signal's reason
 */
export async function findGuest(disk: Pick<Disk, "volumes">, signal?: AbortSignal): Promise<Guest | undefined> {
  const volumes = disk.volumes.flatMap((volume) =>
    volume.content.kind === "file-system" ? [{ volume, fileSystem: volume.content.fileSystem }] : [],
  );
  const root = await findRoot(volumes, signal);
  if (root === undefined) return undefined;
  const fstab = await tolerating(() => readFstab(root.fileSystem, signal));
  const mounts = parseFstab(fstab ?? new Uint8Array(0)).flatMap(({ spec, mountPoint }) => {
    const mounted = volumes.filter((each) => each !== root && isMeant(spec, each));
    // The same UUID twice (a cloned partition) does not say which one is meant.
    const [only] = mounted;
    return mounted.length === 1 && only !== undefined ? [{ path: mountPoint, fileSystem: only.fileSystem }] : [];
  });
  return { root: root.fileSystem, mounts };
}

async function findRoot(volumes: readonly FoundVolume[], signal?: AbortSignal): Promise<FoundVolume | undefined> {
  for (const mark of ROOT_MARKS) {
    const marked: FoundVolume[] = [];
    for (const each of volumes) {
      const node = await tolerating(() => findNode(each.fileSystem, mark, signal));
      if (node !== undefined) marked.push(each);
    }
    if (marked.length > 0) return marked.length === 1 ? marked[0] : undefined;
  }
  return volumes.length === 1 ? volumes[0] : undefined;
}

/** Plain steps; a symbolic link counts as present. */
async function findNode(fileSystem: FileSystem, path: Uint8Array, signal?: AbortSignal): Promise<NodeId | undefined> {
  let node = fileSystem.root;
  for (const name of splitPath(path)) {
    const entry = await fileSystem.lookup(node, name, signal);
    if (entry === undefined) return undefined;
    node = entry.node;
  }
  return node;
}

async function readFstab(fileSystem: FileSystem, signal?: AbortSignal): Promise<Uint8Array | undefined> {
  const node = await followLinks(fileSystem, nameFromText("etc/fstab"), signal);
  if (node === undefined) return undefined;
  const file = await fileSystem.openFile(node, signal);
  try {
    return file.size > LARGEST_FSTAB ? undefined : await file.read(0, file.size, signal);
  } finally {
    await file.close();
  }
}

/** Resolves a path inside one file system, as some distributions link their fstab elsewhere. */
async function followLinks(
  fileSystem: FileSystem,
  path: Uint8Array,
  signal?: AbortSignal,
): Promise<NodeId | undefined> {
  const pending = splitPath(path).reverse();
  const parents: NodeId[] = [];
  let node = fileSystem.root;
  let links = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (nameKey(name) === "..") {
      node = parents.pop() ?? fileSystem.root;
      continue;
    }
    const entry = await fileSystem.lookup(node, name, signal);
    if (entry === undefined || parents.length + pending.length > defaultLimits.pathDepth) return undefined;
    const type = entry.type === "unknown" ? (await fileSystem.stat(entry.node, signal)).type : entry.type;
    if (type !== "symlink") {
      parents.push(node);
      node = entry.node;
      continue;
    }
    if (++links > defaultLimits.symlinks) return undefined;
    const target = await fileSystem.readLink(entry.node, signal);
    pending.push(...splitPath(target).reverse());
    if (nameKey(target).startsWith("/")) {
      node = fileSystem.root;
      parents.length = 0;
    }
  }
  return node;
}

/** Whether an fstab's first field means this volume. Disk letters say nothing: vda here may have been sdb there. */
function isMeant(spec: string, { volume, fileSystem }: FoundVolume): boolean {
  const info = fileSystem.info();
  const equals = (key: string, value: string | undefined) =>
    value !== undefined && value !== "" && spec.toLowerCase() === `${key}${value}`.toLowerCase();
  const { partition } = volume;
  if (equals("UUID=", info.uuid) || equals("/dev/disk/by-uuid/", info.uuid)) return true;
  if (equals("PARTUUID=", partition?.uuid) || equals("/dev/disk/by-partuuid/", partition?.uuid)) return true;
  if (info.label !== undefined && info.label !== "") {
    if (spec === `LABEL=${info.label}` || spec === `/dev/disk/by-label/${info.label}`) return true;
  }
  if (partition === undefined) return false;
  if (partition.name !== undefined && spec === `PARTLABEL=${partition.name}`) return true;
  return /^\/dev\/(?:[shv]d[a-z]+|xvd[a-z]+|nvme\d+n\d+p)(\d+)$/.exec(spec)?.[1] === String(partition.number);
}

/** One damaged directory must not hide the guest; failures that may pass are thrown on. */
async function tolerating<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof VmfrError && !(error instanceof SourceError && error.retryable)) return undefined;
    throw error;
  }
}
