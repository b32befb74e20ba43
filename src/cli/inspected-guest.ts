import { displayName } from "../bytes/byte-name.ts";
import type { Disk, Volume } from "../disk/disk.ts";
import type { FileSystem } from "../disk/filesystem/file-system.ts";
import { findGuest, type Guest } from "../disk/guest/find-guest.ts";
import { tolerating } from "../disk/guest/guest-file.ts";
import type { OperatingSystem } from "../disk/guest/operating-system.ts";
import type { TreeDisk } from "../restore-tree/tree-backup.ts";

/** Where the guest has a volume. */
export interface InspectedMount {
  /** As the guest says it, escaped for display: `/srv/data`, `D:`. */
  readonly path: string;
  readonly volume: string;
  /** Absent for the disk that was asked about. */
  readonly disk?: string;
}

export interface InspectedGuest {
  readonly operatingSystem?: OperatingSystem;
  /** Sentences. */
  readonly notes: readonly string[];
  /** Empty when there is nothing but the root file system. */
  readonly mounts: readonly InspectedMount[];
}

type Place = Omit<InspectedMount, "path">;

/**
 * The guest whose root file system is on this disk, as far as it can be told: the volumes say themselves what is
 * wrong with them.
 * @param machine all disks of the virtual machine
 * @throws SourceError when it may pass
 */
export async function inspectGuest(
  disk: Disk,
  treeDisk: TreeDisk,
  machine: readonly TreeDisk[],
): Promise<InspectedGuest> {
  const places = new Map<FileSystem, Place>();
  const note = (volumes: readonly Volume[], elsewhere: Omit<Place, "volume">): void => {
    for (const { name, content } of volumes) {
      if (content.kind === "file-system") places.set(content.fileSystem, { volume: name, ...elsewhere });
    }
  };
  note(disk.volumes, {});
  const others = async (): Promise<readonly Volume[]> => {
    const siblings = (await treeDisk.siblings?.()) ?? [];
    for (const { position, disk: sibling } of siblings) note(sibling.volumes, { disk: machine[position]?.name ?? "" });
    return siblings.flatMap(({ disk: { volumes } }) => volumes);
  };
  const guest = await tolerating(() => findGuest(disk, undefined, treeDisk.siblings && others));
  if (guest === undefined) return { notes: [], mounts: [] };
  const { operatingSystem, notes = [] } = guest;
  const mounts = mountsOf(guest).flatMap(({ path, fileSystem }) => {
    const place = places.get(fileSystem);
    return place === undefined ? [] : [{ path, ...place }];
  });
  return { ...(operatingSystem && { operatingSystem }), notes, mounts };
}

function mountsOf({ root, mounts, drives }: Guest): { path: string; fileSystem: FileSystem }[] {
  if (drives !== undefined) return [...drives].map(([letter, fileSystem]) => ({ path: `${letter}:`, fileSystem }));
  if (root === undefined || mounts.length === 0) return [];
  const below = mounts.map(({ path, fileSystem }) => ({ path: displayName(path), fileSystem }));
  return [{ path: "/", fileSystem: root }, ...below];
}
