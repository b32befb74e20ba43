/** Judges one backup: does it hold the VM, and can its data be used? */
import { ConfigError, CorruptDataError, describeError, VmfrError } from "../errors.ts";
import type { BackedUpVm } from "./backed-up-vm.ts";
import { type Backup, backupTime } from "./backup.ts";
import type { VmReference } from "./backup-resources.ts";
import {
  type BackupReference,
  type InvalidBackup,
  kubernetesTime,
  shortReason,
  type ValidBackup,
} from "./discovery-result.ts";
import { coversNamespace } from "./namespace-rule.ts";
import { listsVirtualMachine, type ResourceList } from "./resource-list.ts";
import { isInRange, type TimeRange } from "./time-range.ts";
import type { UnreadableCause } from "./volume-location.ts";

/** Where backups and their contents come from: a bucket, or a cluster's API beside one. */
export interface BackupSource {
  names(signal?: AbortSignal): Promise<readonly string[]>;
  backup(name: string, signal?: AbortSignal): Promise<Backup | undefined>;
  resourceList(name: string, signal?: AbortSignal): Promise<ResourceList | undefined>;
  vm(backup: Backup, vm: VmReference, signal?: AbortSignal): Promise<BackedUpVm | undefined>;
}

export interface Criteria {
  readonly vm: VmReference;
  /** Names asked for; their backups always get an entry. */
  readonly requested: ReadonlySet<string>;
  /** Undefined when no range was given; then every backup qualifies unless names were given. */
  readonly range: TimeRange | undefined;
  /** Judge PartiallyFailed backups too, by their volumes. */
  readonly includePartiallyFailed: boolean;
  /** Read where the volumes' bytes are. */
  readonly inspectVolumes: boolean;
  /** A backup is not valid unless a disk's data is there for whoever reads it; needs `inspectVolumes`. */
  readonly requireData: DataRequirement;
  /** Reported for backups whose own namespace is not known. */
  readonly veleroNamespace: string;
  /** Where backups are looked up, for messages. */
  readonly place: "bucket" | "cluster";
}

/** `in-bucket`: as a Kopia snapshot. `restorable`: that, or in a form that Velero itself can restore. */
export type DataRequirement = "none" | "in-bucket" | "restorable";

export type Verdict =
  | { readonly kind: "valid"; readonly entry: ValidBackup }
  /** `skipped`: looked at, does not qualify. `missing`: there is none. `unverified`: the look failed. */
  | { readonly kind: "skipped" | "missing" | "unverified"; readonly entry: InvalidBackup }
  /** Not asked for, and nothing to tell anybody. */
  | { readonly kind: "no-candidate" };

export const VM_NOT_FOUND = "VM not found in backup";
const VM_ONLY_LISTED = "The resource list names the VM, but the tarball lacks it";
const NO_DISK = "The VM has no disk with data in this backup";
const NO_DATA = "none of its disks was backed up with its data";

/**
 * Whether a reason with `restorable` data comes from the contents of a backup. Those never change again, while
 * what its description says may.
 */
export function isReasonOfContents(reason: string): boolean {
  return [VM_NOT_FOUND, VM_ONLY_LISTED, NO_DISK].includes(reason) || reason.startsWith(NO_DATA);
}

/** On a backup that qualifies by its name or time. */
export type ContentsVerdict = Exclude<Verdict, { readonly kind: "no-candidate" }>;

/** Never throws for what is wrong with the backup; only for an abort or a bug. */
export async function judgeBackup(
  source: BackupSource,
  name: string,
  criteria: Criteria,
  signal?: AbortSignal,
): Promise<Verdict> {
  const unknown: BackupReference = { name, namespace: criteria.veleroNamespace };
  let backup: Backup | undefined;
  try {
    backup = await source.backup(name, signal);
  } catch (error) {
    if (error instanceof ConfigError)
      return { kind: "missing", entry: { ...unknown, reason: shortReason(error.message) } };
    return failedLook(unknown, "Failed to fetch backup", error, signal);
  }
  if (backup === undefined) return missingBackup(name, criteria);
  return judgeDescription(backup, criteria) ?? (await judgeContents(source, backup, criteria, signal));
}

export function missingBackup(name: string, { place, requested, veleroNamespace }: Criteria): ContentsVerdict {
  const unrequested = "Backup has no velero-backup.json";
  const reason = place === "cluster" ? "Backup not found in cluster" : "Backup not found";
  return {
    kind: "missing",
    entry: { name, namespace: veleroNamespace, reason: requested.has(name) ? reason : unrequested },
  };
}

/** What the Backup itself decides; undefined when its contents must be looked at. */
export function judgeDescription(backup: Backup, criteria: Criteria): Verdict | undefined {
  const refusal = refuseByDescription(backup, criteria);
  if (refusal === "no-candidate") return { kind: "no-candidate" };
  return refusal === undefined ? undefined : skipped(referenceTo(backup, criteria), refusal);
}

/** A look that fails is `unverified`. Never throws for what is wrong with the backup; only for an abort or a bug. */
export async function judgeContents(
  source: Pick<BackupSource, "resourceList" | "vm">,
  backup: Backup,
  criteria: Criteria,
  signal?: AbortSignal,
): Promise<ContentsVerdict> {
  const reference = referenceTo(backup, criteria);
  try {
    return await lookInto(source, backup, reference, criteria, signal);
  } catch (error) {
    return failedLook(reference, "Failed to check backup contents", error, signal);
  }
}

export function referenceTo(backup: Backup, criteria: Pick<Criteria, "veleroNamespace">): BackupReference {
  const time = backupTime(backup);
  return {
    name: backup.name,
    namespace: backup.namespace === "" ? criteria.veleroNamespace : backup.namespace,
    ...(time === undefined ? {} : { createdAt: kubernetesTime(time) }),
  };
}

function skipped(reference: BackupReference, reason: string): ContentsVerdict {
  return { kind: "skipped", entry: { ...reference, reason: shortReason(reason) } };
}

function failedLook(reference: BackupReference, what: string, error: unknown, signal?: AbortSignal): ContentsVerdict {
  if (signal?.aborted || !(error instanceof VmfrError)) throw error;
  return { kind: "unverified", entry: { ...reference, reason: shortReason(`${what}: ${describeError(error)}`) } };
}

/** What `velero-backup.json` alone decides; undefined when the contents must be looked at. */
function refuseByDescription(backup: Backup, criteria: Criteria): string | "no-candidate" | undefined {
  const isRequested = criteria.requested.has(backup.name);
  const qualifiesByTime =
    criteria.range === undefined ? criteria.requested.size === 0 : isInRange(criteria.range, backupTime(backup));
  if (!isRequested && !qualifiesByTime) return "no-candidate";
  if (!coversNamespace(backup, criteria.vm.namespace)) {
    return isRequested ? "Backup doesn't include target VM namespace" : "no-candidate";
  }
  const partial = backup.phase === "PartiallyFailed";
  if (partial && !criteria.includePartiallyFailed) {
    return "Backup phase is PartiallyFailed: some of its items failed; it is used only when partially failed backups are included";
  }
  if (!partial && backup.phase !== "Completed") {
    return `Backup phase is ${backup.phase === "" ? "not set" : JSON.stringify(backup.phase.slice(0, 60))}, not "Completed"`;
  }
  return refuseByOperations(backup);
}

/** Uploads may still run although the phase is final (velero: pkg/controller/backup_operations_controller.go). */
function refuseByOperations({ phase, operations }: Backup): string | undefined {
  const { attempted, completed, failed } = operations;
  // A PartiallyFailed backup is final once its failures are counted in; its volumes say which ones failed.
  const ended = phase === "PartiallyFailed" ? completed + failed : completed;
  if (attempted === 0 || ended >= attempted) return undefined;
  return (
    "backup has incomplete async operations (data mover upload may not have finished); " +
    `BackupItemOperationsAttempted=${attempted}, BackupItemOperationsCompleted=${completed}, BackupItemOperationsFailed=${failed}`
  );
}

async function lookInto(
  source: Pick<BackupSource, "resourceList" | "vm">,
  backup: Backup,
  reference: BackupReference,
  criteria: Criteria,
  signal?: AbortSignal,
): Promise<ContentsVerdict> {
  const listed = await presenceByResourceList(source, backup.name, criteria.vm, signal);
  if (listed === false) return skipped(reference, VM_NOT_FOUND);
  if (listed && !criteria.inspectVolumes) return { kind: "valid", entry: reference };
  const machine = await source.vm(backup, criteria.vm, signal);
  if (machine === undefined) {
    return skipped(reference, listed ? VM_ONLY_LISTED : VM_NOT_FOUND);
  }
  if (!criteria.inspectVolumes) return { kind: "valid", entry: reference };
  const { volumes, consistency, warnings } = machine;
  const refusal = refuseByVolumes(machine, criteria.requireData);
  if (refusal === undefined) return { kind: "valid", entry: { ...reference, volumes, consistency, warnings } };
  return { kind: "skipped", entry: { ...reference, reason: shortReason(refusal), volumes } };
}

/** Undefined when the list is missing or damaged, so that only the tarball can tell. */
async function presenceByResourceList(
  source: Pick<BackupSource, "resourceList">,
  name: string,
  vm: VmReference,
  signal?: AbortSignal,
): Promise<boolean | undefined> {
  try {
    const resources = await source.resourceList(name, signal);
    return resources === undefined ? undefined : listsVirtualMachine(resources, vm.namespace, vm.name);
  } catch (error) {
    if (error instanceof CorruptDataError) return undefined;
    throw error;
  }
}

/** Forms of data that are not read here, but that Velero restores. */
const RESTORABLE: ReadonlySet<UnreadableCause> = new Set([
  "csi-snapshot",
  "native-snapshot",
  "foreign-data-mover",
  "restic",
]);

function refuseByVolumes({ volumes }: BackedUpVm, required: DataRequirement): string | undefined {
  if (required === "none") return undefined;
  if (volumes.length === 0) return NO_DISK;
  const reasons = volumes.flatMap(({ pvcName, location }) =>
    location.kind === "kopia" || (required === "restorable" && RESTORABLE.has(location.cause))
      ? []
      : [{ cause: location.cause, text: `${pvcName}: ${location.reason}` }],
  );
  if (reasons.length < volumes.length) return undefined;
  const details = reasons.map(({ text }) => text).join("; ");
  if (required === "restorable") return `${NO_DATA} (${details})`;
  const backedUp = reasons.filter(({ cause }) => cause !== "not-backed-up");
  if (backedUp.length > 0 && backedUp.every(({ cause }) => cause === "csi-snapshot")) {
    return `its data is in a CSI snapshot and not in the bucket (${details})`;
  }
  return `none of its disks can be read from the bucket (${details})`;
}
