import { CorruptDataError } from "../../errors.ts";
import type { Stored } from "../../kube/resource-type.ts";
import { type Backup, backupSchema } from "../../velero/backup.ts";
import type { VeleroBackup } from "./velero-resources.ts";

/** @throws CorruptDataError naming the first field that is not what Velero writes */
export function backupOf(object: VeleroBackup): Backup {
  const parsed = backupSchema.safeParse(object);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = { format: "velero", structure: `Backup ${object.metadata.name}` };
  throw new CorruptDataError(place, `field ${issue?.path.join(".") || "(top)"}: ${issue?.message ?? "invalid"}`);
}

/** Velero keeps a Backup without the field in its default location, which has this name unless told otherwise. */
const DEFAULT_LOCATION = "default";

/** Name of the BackupStorageLocation. */
export function storageLocationOf({ spec }: VeleroBackup): string {
  return spec?.storageLocation ?? DEFAULT_LOCATION;
}

const SPEC_FIELDS = ["includedNamespaces", "excludedNamespaces", "snapshotMoveData", "storageLocation"];
const STATUS_FIELDS = [
  "phase",
  "completionTimestamp",
  "backupItemOperationsAttempted",
  "backupItemOperationsCompleted",
  "backupItemOperationsFailed",
  "hookStatus",
];

/** What an informer keeps of a Backup in memory: what verdicts depend on. */
export function keepOfBackup({ apiVersion, kind, metadata, spec, status }: Stored<VeleroBackup>): Stored<VeleroBackup> {
  const { annotations: _, managedFields: __, ...kept } = metadata;
  return { apiVersion, kind, metadata: kept, spec: pick(spec, SPEC_FIELDS), status: pick(status, STATUS_FIELDS) };
}

function pick(value: object | undefined, fields: readonly string[]): object {
  return Object.fromEntries(Object.entries(value ?? {}).filter(([name]) => fields.includes(name)));
}

/** False for a change that no verdict depends on, such as a count of the items backed up so far. */
export function differsForVerdicts(before: Stored<VeleroBackup> | undefined, now: Stored<VeleroBackup> | undefined) {
  return essence(before) !== essence(now);
}

function essence(backup: Stored<VeleroBackup> | undefined): string {
  if (backup === undefined) return "";
  const { uid, deletionTimestamp } = backup.metadata;
  return JSON.stringify([uid, deletionTimestamp, pick(backup.spec, SPEC_FIELDS), pick(backup.status, STATUS_FIELDS)]);
}
