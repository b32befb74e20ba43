import { z } from "zod";
import type { KubeObject, ResourceType } from "../../../kube/resource-type.ts";
import type { CustomResource } from "../crd/custom-resource.ts";
import { backupDiscoveryProgress, invalidBackupInfo, veleroBackupInfo } from "./backup-info.ts";
import { conditions, type WithConditions } from "./condition.ts";
import { API_GROUP, API_VERSION } from "./names.ts";
import { duration, flexibleTime, namespaceName, objectName, timestamp } from "./text-formats.ts";

const spec = z
  .object({
    virtualMachineName: objectName.describe("Name of the VM to look for."),
    virtualMachineNamespace: namespaceName.describe("Namespace of the VM when it was backed up."),
    startTime: flexibleTime
      .optional()
      .describe("Only backups completed at this time or later. RFC 3339, or a date, which means its start in UTC."),
    endTime: flexibleTime
      .optional()
      .describe("Only backups completed at this time or earlier. RFC 3339, or a date, which means its end in UTC."),
    requestedBackups: z
      .array(z.string().max(253))
      .optional()
      .describe("Backups to look at by name. Together with a time range: those named and those in the range."),
    includePartiallyFailed: z
      .boolean()
      .optional()
      .describe("Also look at backups in phase PartiallyFailed; they are valid when the data of a disk was backed up."),
    refreshInterval: duration
      .optional()
      .describe(
        "How often every backup is looked at anew, such as 6h. New and deleted backups are noticed without it.",
      ),
  })
  .describe("Which VM to look for, and in which backups.");

const count = z.int().min(0);

const discoveryStats = z
  .object({
    totalCandidates: count.describe("Backups to look at."),
    pending: count.describe("Backups not looked at yet."),
    inProgress: count.describe("Backups being looked at."),
    completed: count.describe("Valid backups."),
    skipped: count.describe("Backups looked at that are not valid."),
    failed: count.describe("Backups that do not exist or could not be looked at."),
    startTime: timestamp.optional().describe("When this discovery began."),
    completionTime: timestamp.optional().describe("When this discovery ended."),
  })
  .describe("How far the discovery is.");

const status = z
  .object({
    phase: z
      .enum(["New", "InProgress", "Completed", "PartiallyFailed", "Failed"])
      .optional()
      .describe("PartiallyFailed: some backups could not be looked at. Failed: see the conditions."),
    observedGeneration: z.int().optional().describe("The generation of the spec the status belongs to."),
    conditions: conditions.optional(),
    validBackups: z.array(veleroBackupInfo).optional().describe("Backups that contain the VM, newest first."),
    invalidBackups: z
      .array(invalidBackupInfo)
      .optional()
      .describe("Backups that cannot be used, each with its reason, newest first."),
    backupDiscoveryProgress: z
      .array(backupDiscoveryProgress)
      .optional()
      .describe("The state of each backup; with hundreds of backups, of those that matter most."),
    discoveryStats: discoveryStats.optional(),
  })
  .describe("What was found.");

export type VirtualMachineBackupsDiscoverySpec = z.infer<typeof spec>;
export type VirtualMachineBackupsDiscoveryStatus = WithConditions<z.infer<typeof status>>;
export type DiscoveryStats = z.infer<typeof discoveryStats>;

export interface VirtualMachineBackupsDiscovery extends KubeObject {
  spec: VirtualMachineBackupsDiscoverySpec;
  status?: VirtualMachineBackupsDiscoveryStatus;
}

export const virtualMachineBackupsDiscoveries: ResourceType<VirtualMachineBackupsDiscovery> = {
  group: API_GROUP,
  version: API_VERSION,
  kind: "VirtualMachineBackupsDiscovery",
  plural: "virtualmachinebackupsdiscoveries",
  namespaced: true,
};

export const virtualMachineBackupsDiscoveryResource: CustomResource = {
  type: virtualMachineBackupsDiscoveries,
  singular: "virtualmachinebackupsdiscovery",
  shortNames: ["vmbd"],
  description: "Finds the Velero backups that contain a virtual machine.",
  spec,
  status,
  columns: [
    { name: "VM", type: "string", jsonPath: ".spec.virtualMachineName" },
    { name: "VMNS", type: "string", jsonPath: ".spec.virtualMachineNamespace" },
    { name: "Phase", type: "string", jsonPath: ".status.phase" },
    { name: "Valid", type: "integer", jsonPath: ".status.discoveryStats.completed" },
    { name: "Invalid", type: "integer", jsonPath: ".status.discoveryStats.skipped" },
    { name: "Failed", type: "integer", jsonPath: ".status.discoveryStats.failed" },
  ],
};
