/** One disk of the VM in the backups that are served. */
import { z } from "zod";
import { pvcInfo } from "./backup-info.ts";
import { timestamp } from "./text-formats.ts";

/** velero: pkg/apis/velero/v1/restore_types.go, RestorePhase */
const restorePhase = z.enum([
  "New",
  "FailedValidation",
  "InProgress",
  "WaitingForPluginOperations",
  "WaitingForPluginOperationsPartiallyFailed",
  "Completed",
  "PartiallyFailed",
  "Failed",
  "Finalizing",
  "FinalizingPartiallyFailed",
]);

const restoredFileSystem = z.object({
  volume: z.string().describe("The volume on the disk: its number and label or type."),
  type: z.string().describe("ext4, xfs, ntfs, vfat, …"),
  label: z.string().optional(),
  uuid: z.string().optional(),
  sizeBytes: z.int().min(0).optional(),
  path: z.string().optional().describe("Where its files are: /backups/<backup>/<disk>"),
  consistency: z.string().optional().describe("clean, or what was done about a file system that was in use."),
  reason: z.string().optional().describe("Why it cannot be read."),
});

const pvcBackupRestore = z.object({
  veleroBackupName: z.string(),
  veleroBackupNamespace: z.string(),
  timestamp: timestamp.optional().describe("When the backup was completed."),
  state: z
    .string()
    .optional()
    .describe(
      "available, processing, failed, backup-deleted, backup-missing, unsupported-plugin or extraction-failed.",
    ),
  dataPath: z
    .enum(["Restore", "Direct"])
    .optional()
    .describe("Restore: Velero restores the disk to a PVC. Direct: it is read from the bucket."),
  storageLocation: z.string().optional().describe("The BackupStorageLocation that the backup is in."),
  veleroRestoreName: z.string().optional(),
  veleroRestoreNamespace: z.string().optional(),
  phase: restorePhase.optional().describe("Phase of the Velero Restore."),
  createdAt: timestamp.optional().describe("When the Velero Restore was created."),
  completedAt: timestamp.optional().describe("When the Velero Restore was completed."),
  failureReason: z.string().optional().describe("Why the disk of this backup is not available."),
  fileSystems: z.array(restoredFileSystem).optional().describe("What was found on the disk."),
});

export const pvcRestore = pvcInfo.extend({
  restores: z.array(pvcBackupRestore).optional().describe("The disk in each backup, newest first."),
});

export type RestorePhase = z.infer<typeof restorePhase>;
export type RestoredFileSystem = z.infer<typeof restoredFileSystem>;
export type PvcBackupRestore = z.infer<typeof pvcBackupRestore>;
export type PvcRestore = z.infer<typeof pvcRestore>;

/** Documented values of `state`. */
export const pvcStates = {
  available: "available",
  processing: "processing",
  failed: "failed",
  backupDeleted: "backup-deleted",
  backupMissing: "backup-missing",
  unsupportedPlugin: "unsupported-plugin",
  extractionFailed: "extraction-failed",
} as const;
