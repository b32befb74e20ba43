/** Step 3: the VM's PVCs in each backup, from the backup's own manifests, and by which way their data can be had. */
import { ConfigError, CorruptDataError, describeError, SourceError, UnsupportedFeatureError } from "../../errors.ts";
import type { Stored } from "../../kube/resource-type.ts";
import type { BackedUpVm, BackedUpVolume } from "../../velero/backed-up-vm.ts";
import type { UnreadableCause, VolumeLocation } from "../../velero/volume-location.ts";
import type { VeleroBackupInfo } from "../api/v1alpha1/backup-info.ts";
import { BACKUP_LEVEL_FAILURE } from "../api/v1alpha1/names.ts";
import { type PvcBackupRestore, type PvcRestore, pvcStates } from "../api/v1alpha1/pvc-restore.ts";
import { storageLocationOf } from "../velero/cluster-backup.ts";
import type { VeleroBackup } from "../velero/velero-resources.ts";

export interface VmReference {
  readonly namespace: string;
  readonly name: string;
}

/** What is asked of Velero and of the backups; see discovery for where it comes from. */
export interface BackupInspector {
  /** Undefined when there is no such Backup any more. */
  find(backup: VeleroBackupInfo, signal: AbortSignal): Promise<Stored<VeleroBackup> | undefined>;
  /** Velero's own words for why the backup's storage location cannot be read; undefined as far as it can. */
  unavailability(backup: Stored<VeleroBackup>, signal: AbortSignal): Promise<string | undefined>;
  /** Undefined when the backup does not hold the VM. @throws SourceError, CorruptDataError, … */
  vm(backup: Stored<VeleroBackup>, vm: VmReference, signal: AbortSignal): Promise<BackedUpVm | undefined>;
}

export type DataPath = "Restore" | "Direct" | "Auto";

/** One disk of one backup, before it is grouped with the same disk of the others. */
interface PlannedDisk {
  readonly pvcUID: string;
  readonly pvcName: string;
  readonly pvcNamespace: string;
  readonly size?: string;
  readonly restore: PvcBackupRestore;
}

/** Backups looked into at once: each is a download of some megabytes. */
const AT_ONCE = 3;

/** @throws what may pass: SourceErrors that are retryable. Everything else becomes the state of what it concerns. */
export async function planDisks(
  inspector: BackupInspector,
  vm: VmReference,
  backups: readonly VeleroBackupInfo[],
  dataPath: DataPath,
  signal: AbortSignal,
): Promise<PvcRestore[]> {
  const planned: PlannedDisk[][] = [];
  for (let first = 0; first < backups.length; first += AT_ONCE) {
    const group = backups.slice(first, first + AT_ONCE);
    planned.push(...(await Promise.all(group.map((backup) => planBackup(inspector, vm, backup, dataPath, signal)))));
  }
  return groupByPvc(planned.flat());
}

async function planBackup(
  inspector: BackupInspector,
  vm: VmReference,
  info: VeleroBackupInfo,
  dataPath: DataPath,
  signal: AbortSignal,
): Promise<PlannedDisk[]> {
  const failed = (state: string, reason: string) => [backupFailure(info, state, reason)];
  const backup = await inspector.find(info, signal);
  if (backup === undefined) {
    return failed(pvcStates.backupDeleted, "BackupNotFound: backup CRD object deleted from cluster");
  }
  let machine: BackedUpVm | undefined;
  try {
    machine = await inspector.vm(backup, vm, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SourceError && error.retryable) {
      const why = await inspector.unavailability(backup, signal);
      // What Velero too cannot reach keeps nobody from the backups elsewhere.
      if (why === undefined) throw error;
      const location = `BackupStorageLocation ${storageLocationOf(backup)}`;
      return failed(pvcStates.backupMissing, `BackupFilesMissing: ${location} is Unavailable: ${why}`);
    }
    const isStore = error instanceof SourceError || error instanceof ConfigError;
    const isKnown = isStore || error instanceof CorruptDataError || error instanceof UnsupportedFeatureError;
    if (!isKnown) throw error;
    const isMissing = isStore || describeError(error).includes("missing from the bucket");
    return isMissing
      ? failed(pvcStates.backupMissing, `BackupFilesMissing: ${describeError(error)}`)
      : failed(pvcStates.extractionFailed, `ExtractionFailed: ${describeError(error)}`);
  }
  if (machine === undefined) {
    return failed(
      pvcStates.backupMissing,
      `BackupFilesMissing: the backup does not hold VM ${vm.namespace}/${vm.name}`,
    );
  }
  if (machine.volumes.length === 0) {
    return failed(pvcStates.extractionFailed, "ExtractionFailed: the VM has no PVC in this backup");
  }
  const source = { dataPath: pathOf(machine, dataPath), storageLocation: storageLocationOf(backup) };
  return machine.volumes.map((volume) => planVolume(info, vm, volume, source));
}

/** One way for all disks of a backup: a volume group may span them. */
function pathOf({ volumes }: BackedUpVm, asked: DataPath): "Restore" | "Direct" {
  if (asked !== "Auto") return asked;
  return volumes.every(({ location }) => location.kind === "kopia") ? "Direct" : "Restore";
}

function planVolume(
  info: VeleroBackupInfo,
  vm: VmReference,
  volume: BackedUpVolume,
  source: { readonly dataPath: "Restore" | "Direct"; readonly storageLocation: string },
): PlannedDisk {
  const obstacle = source.dataPath === "Direct" ? obstacleToReading(volume.location) : obstacleToRestoring(volume);
  return {
    pvcUID: volume.pvcUid ?? `unknown-${vm.namespace}-${volume.pvcName}`,
    pvcName: volume.pvcName,
    pvcNamespace: vm.namespace,
    ...(volume.capacity !== undefined && { size: volume.capacity }),
    restore: { ...entryOf(info), ...source, ...(obstacle ?? { state: pvcStates.processing }) },
  };
}

interface Obstacle {
  readonly state: string;
  readonly failureReason: string;
}

function obstacleToReading(location: VolumeLocation): Obstacle | undefined {
  if (location.kind === "kopia") return undefined;
  return { state: pvcStates.failed, failureReason: `Not in the bucket: ${location.reason}` };
}

/** Forms of data that Velero brings back with a PVC alone, without the pod that used it. */
const RESTORED_WITH_PVC: ReadonlySet<UnreadableCause> = new Set([
  "csi-snapshot",
  "native-snapshot",
  "foreign-data-mover",
]);

/** Velero would make an empty PVC of a volume without data, and zeros would be served in place of files. */
function obstacleToRestoring({ location, pvcUid, pvcUidLabel }: BackedUpVolume): Obstacle | undefined {
  const unsupported = (reason: string) => ({
    state: pvcStates.unsupportedPlugin,
    failureReason: `UnsupportedBackupFormat: ${reason}`,
  });
  if (location.kind === "unreadable" && !RESTORED_WITH_PVC.has(location.cause)) {
    return { state: pvcStates.failed, failureReason: `The backup has no data of this disk: ${location.reason}` };
  }
  if (pvcUid === undefined) {
    return {
      state: pvcStates.extractionFailed,
      failureReason: "ExtractionFailed: the PVC itself is not in the backup",
    };
  }
  if (pvcUidLabel === undefined) {
    return unsupported(
      "PVC missing required label 'velero.kubevirt.io/pvc-uid' - backup created with plugin not compatible with vmfr",
    );
  }
  if (pvcUidLabel !== pvcUid) {
    return unsupported(
      `PVC UID label mismatch (label: ${pvcUidLabel}, actual: ${pvcUid}) - ` +
        "backup metadata corrupted or created with incompatible plugin",
    );
  }
  if (location.kind === "kopia" && location.method === "file-system-backup") {
    return unsupported("file system backups come back with a pod only; dataPath Direct reads this disk");
  }
  return undefined;
}

function entryOf({ name, namespace, createdAt }: VeleroBackupInfo) {
  return {
    veleroBackupName: name,
    veleroBackupNamespace: namespace,
    ...(createdAt !== undefined && { timestamp: createdAt }),
  };
}

/** Stands for a backup of which not even the PVCs are known. */
function backupFailure(info: VeleroBackupInfo, state: string, failureReason: string): PlannedDisk {
  return {
    pvcUID: `backup-failure-${info.namespace}-${info.name}`,
    pvcName: BACKUP_LEVEL_FAILURE,
    pvcNamespace: info.namespace,
    size: "N/A",
    restore: { ...entryOf(info), state, failureReason },
  };
}

/** Backups come newest first, so a disk is named as the newest has it and its entries are in that order. */
function groupByPvc(disks: readonly PlannedDisk[]): PvcRestore[] {
  const groups = new Map<string, PvcRestore & { restores: PvcBackupRestore[] }>();
  for (const { restore, ...pvc } of disks) {
    const group = groups.get(pvc.pvcUID) ?? { ...pvc, restores: [] };
    groups.set(pvc.pvcUID, group);
    group.restores.push(restore);
  }
  return [...groups.values()];
}
