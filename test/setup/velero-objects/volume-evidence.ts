/** What Velero writes about each volume's data: beside the tarball, and as DataUploads in it. */
import type { JsonObject, PlannedBackup, PlannedVm, PlannedVolume } from "./backup-plan.ts";
import { operationIdOf, uidOf } from "./identifiers.ts";
import type { KubernetesObjects } from "./kubernetes-objects.ts";

export interface VolumeEvidence {
  readonly volumeInfo: JsonObject[];
  readonly podVolumeBackups: JsonObject[];
  readonly itemOperations: JsonObject[];
  readonly failedOperations: number;
}

/** Also adds the DataUploads to the tarball's objects. */
export function plannedVolumeEvidence(plan: PlannedBackup, resources: KubernetesObjects): VolumeEvidence {
  const volumeInfo: JsonObject[] = [];
  const podVolumeBackups: JsonObject[] = [];
  const itemOperations: JsonObject[] = [];
  let failedOperations = 0;
  const seen = new Set<string>();
  for (const vm of plan.vms) {
    for (const volume of vm.volumes) {
      const id = `${vm.namespace}/${volume.pvcName}`;
      if (seen.has(id)) continue;
      seen.add(id);
      const info = infoOf(plan, vm, volume);
      if (info !== undefined) volumeInfo.push(info);
      if (volume.data.kind === "pod-volume-backup") podVolumeBackups.push(podVolumeBackupOf(plan, vm, volume));
      if (volume.data.kind !== "moved" && volume.data.kind !== "upload") continue;
      const upload = dataUploadOf(plan, vm, volume);
      resources.add("datauploads.velero.io", "v2alpha1", "velero", upload, false);
      itemOperations.push(operationOf(plan, vm, volume));
      if (volume.data.kind === "upload" && /Failed|Canceled/.test(volume.data.phase)) failedOperations++;
    }
  }
  return { volumeInfo, podVolumeBackups, itemOperations, failedOperations };
}

const pvcUidOf = (vm: PlannedVm, volume: PlannedVolume) => uidOf("pvc", vm.namespace, volume.pvcName);

/** The name under which a Block volume's bytes are streamed is `/` and this UID. */
export function dataUploadUid(backup: string, namespace: string, pvcName: string): string {
  return uidOf("dataupload", backup, namespace, pvcName);
}

function infoOf(plan: PlannedBackup, vm: PlannedVm, volume: PlannedVolume): JsonObject | undefined {
  const { data } = volume;
  if (data.kind === "not-backed-up" || data.kind === "description-only") return undefined;
  const completed = plan.completedAt ?? plan.createdAt;
  const info: JsonObject = {
    pvcName: volume.pvcName,
    pvcNamespace: vm.namespace,
    pvName: `pvc-${pvcUidOf(vm, volume)}`,
    snapshotDataMoved: data.kind === "moved" || data.kind === "upload",
    preserveLocalSnapshot: data.kind === "csi-snapshot",
    skipped: data.kind === "skipped",
    startTimestamp: plan.createdAt,
    completionTimestamp: completed,
    pvInfo: { reclaimPolicy: "Delete", labels: {} },
  };
  return { ...info, ...methodOf(plan, vm, volume) };
}

function methodOf(plan: PlannedBackup, vm: PlannedVm, volume: PlannedVolume): JsonObject {
  const { data } = volume;
  switch (data.kind) {
    case "moved":
    case "upload": {
      const isMoved = data.kind === "moved";
      const phase = isMoved ? "Completed" : data.phase;
      return {
        backupMethod: "CSISnapshot",
        result: phase === "Completed" ? "succeeded" : "failed",
        csiSnapshotInfo: {
          snapshotHandle: "unknown",
          size: 0,
          driver: "rbd.csi.ceph.com",
          vscName: "unknown",
          operationID: "unknown",
          ReadyToUse: null,
        },
        snapshotDataMovementInfo: {
          dataMover: (isMoved ? data.mover : undefined) ?? "velero",
          uploaderType: "kopia",
          retainedSnapshot: `velero-${volume.pvcName}-x1`,
          snapshotHandle: isMoved ? data.manifestId : "",
          operationID: operationIdOf(uidOf("backup", plan.name), pvcUidOf(vm, volume)),
          size: isMoved ? (data.bytes ?? 0) : 0,
          Phase: phase,
        },
      };
    }
    case "csi-snapshot": {
      const { driver, handle } = data;
      const csiSnapshotInfo = { snapshotHandle: handle, size: 0, driver, vscName: "snapcontent-1", ReadyToUse: true };
      return { backupMethod: "CSISnapshot", result: "succeeded", csiSnapshotInfo };
    }
    case "native-snapshot": {
      const nativeSnapshotInfo = { snapshotHandle: data.handle, volumeType: data.volumeType, Phase: "Completed" };
      return { backupMethod: "NativeSnapshot", result: "succeeded", nativeSnapshotInfo };
    }
    case "pod-volume-backup": {
      const { manifestId: snapshotHandle, uploader = "kopia", phase: Phase = "Completed" } = data;
      return { backupMethod: "PodVolumeBackup", pvbInfo: { snapshotHandle, uploaderType: uploader, Phase } };
    }
    case "skipped":
      return { skippedReason: data.reason };
    default:
      return {};
  }
}

function dataUploadOf(plan: PlannedBackup, vm: PlannedVm, volume: PlannedVolume): JsonObject {
  const { data, pvcName } = volume;
  const uid = dataUploadUid(plan.name, vm.namespace, pvcName);
  const mover = data.kind === "moved" ? data.mover : undefined;
  return {
    apiVersion: "velero.io/v2alpha1",
    kind: "DataUpload",
    metadata: {
      name: `${plan.name}-${pvcName}`,
      namespace: "velero",
      uid,
      labels: {
        "velero.io/backup-name": plan.name,
        "velero.io/backup-uid": uidOf("backup", plan.name),
        "velero.io/pvc-uid": pvcUidOf(vm, volume),
        "velero.io/async-operation-id": operationIdOf(uidOf("backup", plan.name), pvcUidOf(vm, volume)),
      },
    },
    spec: {
      snapshotType: "CSI",
      csiSnapshot: { volumeSnapshot: `velero-${pvcName}-x1`, storageClass: "ceph-rbd", driver: "rbd.csi.ceph.com" },
      sourcePVC: pvcName,
      sourceNamespace: vm.namespace,
      ...(mover !== undefined && { datamover: mover }),
      backupStorageLocation: "default",
      operationTimeout: "10m0s",
    },
    status: {
      phase: data.kind === "upload" ? data.phase : "Completed",
      ...(data.kind === "moved" && { snapshotID: data.manifestId, path: `/${uid}` }),
      ...(data.kind === "upload" && data.message !== undefined && { message: data.message }),
      node: "node-1",
    },
  };
}

function operationOf(plan: PlannedBackup, vm: PlannedVm, volume: PlannedVolume): JsonObject {
  const { data, pvcName } = volume;
  const phase = data.kind === "upload" && data.phase !== "Completed" ? "Failed" : "Completed";
  return {
    spec: {
      backupName: plan.name,
      backupUID: uidOf("backup", plan.name),
      backupItemAction: "velero.io/csi-pvc-backupper",
      resourceIdentifier: { Group: "", Resource: "persistentvolumeclaims", Namespace: vm.namespace, Name: pvcName },
      operationID: operationIdOf(uidOf("backup", plan.name), pvcUidOf(vm, volume)),
      postOperationItems: [
        { Group: "velero.io", Resource: "datauploads", Namespace: "velero", Name: `${plan.name}-${pvcName}` },
      ],
    },
    status: {
      phase,
      ...(data.kind === "upload" && data.message !== undefined && { error: data.message }),
      operationUnits: "Bytes",
      description: phase,
      created: plan.createdAt,
      updated: plan.completedAt ?? plan.createdAt,
    },
  };
}

function podVolumeBackupOf(plan: PlannedBackup, vm: PlannedVm, volume: PlannedVolume): JsonObject {
  const { data } = volume;
  if (data.kind !== "pod-volume-backup") return {};
  return {
    apiVersion: "velero.io/v1",
    kind: "PodVolumeBackup",
    metadata: {
      name: `${plan.name}-${volume.pvcName}`,
      namespace: "velero",
      annotations: { "velero.io/pvc-name": volume.pvcName },
    },
    spec: {
      node: "node-1",
      pod: { kind: "Pod", namespace: vm.namespace, name: `virt-launcher-${vm.name}-x7k2p` },
      volume: volume.volumeName ?? volume.pvcName,
      uploaderType: data.uploader ?? "kopia",
    },
    status: {
      phase: data.phase ?? "Completed",
      snapshotID: data.manifestId,
      ...(data.message !== undefined && { message: data.message }),
    },
  };
}
