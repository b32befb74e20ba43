/**
 * Velero's objects of one backup, in the shapes and places Velero 1.17 writes them (velero: pkg/persistence,
 * pkg/backup, internal/volume). `planBackup` gives plain values a test may still bend; `encodeBackup` the bytes.
 */
import { gzipSync } from "node:zlib";
import type { Json, JsonObject, PlannedBackup } from "./backup-plan.ts";
import { uidOf } from "./identifiers.ts";
import { KubernetesObjects } from "./kubernetes-objects.ts";
import { tarArchive } from "./tar-archive.ts";
import { plannedVolumeEvidence } from "./volume-evidence.ts";

const VELERO_NAMESPACE = "velero";

export interface BackupValues {
  readonly name: string;
  description: JsonObject;
  /** Path below `resources/` without version, and the object. */
  resources: KubernetesObjects;
  volumeInfo: Json;
  podVolumeBackups: Json;
  itemOperations: Json;
  resourceList: Json;
  results: Json;
  log: string;
}

export function planBackup(plan: PlannedBackup): BackupValues {
  const resources = new KubernetesObjects(plan);
  const evidence = plannedVolumeEvidence(plan, resources);
  const operations = evidence.itemOperations.length;
  const completed = plan.completedAt ?? plan.createdAt;
  return {
    name: plan.name,
    description: describeBackup(plan, {
      ...(operations > 0 && {
        backupItemOperationsAttempted: operations,
        backupItemOperationsCompleted: operations - evidence.failedOperations,
        ...(evidence.failedOperations > 0 && { backupItemOperationsFailed: evidence.failedOperations }),
      }),
    }),
    resources,
    volumeInfo: evidence.volumeInfo,
    podVolumeBackups: evidence.podVolumeBackups.length === 0 ? null : evidence.podVolumeBackups,
    itemOperations: evidence.itemOperations.length === 0 ? null : evidence.itemOperations,
    resourceList: resources.list(),
    results: { errors: {}, warnings: {} },
    log: `time="${completed}" level=info msg="Backed up a total of ${resources.size} items" backup=${VELERO_NAMESPACE}/${plan.name}\n`,
  };
}

function describeBackup(plan: PlannedBackup, operations: JsonObject): JsonObject {
  const isMoving = plan.vms.some((vm) =>
    vm.volumes.some(({ data }) => data.kind === "moved" || data.kind === "upload"),
  );
  return {
    kind: "Backup",
    apiVersion: "velero.io/v1",
    metadata: {
      name: plan.name,
      namespace: VELERO_NAMESPACE,
      uid: uidOf("backup", plan.name),
      resourceVersion: "1",
      creationTimestamp: plan.createdAt,
      labels: { "velero.io/storage-location": "default", ...plan.labels },
      annotations: {
        "velero.io/source-cluster-k8s-gitversion": "v1.33.1",
        "velero.io/source-cluster-k8s-major-version": "1",
        "velero.io/source-cluster-k8s-minor-version": "33",
        "velero.io/resource-timeout": "10m0s",
      },
    },
    spec: {
      metadata: {},
      includedNamespaces: plan.includedNamespaces ?? [...new Set(plan.vms.map(({ namespace }) => namespace))],
      ...(plan.excludedNamespaces && { excludedNamespaces: plan.excludedNamespaces }),
      ttl: "720h0m0s",
      hooks: {},
      storageLocation: "default",
      csiSnapshotTimeout: "10m0s",
      itemOperationTimeout: "4h0m0s",
      snapshotMoveData: isMoving,
      defaultVolumesToFsBackup: false,
    },
    status: {
      version: 1,
      formatVersion: "1.1.0",
      phase: plan.phase ?? "Completed",
      startTimestamp: plan.createdAt,
      completionTimestamp: plan.completedAt ?? plan.createdAt,
      hookStatus: {},
      ...operations,
      ...plan.status,
    },
  };
}

/** Every object of the backup by its key below the root of the backup storage location. */
export function encodeBackup(values: BackupValues): Map<string, Buffer> {
  const { name } = values;
  const key = (suffix: string) => `backups/${name}/${name}${suffix}`;
  return new Map([
    [`backups/${name}/velero-backup.json`, Buffer.from(JSON.stringify(values.description, undefined, 2))],
    [key(".tar.gz"), gzipSync(tarArchive(tarballMembers(values.resources)))],
    [key("-logs.gz"), gzipSync(values.log)],
    [key("-results.gz"), gzipJson(values.results)],
    [key("-volumeinfo.json.gz"), gzipJson(values.volumeInfo)],
    [key("-podvolumebackups.json.gz"), gzipJson(values.podVolumeBackups)],
    [key("-volumesnapshots.json.gz"), gzipJson(null)],
    [key("-itemoperations.json.gz"), gzipJson(values.itemOperations)],
    [key("-resource-list.json.gz"), gzipJson(values.resourceList)],
  ]);
}

/** Every object stands twice: by its plain path and below its preferred version. */
function* tarballMembers(resources: KubernetesObjects): Iterable<[string, Buffer]> {
  yield ["metadata/version", Buffer.from("1.1.0\n")];
  for (const { resource, version, place, object } of resources) {
    const content = Buffer.from(JSON.stringify(object));
    yield [`resources/${resource}/${place}`, content];
    yield [`resources/${resource}/${version}-preferredversion/${place}`, content];
  }
}

function gzipJson(value: Json): Buffer {
  return gzipSync(`${JSON.stringify(value)}\n`);
}
