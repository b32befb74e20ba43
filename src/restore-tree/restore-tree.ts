import { defaultLimits } from "../bytes/limits.ts";
import { findGuest as findGuestOnDisk } from "../disk/guest/find-guest.ts";
import type { KeyRing } from "../disk/volume/luks/key-ring.ts";
import { DiskHandle, type DiskHandleOptions } from "./disk-handle.ts";
import type { GuestFinder } from "./guest-view.ts";
import { type InventoriedBackup, renderMetadata, takeInventory } from "./inventory.ts";
import { joinDisks } from "./joined-disks.ts";
import { type ResolverLimits, resolvePath } from "./path-resolver.ts";
import type { PlacedNode } from "./placed-node.ts";
import type { TreeBackup } from "./tree-backup.ts";
import { type BackupHandle, backupsLayout, disksLayout } from "./tree-layout.ts";
import { DirectoryNames } from "./tree-name.ts";
import type { Inventory, ResolveOptions, RestoreTree, TreeNode } from "./tree-node.ts";

export interface RestoreTreeOptions {
  readonly backups: readonly TreeBackup[];
  /** `backups`: `/backups/…` and `/restores/…`; `disks`: `/<disk>/…` for images named on the command line. */
  readonly layout: "backups" | "disks";
  readonly limits?: ResolverLimits;
  /** How the root file system and the mounts of a disk with several file systems are found; default by its fstab. */
  readonly findGuest?: GuestFinder;
  /** For encrypted volumes; stays the caller's. */
  readonly keys?: KeyRing;
}

/** The tree over these backups. Opens nothing yet; `close()` closes every disk that was opened meanwhile. */
export function createRestoreTree(options: RestoreTreeOptions): RestoreTree {
  return new DiskTree(options);
}

interface BackupOptions extends DiskHandleOptions {
  readonly keys: KeyRing | undefined;
}

interface Backup extends BackupHandle {
  readonly inventoried: InventoriedBackup;
}

class DiskTree implements RestoreTree {
  readonly #limits: ResolverLimits;
  readonly #createdAt = new Date();
  readonly #backups: readonly Backup[];
  readonly #root: PlacedNode;

  constructor({ backups, layout, limits = defaultLimits, findGuest = findGuestOnDisk, keys }: RestoreTreeOptions) {
    this.#limits = limits;
    const handleBackups = layout === "backups" ? separateBackups : joinedDisks;
    this.#backups = handleBackups(backups, { findGuest, limits, keys });
    const metadata = { render: () => renderMetadata(this.#inventory()), modified: () => this.#changedAt() };
    this.#root =
      layout === "backups"
        ? backupsLayout(this.#backups, metadata, this.#createdAt)
        : disksLayout(this.#backups, this.#createdAt);
  }

  resolve(path: Uint8Array, options?: ResolveOptions): Promise<TreeNode> {
    return resolvePath(this.#root, path, this.#limits, options);
  }

  async inventory(): Promise<Inventory> {
    return this.#inventory();
  }

  async close(): Promise<void> {
    await Promise.all(this.#disks().map((disk) => disk.close()));
  }

  #inventory(): Inventory {
    const inventoried = this.#backups.map((backup) => backup.inventoried);
    return takeInventory(inventoried, this.#changedAt());
  }

  #disks(): DiskHandle[] {
    return this.#backups.flatMap(({ disks }) => disks);
  }

  /** The inventory changes with the states of the disks only. */
  #changedAt(): Date {
    return new Date(Math.max(this.#createdAt.getTime(), ...this.#disks().map((disk) => disk.changedAt.getTime())));
  }
}

function separateBackups(backups: readonly TreeBackup[], options: BackupOptions): Backup[] {
  const names = new DirectoryNames();
  return backups.map((backup, index) => {
    const name = names.claim(backup.name);
    return handleOf(backup, index, name, `/backups/${Buffer.from(name)}`, new DirectoryNames(), options);
  });
}

/** Local images share one directory, so their names must differ across all of them. */
function joinedDisks(backups: readonly TreeBackup[], options: BackupOptions): Backup[] {
  const names = new DirectoryNames();
  return backups.map((backup, index) => handleOf(backup, index, Uint8Array.of(), "", names, options));
}

/** `names` are those of the directory the disks are in: disks claim first, their `.volumes` next, the VM last. */
function handleOf(
  backup: TreeBackup,
  index: number,
  name: Uint8Array,
  directory: string,
  names: DirectoryNames,
  options: BackupOptions,
): Backup {
  const named = joinDisks(backup.disks, options.keys).map((disk) => ({ disk, name: names.claim(disk.name) }));
  const disks = named.map(({ disk, name }, position) => {
    const volumesName = names.claim(`${disk.name}.volumes`);
    return new DiskHandle(disk, { backup: index, position }, { name, volumesName }, options);
  });
  const { completedAt } = backup;
  const inventoried = { name: backup.name, vm: backup.vm, completedAt, directory, disks };
  return { name, vmName: names.claim(backup.vm.name), completedAt, disks, inventoried };
}
