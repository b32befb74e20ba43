import { z } from "zod";
import type { KubeObject, ResourceType } from "../../../kube/resource-type.ts";
import type { CustomResource } from "../crd/custom-resource.ts";
import { conditions, type WithConditions } from "./condition.ts";
import { fileAccess, fileServingInfo } from "./file-access.ts";
import { API_GROUP, API_VERSION } from "./names.ts";
import { pvcRestore } from "./pvc-restore.ts";
import { duration, optionalNamespaceName, timestamp } from "./text-formats.ts";

const spec = z
  .object({
    backupsDiscoveryRef: z
      .string()
      .min(1)
      .max(253)
      .describe("Name of a VirtualMachineBackupsDiscovery in the same namespace."),
    selectedBackups: z
      .array(z.string())
      .optional()
      .describe("Which of the discovery's valid backups to serve. All when none is given."),
    restoreNamespace: optionalNamespaceName.describe(
      "An existing namespace for what the restore makes. A temporary one when none is given.",
    ),
    namespacePrefix: z.string().optional().describe("What the temporary namespace's name begins with."),
    fileAccess: fileAccess.optional(),
    dataPath: z
      .enum(["Restore", "Direct", "Auto"])
      .optional()
      .describe(
        "Restore: Velero restores the PVCs, and they are read. Direct: the backup's data is read from the bucket, " +
          "without PVCs. Auto: Direct for backups whose disks are all in the bucket, Restore for the others.",
      ),
    ttl: duration.optional().describe("The file restore deletes itself this long after it was created, such as 8h."),
  })
  .describe("Which backups to serve files from, and how.");

const status = z
  .object({
    phase: z.enum(["New", "InProgress", "Completed", "PartiallyFailed", "Failed", "Deleting"]).optional(),
    observedGeneration: z.int().optional().describe("The generation of the spec the status belongs to."),
    conditions: conditions.optional(),
    virtualMachine: z
      .object({ name: z.string(), namespace: z.string() })
      .optional()
      .describe("The VM whose files are served."),
    createdNamespace: z.string().optional().describe("The namespace in use, whether made for this restore or given."),
    fileServingInfo: fileServingInfo.optional(),
    pvcRestores: z.array(pvcRestore).optional().describe("Each disk of the VM with its state in every backup."),
    expiresAt: timestamp.optional().describe("When the file restore deletes itself."),
  })
  .describe("What is served, and where.");

export type VirtualMachineFileRestoreSpec = z.infer<typeof spec>;
export type VirtualMachineFileRestoreStatus = WithConditions<z.infer<typeof status>>;

export interface VirtualMachineFileRestore extends KubeObject {
  spec: VirtualMachineFileRestoreSpec;
  status?: VirtualMachineFileRestoreStatus;
}

export const virtualMachineFileRestores: ResourceType<VirtualMachineFileRestore> = {
  group: API_GROUP,
  version: API_VERSION,
  kind: "VirtualMachineFileRestore",
  plural: "virtualmachinefilerestores",
  namespaced: true,
};

export const virtualMachineFileRestoreResource: CustomResource = {
  type: virtualMachineFileRestores,
  singular: "virtualmachinefilerestore",
  shortNames: ["vmfr"],
  description: "Serves files of a virtual machine's backups, read-only, through a web browser and SSH.",
  spec,
  status,
  columns: [
    { name: "Phase", type: "string", jsonPath: ".status.phase" },
    { name: "Discovery", type: "string", jsonPath: ".spec.backupsDiscoveryRef" },
    { name: "Pod-NS", type: "string", jsonPath: ".status.createdNamespace" },
    { name: "Pod", type: "string", jsonPath: ".status.fileServingInfo.podName" },
    { name: "Expires", type: "string", jsonPath: ".status.expiresAt", priority: 1 },
  ],
};
