/**
 * Where everything is in the tree. Disks claim their names first, then their `.volumes` directories, then the
 * VM: a VM named like one of its disks is found as `<vm>~2`, and never hides the disk existing scripts expect.
 */
import { nameFromText } from "../bytes/byte-name.ts";
import type { DiskHandle, DiskState, OpenedDisk } from "./disk-handle.ts";
import { GuestNode } from "./guest-node.ts";
import { GuestView } from "./guest-view.ts";
import type { PlacedNode } from "./placed-node.ts";
import { type VirtualChild, VirtualDirectory, VirtualFile } from "./virtual-node.ts";

export interface BackupHandle {
  readonly name: Uint8Array;
  /** Name of the VM's directory beside its disks. */
  readonly vmName: Uint8Array;
  readonly completedAt: Date | undefined;
  readonly disks: readonly DiskHandle[];
}

export interface MetadataFile {
  render(): Uint8Array;
  modified(): Date;
}

interface Dated {
  readonly modified: Date;
}

function directory(name: Uint8Array, { modified }: Dated, children: readonly VirtualChild[]): VirtualChild {
  return { name, place: async (parent) => new VirtualDirectory({ parent, name, modified }, children) };
}

/** `/backups/…`, `/restores/…` and both METADATA.json. */
export function backupsLayout(backups: readonly BackupHandle[], metadata: MetadataFile, createdAt: Date): PlacedNode {
  const modified = new Date(
    Math.max(...backups.map(({ completedAt }) => completedAt?.getTime() ?? 0), 0) || createdAt.getTime(),
  );
  const metadataChild = metadataFile(metadata);
  return new VirtualDirectory({ name: Uint8Array.of(), modified }, [
    directory(
      nameFromText("backups"),
      { modified },
      backups.map((backup) => backupDirectory(backup, createdAt)),
    ),
    directory(nameFromText("restores"), { modified }, [...dates(backups, createdAt), metadataChild]),
    metadataChild,
  ]);
}

/** `/<disk>/…` */
export function disksLayout(backups: readonly BackupHandle[], createdAt: Date): PlacedNode {
  const modified = createdAt;
  const children = diskDirectories(
    backups.flatMap(({ disks }) => disks),
    { modified },
  );
  return new VirtualDirectory({ name: Uint8Array.of(), modified }, children);
}

function metadataFile({ render, modified }: MetadataFile): VirtualChild {
  const name = nameFromText("METADATA.json");
  return { name, place: async (parent) => new VirtualFile({ parent, name, modified: modified() }, render) };
}

function backupDirectory(backup: BackupHandle, createdAt: Date): VirtualChild {
  const dated = { modified: backup.completedAt ?? createdAt };
  return directory(backup.name, dated, diskDirectories(backup.disks, dated));
}

/** UTC day of completion. Backups without one are found under `undated`. */
function dates(backups: readonly BackupHandle[], createdAt: Date): VirtualChild[] {
  const byDate = new Map<string, BackupHandle[]>();
  for (const backup of backups) {
    const date = backup.completedAt?.toISOString().slice(0, 10) ?? "undated";
    byDate.set(date, [...(byDate.get(date) ?? []), backup]);
  }
  return [...byDate].map(([date, sameDay]) => {
    const modified = new Date(Math.max(...sameDay.map(({ completedAt }) => (completedAt ?? createdAt).getTime())));
    const children = sameDay.map((backup) => datedBackup(backup, { modified: backup.completedAt ?? createdAt }));
    return directory(nameFromText(date), { modified }, children);
  });
}

function datedBackup(backup: BackupHandle, dated: Dated): VirtualChild {
  const disks = diskDirectories(backup.disks, dated);
  return directory(backup.name, dated, [...disks, directory(backup.vmName, dated, disks)]);
}

function diskDirectories(disks: readonly DiskHandle[], dated: Dated): VirtualChild[] {
  return [...disks.map((disk) => diskDirectory(disk, dated)), ...disks.map((disk) => volumesDirectory(disk, dated))];
}

function diskDirectory(disk: DiskHandle, { modified }: Dated): VirtualChild {
  const { name } = disk;
  return {
    name,
    place: async (parent, signal) => {
      const state = await disk.open(signal);
      const place = { parent, name, modified };
      if (state.kind !== "available") return new VirtualDirectory(place, [], unreadableReason(state));
      return openedDirectory(state.opened, parent, name) ?? new VirtualDirectory(place, ...withoutRoot(state.opened));
    },
  };
}

function openedDirectory(opened: OpenedDisk, parent: VirtualDirectory, name: Uint8Array): PlacedNode | undefined {
  const [first, ...others] = opened.volumes;
  if (opened.guest !== undefined) return GuestNode.root(parent, name, opened.guest);
  if (first !== undefined && others.length === 0) return GuestNode.root(parent, name, new GuestView(first));
  return undefined;
}

function withoutRoot(opened: OpenedDisk): [children: VirtualChild[], unreadable?: string] {
  if (opened.volumes.length > 0) return [volumeDirectories(opened)];
  return [[], opened.reasons.join("; ")];
}

function volumesDirectory(disk: DiskHandle, { modified }: Dated): VirtualChild {
  const name = disk.volumesName;
  return {
    name,
    place: async (parent, signal) => {
      const state = await disk.open(signal);
      if (state.kind !== "available" || state.opened.volumes.length < 2) return undefined;
      return new VirtualDirectory({ parent, name, modified }, volumeDirectories(state.opened));
    },
  };
}

function volumeDirectories({ volumes }: OpenedDisk): VirtualChild[] {
  return volumes.map((volume) => ({
    name: volume.name,
    place: async (parent) => GuestNode.root(parent, volume.name, new GuestView(volume)),
  }));
}

function unreadableReason(state: Exclude<DiskState, { kind: "available" }>): string {
  return state.kind === "unavailable" ? `this disk cannot be read: ${state.reason}` : "this disk is not opened";
}
