/** What METADATA.json says: the inventory, and beside it the keys that scripts of the existing implementation read. */
import type { DiskHandle, OpenedDisk } from "./disk-handle.ts";
import type { BackupInventory, DiskInventory, FileSystemInventory, Inventory } from "./tree-node.ts";

export interface InventoriedBackup {
  readonly name: string;
  readonly vm: { readonly namespace: string; readonly name: string };
  readonly completedAt: Date | undefined;
  /** Tree path of the directory its disks are in, without trailing slash. */
  readonly directory: string;
  readonly disks: readonly DiskHandle[];
}

const text = (name: Uint8Array): string => Buffer.from(name).toString("utf8");

export function takeInventory(backups: readonly InventoriedBackup[], now: Date): Inventory {
  return { generatedAt: now.toISOString(), backups: backups.map(backupInventory) };
}

function backupInventory({ name, vm, completedAt, directory, disks }: InventoriedBackup): BackupInventory {
  return {
    name,
    ...(completedAt === undefined ? {} : { completedAt: completedAt.toISOString() }),
    vm,
    disks: disks.map((disk) => diskInventory(disk, directory)),
  };
}

function diskInventory(handle: DiskHandle, directory: string): DiskInventory {
  const { state, disk } = handle;
  const path = `${directory}/${text(handle.name)}`;
  const known = { name: disk.name, state: state.kind, path };
  const size = disk.size === undefined ? {} : { size: disk.size };
  if (state.kind === "not-opened") return { ...known, ...size, fileSystems: [], reasons: [] };
  if (state.kind === "unavailable") return { ...known, ...size, fileSystems: [], reasons: [state.reason] };
  const { operatingSystem } = state.opened;
  const { image, table } = state.opened.disk;
  const volumesPath = state.opened.volumes.length > 1 ? `${directory}/${text(handle.volumesName)}` : undefined;
  return {
    ...known,
    size: image.virtualSize,
    format: image.format,
    partitionTable: table.scheme,
    ...(operatingSystem === undefined ? {} : { operatingSystem }),
    fileSystems: fileSystems(state.opened, path, volumesPath),
    reasons: [...image.warnings, ...table.warnings, ...state.opened.reasons],
  };
}

function fileSystems({ volumes }: OpenedDisk, diskPath: string, volumesPath?: string): FileSystemInventory[] {
  return volumes.map(({ name, fileSystem }) => {
    const { type, label, uuid, size, consistency, warnings } = fileSystem.info();
    return {
      volume: text(name),
      type,
      ...(label === undefined ? {} : { label }),
      ...(uuid === undefined ? {} : { uuid }),
      size,
      consistency,
      warnings,
      path: volumesPath === undefined ? diskPath : `${volumesPath}/${text(name)}`,
    };
  });
}

/** UTF-8 JSON, indented by two. */
export function renderMetadata(inventory: Inventory): Uint8Array {
  const disks = inventory.backups.flatMap((backup) => backup.disks);
  const count = (state: DiskInventory["state"]): number => disks.filter((disk) => disk.state === state).length;
  const metadata = {
    ...inventory,
    mounted_at: inventory.generatedAt.replace(/\.\d+Z$/, ""),
    mount_structure: "date-organized",
    path_format: "/restores/<date>/<backup>/<pvc>/",
    backups: inventory.backups.map((backup) => ({ ...backup, backup_name: backup.name, pvcs: compatiblePvcs(backup) })),
    statistics: {
      total_backups: inventory.backups.length,
      total_pvcs: disks.length,
      successful_mounts: count("available"),
      failed_mounts: count("unavailable"),
    },
  };
  return new TextEncoder().encode(`${JSON.stringify(metadata, undefined, 2)}\n`);
}

function compatiblePvcs(backup: BackupInventory): object[] {
  const date = backup.completedAt?.slice(0, 10) ?? "undated";
  return backup.disks.map((disk) => ({
    pvc_name: disk.name,
    source_path: disk.path,
    mount_path: disk.path.replace("/backups/", `/restores/${date}/`),
    backup_date: date,
    mount_status: { available: "success", unavailable: "failed", "not-opened": "not-opened" }[disk.state],
  }));
}
