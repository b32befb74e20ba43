import { nameFromText } from "../../bytes/byte-name.ts";
import type { Disk, Volume } from "../disk.ts";
import type { FileSystem } from "../filesystem/file-system.ts";
import { parseCrypttab } from "./crypttab.ts";
import { parseFstab } from "./fstab.ts";
import { findNode, readGuestFile, tolerating } from "./guest-file.ts";
import { type OperatingSystem, readOsRelease } from "./operating-system.ts";
import { windowsGuest } from "./windows/windows-guest.ts";

/** The guest's own view of a disk. */
export interface Guest {
  /** Absent when nobody can say how the volumes hang together. */
  readonly root?: FileSystem;
  /** Absolute paths in the guest, in the order of its fstab. */
  readonly mounts: readonly { readonly path: Uint8Array; readonly fileSystem: FileSystem }[];
  /** Of a Windows guest: by drive letter, `A` to `Z`. */
  readonly drives?: ReadonlyMap<string, FileSystem>;
  readonly operatingSystem?: OperatingSystem;
  /** Sentences: what may differ from what the guest saw, and why. */
  readonly notes?: readonly string[];
}

export interface FoundVolume {
  readonly volume: Volume;
  readonly fileSystem: FileSystem;
}

/** The volumes of the virtual machine's other disks; asked for only when the guest's fstab, or a drive letter, names what is not on its own. */
export type OtherVolumes = () => Promise<readonly Volume[]>;

/** More of an fstab or crypttab than anybody writes. */
const LARGEST_TABLE = 1024 * 1024;
const NOTHING = new Uint8Array(0);
const WINDOWS_MARK = nameFromText("Windows/System32/config/SYSTEM");
const ROOT_MARKS = ["etc/fstab", "etc/os-release", "usr/lib/os-release"].map(nameFromText);

/**
 * The root file system (it has an fstab or os-release; else it is the only one) and what its fstab mounts from the
 * same disk and, by unmistakable names, from the others; of a Windows guest its drives. Undefined when none or
 * several look like a root: then nobody can say which was booted. Damage on the way counts as "does not look like one".
 * @throws SourceError when it may pass, and the signal's reason
 */
export async function findGuest(
  disk: Pick<Disk, "volumes">,
  signal?: AbortSignal,
  others?: OtherVolumes,
): Promise<Guest | undefined> {
  const volumes = fileSystemsOf(disk.volumes);
  const windows = await markedWith(WINDOWS_MARK, volumes, signal);
  const roots = await findRoots(volumes, signal);
  const [only, ...more] = [...new Set([...windows, ...roots])];
  const root = roots.length + windows.length === 0 && volumes.length === 1 ? volumes[0] : only;
  if (root === undefined || more.length > 0) return undefined;
  if (windows.length === 0) return linuxGuest(volumes, root, others, signal);
  return windowsGuest(volumes, root, async () => fileSystemsOf((await others?.()) ?? []), signal);
}

function fileSystemsOf(volumes: readonly Volume[]): FoundVolume[] {
  return volumes.flatMap((volume) =>
    volume.content.kind === "file-system" ? [{ volume, fileSystem: volume.content.fileSystem }] : [],
  );
}

async function linuxGuest(
  own: readonly FoundVolume[],
  root: FoundVolume,
  others?: OtherVolumes,
  signal?: AbortSignal,
): Promise<Guest> {
  const operatingSystem = await readOsRelease(root.fileSystem, signal);
  const table = (path: string) =>
    tolerating(() => readGuestFile(root.fileSystem, path, LARGEST_TABLE, signal)).then((text) => text ?? NOTHING);
  const opened = parseCrypttab(await table("etc/crypttab"));
  const entries = parseFstab(await table("etc/fstab")).map((entry) => ({
    ...entry,
    spec: opened.get(entry.spec) ?? entry.spec,
  }));
  // A number counts where there is one disk only: vdb1 is another disk's.
  const meant = (spec: string, each: FoundVolume) =>
    isMeant(spec, each) || (others === undefined && hasNumber(spec, each));
  const isElsewhere = entries.some(({ spec }) => namesVolume(spec) && !own.some((each) => meant(spec, each)));
  const volumes = isElsewhere && others !== undefined ? [...own, ...fileSystemsOf(await others())] : own;
  const mounts = entries.flatMap(({ spec, mountPoint }) => {
    const mounted = volumes.filter((each) => each !== root && meant(spec, each));
    // The same UUID twice (a cloned partition) does not say which one is meant.
    const [only] = mounted;
    return mounted.length === 1 && only !== undefined ? [{ path: mountPoint, fileSystem: only.fileSystem }] : [];
  });
  return { root: root.fileSystem, mounts, ...(operatingSystem === undefined ? {} : { operatingSystem }) };
}

/** By the first mark that any volume has. */
async function findRoots(volumes: readonly FoundVolume[], signal?: AbortSignal): Promise<FoundVolume[]> {
  for (const mark of ROOT_MARKS) {
    const marked = await markedWith(mark, volumes, signal);
    if (marked.length > 0) return marked;
  }
  return [];
}

async function markedWith(
  mark: Uint8Array,
  volumes: readonly FoundVolume[],
  signal?: AbortSignal,
): Promise<FoundVolume[]> {
  const marked: FoundVolume[] = [];
  for (const each of volumes) {
    const node = await tolerating(() => findNode(each.fileSystem, mark, signal));
    if (node !== undefined) marked.push(each);
  }
  return marked;
}

/** Whether an fstab's first field is a device or a file system's name: not `tmpfs`, not `server:/export`. */
function namesVolume(spec: string): boolean {
  return /^(?:UUID|LABEL|PARTUUID|PARTLABEL)=|^\/dev\//.test(spec);
}

/** Whether an fstab's first field means this volume. Disk letters say nothing: vda here may have been sdb there. */
function isMeant(spec: string, { volume, fileSystem }: FoundVolume): boolean {
  const info = fileSystem.info();
  const equals = (key: string, value: string | undefined) =>
    value !== undefined && value !== "" && spec.toLowerCase() === `${key}${value}`.toLowerCase();
  const { partition, devices } = volume;
  if (devices?.includes(spec) === true) return true;
  if (equals("UUID=", info.uuid) || equals("/dev/disk/by-uuid/", info.uuid)) return true;
  if (equals("PARTUUID=", partition?.uuid) || equals("/dev/disk/by-partuuid/", partition?.uuid)) return true;
  if (info.label !== undefined && info.label !== "") {
    if (spec === `LABEL=${info.label}` || spec === `/dev/disk/by-label/${info.label}`) return true;
  }
  if (partition === undefined) return false;
  return partition.name !== undefined && spec === `PARTLABEL=${partition.name}`;
}

function hasNumber(spec: string, { volume: { partition } }: FoundVolume): boolean {
  if (partition === undefined) return false;
  return /^\/dev\/(?:[shv]d[a-z]+|xvd[a-z]+|nvme\d+n\d+p)(\d+)$/.exec(spec)?.[1] === String(partition.number);
}
