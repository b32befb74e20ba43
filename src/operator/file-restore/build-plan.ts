/** What the pod is told to serve, from what became of each disk. */

import { BACKUP_LEVEL_FAILURE } from "../api/v1alpha1/names.ts";
import type { PvcRestore } from "../api/v1alpha1/pvc-restore.ts";
import type { PlannedBackup, PlannedStore, ServingPlan } from "../file-serving/serving-plan.ts";
import { type PodVolume, volumePath } from "./children/pod.ts";
import type { VmReference } from "./plan-disks.ts";
import type { RestoredClaim } from "./restore-volumes.ts";

export interface PlanOptions {
  readonly vm: VmReference;
  readonly pvcRestores: readonly PvcRestore[];
  readonly claims: readonly RestoredClaim[];
  /** From which disks are read; none when all are attached. */
  readonly stores: readonly PlannedStore[];
  readonly expiresAt?: string;
}

export function buildPlan({ vm, pvcRestores, claims, stores, expiresAt }: PlanOptions): ServingPlan {
  const backups = new Map<string, PlannedBackup>();
  for (const { pvcName, restores = [] } of pvcRestores) {
    for (const { veleroBackupName: name, timestamp, dataPath, storageLocation, ...entry } of restores) {
      const store = dataPath === "Direct" ? stores.find((each) => each.name === storageLocation) : undefined;
      if (store !== undefined) {
        backups.set(name, { name, store: store.name });
        continue;
      }
      const { failureReason = "not restored" } = entry;
      const known = backups.get(name) ?? {
        name,
        ...(timestamp !== undefined && { completedAt: timestamp }),
        disks: [],
      };
      const restored = claims.find((claim) => claim.pvcName === pvcName && claim.backup === name);
      const disk =
        restored === undefined
          ? { name: pvcName === BACKUP_LEVEL_FAILURE ? "backup" : pvcName, unavailable: failureReason }
          : attached(pvcName, podVolumeOf(restored));
      backups.set(name, { ...known, disks: [...(known.disks ?? []), disk] });
    }
  }
  return {
    vm: { namespace: vm.namespace, name: vm.name },
    backups: [...backups.values()],
    ...(stores.length > 0 && { stores: [...stores] }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
}

function attached(name: string, volume: PodVolume) {
  return { name, volumeMode: volume.volumeMode, path: volumePath(volume) };
}

export function podVolumeOf({ claim }: RestoredClaim): PodVolume {
  return {
    claimName: claim.metadata.name,
    claimUid: claim.metadata.uid,
    volumeMode: claim.spec?.volumeMode === "Block" ? "Block" : "Filesystem",
  };
}
