/**
 * Where the bytes of a backed-up volume lie, or why they cannot be read from the bucket. Sources in order of
 * trust: the volume list, the DataUpload in the tarball, the PodVolumeBackup,
 * the upload's operation; the first two must agree.
 */
import type { Backup } from "./backup.ts";
import { kopiaRepositoryPrefix } from "./backup-layout.ts";
import type { DataUpload, PersistentVolumeClaim, VmReference } from "./backup-resources.ts";
import type { ClaimedVolume } from "./virtual-machine.ts";
import type { ItemOperation, PodVolumeBackup, VolumeInfo } from "./volume-info.ts";

export type UnreadableCause =
  | "not-backed-up"
  | "import-in-progress"
  | "skipped"
  | "csi-snapshot"
  | "native-snapshot"
  | "upload-failed"
  | "upload-unfinished"
  | "foreign-data-mover"
  | "restic"
  | "metadata-only"
  | "no-data"
  | "contradiction"
  | "unknown";

export interface KopiaLocation {
  readonly kind: "kopia";
  /** Prefix of the repository below the root of the backup storage location; ends in a slash. */
  readonly repository: string;
  readonly snapshot: SnapshotReference;
  /** `file-system-backup` copies file by file from the mounted volume, not from a snapshot of it. */
  readonly method: "data-mover" | "file-system-backup";
}

/** A Kopia snapshot manifest's id (32 lower-case hexadecimal digits), or what its labels say when no list names the id. */
export type SnapshotReference =
  | { readonly manifestId: string }
  | { readonly path: string; readonly tags: Readonly<Record<string, string>> };

export interface Unreadable {
  readonly kind: "unreadable";
  readonly cause: UnreadableCause;
  /** A sentence about the volume, without its name. */
  readonly reason: string;
}

export type VolumeLocation = KopiaLocation | Unreadable;

/** All that a backup says about the data of volumes. Lists that do not exist are empty. */
export interface VolumeEvidence {
  readonly backup: Backup;
  readonly vm: VmReference;
  readonly volumeInfos: readonly VolumeInfo[];
  readonly dataUploads: readonly DataUpload[];
  readonly podVolumeBackups: readonly PodVolumeBackup[];
  readonly itemOperations: readonly ItemOperation[];
  /** Lists that exist but cannot be read, each a sentence. */
  readonly warnings: readonly string[];
}

/** What the evidence says about one volume. */
interface Findings {
  readonly evidence: VolumeEvidence;
  readonly claim: PersistentVolumeClaim | undefined;
  readonly info: VolumeInfo | undefined;
  readonly uploads: readonly DataUpload[];
  readonly podBackups: readonly PodVolumeBackup[];
  readonly operation: ItemOperation | undefined;
}

export function locateVolume(
  volume: ClaimedVolume,
  claim: PersistentVolumeClaim | undefined,
  evidence: VolumeEvidence,
): VolumeLocation {
  const found = findingsFor(volume, claim, evidence);
  const { info, uploads, podBackups } = found;
  const importer = claim?.metadata.annotations["kvp.kubevirt.io/storage.inprogress"];
  if (importer !== undefined) {
    return unreadable(
      "import-in-progress",
      "its content was still being imported when the backup was made, so its bytes cannot be trusted",
    );
  }
  if (info?.skipped === true) {
    return unreadable("skipped", `the backup skipped it${because(info.skippedReason)}`);
  }
  if (info?.snapshotDataMoved === true || uploads.length > 0) return locateMovedData(found);
  if (info?.backupMethod === "PodVolumeBackup" || podBackups.length > 0) return locateFileSystemBackup(found);
  return locateByOperation(volume.pvcName, found) ?? explainMissingData(found);
}

function findingsFor(
  { pvcName, volumeName }: ClaimedVolume,
  claim: PersistentVolumeClaim | undefined,
  evidence: VolumeEvidence,
): Findings {
  const { namespace, name } = evidence.vm;
  return {
    evidence,
    claim,
    info: evidence.volumeInfos.find((each) => each.pvcNamespace === namespace && each.pvcName === pvcName),
    uploads: evidence.dataUploads.filter(
      ({ spec }) => spec.sourceNamespace === namespace && spec.sourcePVC === pvcName,
    ),
    podBackups: evidence.podVolumeBackups.filter(({ metadata, spec }) => {
      if (spec.pod?.namespace !== namespace) return false;
      const annotated = metadata.annotations["velero.io/pvc-name"];
      if (annotated !== undefined) return annotated === pvcName;
      return spec.volume === volumeName && spec.pod.name?.startsWith(`virt-launcher-${name}-`) === true;
    }),
    operation: evidence.itemOperations.find(({ spec: { resourceIdentifier: item } }) => {
      return item?.Resource === "persistentvolumeclaims" && item.Namespace === namespace && item.Name === pvcName;
    }),
  };
}

/** Names of Velero's own data mover that writes Kopia snapshots of files (velero: pkg/datamover). */
const OWN_MOVERS: readonly string[] = ["", "velero", "velero-fs"];

function locateMovedData({ info, uploads, operation, evidence }: Findings): VolumeLocation {
  const movement = info?.snapshotDataMovementInfo;
  const mover = movement?.dataMover ?? uploads[0]?.spec.datamover ?? "";
  if (!OWN_MOVERS.includes(mover)) {
    return unreadable(
      "foreign-data-mover",
      `its data was moved by the data mover ${quote(mover)}, whose format is not known here`,
    );
  }
  if (movement?.uploaderType === "restic") return resticData();
  const failed = uploads.find(({ status }) => status?.phase === "Failed" || status?.phase === "Canceled");
  const phase = failed?.status?.phase ?? movement?.Phase ?? uploads[0]?.status?.phase;
  const message = failed?.status?.message ?? operation?.status?.error;
  const hasFailed = phase === "Failed" || phase === "Canceled" || info?.result === "failed";
  if (hasFailed) {
    const how = phase === "Canceled" ? "was cancelled" : "failed";
    return unreadable("upload-failed", `the upload of its data ${how}${because(message)}`);
  }
  const completed = uploads.filter(({ status }) => status?.phase === "Completed");
  const handles = [movement?.snapshotHandle, ...completed.map(({ status }) => status?.snapshotID)];
  const unfinished = phase !== undefined && phase !== "Completed" ? ` (phase ${phase})` : "";
  return fromHandles(handles, evidence.vm.namespace, "data-mover", unfinished);
}

function locateFileSystemBackup({ info, podBackups, evidence }: Findings): VolumeLocation {
  const uploaders = [info?.pvbInfo?.uploaderType, ...podBackups.map(({ spec }) => spec.uploaderType)];
  if (uploaders.includes("restic")) return resticData();
  // A volume that several pods mount is copied once a pod; any complete copy will do.
  const best = podBackups.find(({ status }) => status?.phase === "Completed") ?? podBackups[0];
  const phase = best?.status?.phase ?? info?.pvbInfo?.Phase;
  if (phase === "Failed" || phase === "Canceled" || (best === undefined && info?.result === "failed")) {
    return unreadable("upload-failed", `the file-system backup of it failed${because(best?.status?.message)}`);
  }
  const unfinished = phase !== undefined && phase !== "Completed" ? ` (phase ${phase})` : "";
  const handle = best?.status?.snapshotID ?? info?.pvbInfo?.snapshotHandle;
  return fromHandles([handle], evidence.vm.namespace, "file-system-backup", unfinished);
}

/** @param unfinished why the upload is known not to have finished, else empty. */
function fromHandles(
  handles: readonly (string | undefined)[],
  namespace: string,
  method: KopiaLocation["method"],
  unfinished: string,
): VolumeLocation {
  const [manifestId, ...others] = new Set(handles.filter((handle) => handle !== undefined && handle !== ""));
  if (manifestId === undefined || unfinished !== "") {
    return unreadable("upload-unfinished", `the upload of its data had not finished${unfinished}`);
  }
  if (others.length > 0) {
    const all = [manifestId, ...others].map((handle) => quote(handle ?? "")).join(" and ");
    return unreadable("contradiction", `the backup names different snapshots as its data: ${all}`);
  }
  if (!/^[0-9a-f]{32}$/.test(manifestId)) {
    return unreadable("contradiction", `its snapshot handle ${quote(manifestId)} is not one of a Kopia repository`);
  }
  return { kind: "kopia", repository: kopiaRepositoryPrefix(namespace), snapshot: { manifestId }, method };
}

/** The upload's own id, which Velero also tags the snapshot with, finds it when the lists of volumes are lost. */
function locateByOperation(pvcName: string, { operation, evidence }: Findings): KopiaLocation | undefined {
  const operationId = operation?.spec.operationID;
  if (operation?.status?.phase !== "Completed" || operationId?.startsWith("du-") !== true) return undefined;
  const { namespace } = evidence.vm;
  return {
    kind: "kopia",
    repository: kopiaRepositoryPrefix(namespace),
    snapshot: {
      path: `snapshot-data-upload-download/kopia/${namespace}/${pvcName}`,
      tags: { "velero.io/async-operation-id": operationId },
    },
    method: "data-mover",
  };
}

/** Nothing about the volume was uploaded. */
function explainMissingData({ info, claim, operation, evidence }: Findings): Unreadable {
  const snapshotName = claim?.metadata.annotations["velero.io/volume-snapshot-name"];
  if (info?.backupMethod === "NativeSnapshot") {
    const { volumeType, snapshotHandle } = info.nativeSnapshotInfo ?? {};
    return snapshotOfStorage("native-snapshot", "a native snapshot", [
      ["volume type", volumeType],
      ["handle", snapshotHandle],
    ]);
  }
  const isMovePending = claim?.metadata.annotations["velero.io/data-upload-name"] !== undefined;
  if (isMovePending) {
    return unreadable(
      "upload-unfinished",
      `the upload of its data had not finished${because(operation?.status?.error)}`,
    );
  }
  if (info?.backupMethod === "CSISnapshot" || snapshotName !== undefined) {
    const { driver, snapshotHandle } = info?.csiSnapshotInfo ?? {};
    return snapshotOfStorage("csi-snapshot", "a CSI snapshot", [
      ["driver", driver],
      ["handle", snapshotHandle],
      ["VolumeSnapshot", info === undefined ? snapshotName : undefined],
    ]);
  }
  if (Object.hasOwn(evidence.backup.labels, "velero.kubevirt.io/metadataBackup")) {
    return unreadable("metadata-only", "the backup holds descriptions only (a metadata backup), no data of volumes");
  }
  const [damaged] = evidence.warnings;
  if (damaged !== undefined) return unreadable("unknown", `what became of its data cannot be told: ${damaged}`);
  if (claim === undefined && info === undefined) {
    return unreadable("not-backed-up", "it was not backed up, although the VM refers to it");
  }
  return unreadable(
    "no-data",
    "the backup holds only its description: no snapshot, upload or file-system backup of it was made",
  );
}

function snapshotOfStorage(
  cause: "csi-snapshot" | "native-snapshot",
  what: string,
  details: readonly (readonly [string, string | undefined])[],
): Unreadable {
  const known = details.filter(([, value]) => value !== undefined && value !== "" && value !== "unknown");
  const which = known.map(([label, value]) => `${label} ${value}`).join(", ");
  const detail = which === "" ? "" : ` (${which})`;
  return unreadable(cause, `its data is in ${what} of the storage system${detail}, not in the bucket`);
}

function resticData(): Unreadable {
  return unreadable("restic", "its data is in a restic repository, which is not read; only Kopia repositories are");
}

function unreadable(cause: UnreadableCause, reason: string): Unreadable {
  return { kind: "unreadable", cause, reason };
}

/** What others wrote goes into sentences shortened and on one line. */
function because(detail: string | undefined): string {
  return detail === undefined || detail === "" ? "" : `: ${shorten(detail)}`;
}

function quote(detail: string): string {
  return JSON.stringify(shorten(detail));
}

function shorten(detail: string): string {
  const line = detail.replace(/\s+/g, " ").trim();
  return line.length <= 300 ? line : `${line.slice(0, 299)}…`;
}
