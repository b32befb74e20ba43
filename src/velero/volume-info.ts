/**
 * The lists beside the tarball that say where a volume's data went. Every one of them is optional: which
 * exist depends on Velero's version and on what the backup did.
 */
import { z } from "zod";
import { list, optional, stringMap } from "./backup-object-reader.ts";

const text = optional(z.string());

/** One element of `<backup>-volumeinfo.json.gz` (velero: internal/volume/volumes_information.go). */
const volumeInfo = z.object({
  pvcName: text,
  pvcNamespace: text,
  backupMethod: text,
  snapshotDataMoved: optional(z.boolean()),
  skipped: optional(z.boolean()),
  skippedReason: text,
  result: text,
  csiSnapshotInfo: optional(z.object({ snapshotHandle: text, driver: text })),
  snapshotDataMovementInfo: optional(
    z.object({
      dataMover: text,
      uploaderType: text,
      snapshotHandle: text,
      operationID: text,
      size: optional(z.number().int().min(0)),
      Phase: text,
    }),
  ),
  nativeSnapshotInfo: optional(z.object({ snapshotHandle: text, volumeType: text })),
  pvbInfo: optional(z.object({ snapshotHandle: text, uploaderType: text, Phase: text })),
});

export type VolumeInfo = z.output<typeof volumeInfo>;
export const volumeInfoListSchema = list(volumeInfo);

/** One element of `<backup>-podvolumebackups.json.gz` (velero: pkg/apis/velero/v1/pod_volume_backup_types.go). */
const podVolumeBackup = z.object({
  metadata: z.object({ annotations: stringMap }),
  spec: z.object({
    pod: optional(z.object({ namespace: text, name: text })),
    volume: text,
    uploaderType: text,
  }),
  status: optional(z.object({ phase: text, snapshotID: text, message: text })),
});

export type PodVolumeBackup = z.output<typeof podVolumeBackup>;
export const podVolumeBackupListSchema = list(podVolumeBackup);

/** One element of `<backup>-itemoperations.json.gz` (velero: pkg/itemoperation). */
const itemOperation = z.object({
  spec: z.object({
    resourceIdentifier: optional(z.object({ Group: text, Resource: text, Namespace: text, Name: text })),
    operationID: text,
  }),
  status: optional(z.object({ phase: text, error: text })),
});

export type ItemOperation = z.output<typeof itemOperation>;
export const itemOperationListSchema = list(itemOperation);
