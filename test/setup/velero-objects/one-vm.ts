/** The smallest backup that says something: `b1` holds the VM `demo/web-1`. */
import type { BackedUpVm } from "../../../src/velero/backed-up-vm.ts";
import { BackupCatalog } from "../../../src/velero/backup-catalog.ts";
import type { PlannedVolume, VolumeData } from "./backup-plan.ts";
import { MemoryStore } from "./memory-store.ts";
import { type BackupValues, encodeBackup, planBackup } from "./velero-backup.ts";

export const vm = { namespace: "demo", name: "web-1" };
/** Shaped as Kopia's manifest ids are. */
export const manifestId = "0123456789abcdef0123456789abcdef";
export const otherId = "f".repeat(32);

export function planned(...volumes: readonly PlannedVolume[]): BackupValues {
  return planBackup({ name: "b1", createdAt: "2026-11-16T02:00:00Z", vms: [{ ...vm, volumes }] });
}

/** The PVC `root`, unless told otherwise. */
export function disk(data: VolumeData, more: Partial<PlannedVolume> = {}): PlannedVolume {
  return { pvcName: "root", data, ...more };
}

/** What the catalog makes of it. */
export async function openVm(objects: Map<string, Buffer>): Promise<BackedUpVm> {
  const catalog = new BackupCatalog(new MemoryStore(objects));
  const backup = await catalog.backup("b1");
  const found = backup && (await catalog.vm(backup, vm));
  if (found === undefined) throw new Error("the VM is not in the backup");
  return found;
}

export function openPlanned(values: BackupValues): Promise<BackedUpVm> {
  return openVm(encodeBackup(values));
}
