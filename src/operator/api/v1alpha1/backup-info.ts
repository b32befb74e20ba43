/** What both kinds say about backups and the PVCs in them. */
import { z } from "zod";
import { timestamp } from "./text-formats.ts";

export const pvcInfo = z.object({
  pvcUID: z.string().describe("UID of the PVC when it was backed up."),
  pvcName: z.string().describe("Name of the PVC when it was backed up."),
  pvcNamespace: z.string().describe("Namespace of the PVC when it was backed up."),
  size: z.string().optional().describe("Requested size as a Kubernetes quantity, such as 30Gi."),
});

export const veleroBackupInfo = z.object({
  name: z.string().describe("Name of the Velero Backup."),
  namespace: z.string().describe("Namespace of the Velero Backup."),
  createdAt: timestamp.optional().describe("When the backup was completed; when it was created if that is not known."),
  pvcs: z.array(pvcInfo).optional().describe("The VM's PVCs in this backup, where they are known."),
});

const MAX_MESSAGE = 1024;

export const invalidBackupInfo = veleroBackupInfo.extend({
  reason: z.string().max(MAX_MESSAGE).optional().describe("Why the backup cannot be used."),
});

export const backupDiscoveryProgress = veleroBackupInfo.extend({
  status: z
    .enum(["New", "InProgress", "Completed", "Skipped", "Failed"])
    .describe("Completed: valid. Skipped: looked at and not usable. Failed: could not be looked at."),
  message: z.string().max(MAX_MESSAGE).optional().describe("What was found, for people."),
  lastUpdated: timestamp.optional().describe("When the status last changed."),
});

export type PvcInfo = z.infer<typeof pvcInfo>;
export type VeleroBackupInfo = z.infer<typeof veleroBackupInfo>;
export type InvalidBackupInfo = z.infer<typeof invalidBackupInfo>;
export type BackupDiscoveryProgress = z.infer<typeof backupDiscoveryProgress>;
