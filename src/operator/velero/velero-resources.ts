/**
 * Velero's resources, of which only those fields are declared that are read or written here; what else an object
 * holds stays in it (velero: pkg/apis/velero/v1, v2alpha1).
 */
import type { LabelSelector } from "kubernetes-types/meta/v1.js";
import type { KubeObject, ResourceType } from "../../kube/resource-type.ts";
import type { RestorePhase } from "../api/v1alpha1/pvc-restore.ts";

/** Read as `src/velero/backup.ts` says: what Velero stores in the bucket and in the cluster is the same. */
export interface VeleroBackup extends KubeObject {
  readonly spec?: { readonly storageLocation?: string };
  readonly status?: object;
}

export interface VeleroRestore extends KubeObject {
  spec: {
    backupName: string;
    includedNamespaces?: string[];
    includedResources?: string[];
    excludedResources?: string[];
    /** From the namespace in the backup to the one restored to. */
    namespaceMapping?: Record<string, string>;
    orLabelSelectors?: LabelSelector[];
    /** A ConfigMap with rules that change resources just before they are created. */
    resourceModifier?: { apiGroup?: string; kind: "ConfigMap"; name: string };
    restorePVs?: boolean;
    includeClusterResources?: boolean;
    existingResourcePolicy?: "none" | "update";
    /** Duration as Go writes it. */
    itemOperationTimeout?: string;
  };
  status?: {
    phase?: RestorePhase;
    failureReason?: string;
    validationErrors?: readonly string[];
    errors?: number;
    warnings?: number;
    startTimestamp?: string;
    completionTimestamp?: string;
    progress?: { totalItems?: number; itemsRestored?: number };
  };
}

export type DownloadTargetKind =
  | "BackupContents"
  | "BackupResourceList"
  | "BackupVolumeInfos"
  | "BackupItemOperations"
  | "BackupResults"
  | "RestoreResults";

export interface DownloadRequest extends KubeObject {
  spec: { target: { kind: DownloadTargetKind; name: string } };
  status?: { phase?: "New" | "Processed"; downloadURL?: string; expiration?: string };
}

/** A key of a Secret in Velero's namespace. */
export interface SecretKeySelector {
  name?: string;
  key: string;
}

export interface BackupStorageLocation extends KubeObject {
  spec: {
    /** `aws`, `velero.io/aws`, `azure`, `gcp`, … */
    provider: string;
    objectStorage?: {
      bucket: string;
      prefix?: string;
      /** PEM, in base64. */
      caCert?: string;
      caCertRef?: SecretKeySelector;
    };
    config?: Record<string, string>;
    credential?: SecretKeySelector;
    default?: boolean;
  };
  status?: { phase?: "Available" | "Unavailable"; message?: string };
}

export interface DataDownload extends KubeObject {
  spec: {
    targetVolume: { pvc: string; pv?: string; namespace: string };
    backupStorageLocation?: string;
    snapshotID?: string;
    sourceNamespace?: string;
    cancel?: boolean;
  };
  status?: {
    phase?: "New" | "Accepted" | "Prepared" | "InProgress" | "Canceling" | "Canceled" | "Completed" | "Failed";
    message?: string;
    progress?: { totalBytes?: number; bytesDone?: number };
  };
}

function velero<T extends KubeObject>(version: "v1" | "v2alpha1", kind: string, plural: string): ResourceType<T> {
  return { group: "velero.io", version, kind, plural, namespaced: true };
}

export const veleroBackups = velero<VeleroBackup>("v1", "Backup", "backups");
export const veleroRestores = velero<VeleroRestore>("v1", "Restore", "restores");
export const downloadRequests = velero<DownloadRequest>("v1", "DownloadRequest", "downloadrequests");
export const backupStorageLocations = velero<BackupStorageLocation>(
  "v1",
  "BackupStorageLocation",
  "backupstoragelocations",
);
export const dataDownloads = velero<DataDownload>("v2alpha1", "DataDownload", "datadownloads");
