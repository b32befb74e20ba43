/** A VM as one backup holds it: its disks, where their bytes are, and how consistent they can be. */
import type { Backup } from "./backup.ts";
import type { VmReference, VmResources } from "./backup-resources.ts";
import { type VirtualMachine, type VolumeWithoutDisk, volumesOf } from "./virtual-machine.ts";
import type { ItemOperation, PodVolumeBackup, VolumeInfo } from "./volume-info.ts";
import { locateVolume, type VolumeLocation } from "./volume-location.ts";

/** kubevirt-velero-plugin: pkg/plugin/pvc_backup_item_action.go, since 0.9 */
const PVC_UID_LABEL = "velero.kubevirt.io/pvc-uid";

export interface BackedUpVolume {
  readonly pvcName: string;
  readonly pvcUid?: string;
  /** The label by which Velero can restore this PVC alone; absent where the KubeVirt plugin did not set it. */
  readonly pvcUidLabel?: string;
  /** The VM's own name of it. */
  readonly volumeName: string;
  /** Absent when the PVC itself is not in the backup. */
  readonly volumeMode?: "Filesystem" | "Block";
  readonly storageClass?: string;
  /** As Kubernetes writes it: `30Gi`. */
  readonly capacity?: string;
  /** Bytes uploaded, when the backup says. */
  readonly uploadedBytes?: number;
  readonly bootOrder?: number;
  readonly serial?: string;
  readonly hotplugged: boolean;
  readonly location: VolumeLocation;
}

export interface BackupConsistency {
  readonly state: "vm-off" | "file-system-consistent" | "crash-consistent" | "inconsistent";
  /** A sentence. */
  readonly detail: string;
}

export interface BackedUpVm {
  /** Boot disk first, then in the VM's own order. */
  readonly volumes: readonly BackedUpVolume[];
  /** Volumes without a disk to look into, each with its reason. */
  readonly withoutDisk: readonly VolumeWithoutDisk[];
  readonly consistency: BackupConsistency;
  /** Parts of the backup that could not be used, each a sentence. */
  readonly warnings: readonly string[];
}

export interface VolumeLists {
  readonly volumeInfos: readonly VolumeInfo[];
  readonly podVolumeBackups: readonly PodVolumeBackup[];
  readonly itemOperations: readonly ItemOperation[];
  /** Lists that exist but cannot be read, each a sentence. */
  readonly warnings: readonly string[];
}

/** Joins what the tarball says about a VM with what the lists beside it say about its volumes. */
export function assembleVm(
  backup: Backup,
  vm: VmReference,
  machine: VirtualMachine,
  resources: VmResources,
  lists: VolumeLists,
): BackedUpVm {
  const { claimed, withoutDisk } = volumesOf(machine, resources.instance);
  const evidence = { backup, vm, dataUploads: resources.dataUploads, ...lists };
  const volumes = claimed.map((volume): BackedUpVolume => {
    const claim = resources.claims.get(volume.pvcName);
    const info = lists.volumeInfos.find(
      (each) => each.pvcNamespace === vm.namespace && each.pvcName === volume.pvcName,
    );
    const capacity = claim?.status?.capacity?.storage ?? claim?.spec.resources?.requests?.storage;
    const uidLabel = claim?.metadata.labels[PVC_UID_LABEL];
    const uploadedBytes = info?.snapshotDataMovementInfo?.size;
    return {
      ...volume,
      ...(claim?.metadata.uid === undefined ? {} : { pvcUid: claim.metadata.uid }),
      ...(uidLabel === undefined ? {} : { pvcUidLabel: uidLabel }),
      ...(claim === undefined ? {} : { volumeMode: claim.spec.volumeMode }),
      ...(claim?.spec.storageClassName === undefined ? {} : { storageClass: claim.spec.storageClassName }),
      ...(capacity === undefined ? {} : { capacity }),
      ...(uploadedBytes === undefined ? {} : { uploadedBytes }),
      location: locateVolume(volume, claim, evidence),
    };
  });
  return {
    volumes: volumes.sort((left, right) => bootRank(left) - bootRank(right)),
    withoutDisk: [...withoutDisk, ...backendStorage(vm, resources)],
    consistency: consistencyOf(backup, resources, volumes),
    warnings: [...lists.warnings, ...resources.warnings],
  };
}

function bootRank({ bootOrder }: BackedUpVolume): number {
  return bootOrder ?? Number.MAX_SAFE_INTEGER;
}

/** KubeVirt's own PVC for a VM with a persistent TPM or EFI (kubevirt: pkg/storage/backend-storage). */
function backendStorage(vm: VmReference, resources: VmResources): VolumeWithoutDisk[] {
  return [...resources.claims.values()]
    .filter(({ metadata }) => {
      const owner = metadata.labels["persistent-state-for"];
      return owner === undefined ? metadata.name === `persistent-state-for-${vm.name}` : owner === vm.name;
    })
    .map(({ metadata }) => ({
      volumeName: metadata.name,
      source: "backendStorage",
      pvcName: metadata.name,
      reason: "the VM's TPM and EFI state, not a disk",
    }));
}

/** KubeVirt asks the guest agent to freeze file systems by hooks on the launcher pod (kubevirt: pkg/storage/pod/annotations). */
function consistencyOf(
  backup: Backup,
  { instance, launcherPod }: VmResources,
  volumes: readonly BackedUpVolume[],
): BackupConsistency {
  if (instance === undefined) return { state: "vm-off", detail: "the VM was off during the backup" };
  if (volumes.some(({ location }) => location.kind === "kopia" && location.method === "file-system-backup")) {
    return {
      state: "inconsistent",
      detail: "disks were copied from mounted volumes while the VM ran, not from a snapshot of one instant",
    };
  }
  const agentConnected = instance.status?.conditions.some(
    ({ type, status }) => type === "AgentConnected" && status === "True",
  );
  const hasFreezeHook = launcherPod?.metadata.annotations["pre.hook.backup.velero.io/command"] !== undefined;
  if (agentConnected === true && hasFreezeHook && backup.hooks.attempted > 0 && backup.hooks.failed === 0) {
    return {
      state: "file-system-consistent",
      detail: "the VM ran; its guest agent was asked to freeze the file systems and no hook failed",
    };
  }
  return { state: "crash-consistent", detail: "the VM ran and its file systems were not known to be frozen" };
}
