/** The backups a discovery looks at, each with what became of it. */
import { describeError } from "../../errors.ts";
import type { Stored } from "../../kube/resource-type.ts";
import type { BackedUpVolume } from "../../velero/backed-up-vm.ts";
import type { Backup } from "../../velero/backup.ts";
import {
  type ContentsVerdict,
  type Criteria,
  judgeDescription,
  missingBackup,
  referenceTo,
  type Verdict,
} from "../../velero/backup-verdict.ts";
import { newestFirst } from "../../velero/discovery-outcome.ts";
import { type BackupReference, shortReason } from "../../velero/discovery-result.ts";
import type { PvcInfo } from "../api/v1alpha1/backup-info.ts";
import { backupOf } from "../velero/cluster-backup.ts";
import type { VeleroBackup } from "../velero/velero-resources.ts";

/** A verdict in the terms of the custom resource's status. */
export type Finding =
  | { readonly kind: "valid"; readonly pvcs?: readonly PvcInfo[] }
  | { readonly kind: "skipped" | "missing" | "unverified"; readonly reason: string };

export interface Candidate {
  readonly reference: BackupReference;
  readonly finding: Finding | undefined;
  /** What to look into as long as there is no finding. */
  readonly look?: PendingLook;
}

export interface PendingLook {
  readonly backup: Backup;
  /** Name of the BackupStorageLocation. */
  readonly storageLocation: string;
}

/** Findings that need no second look. */
export interface KnownFindings {
  get(reference: BackupReference): Finding | undefined;
}

/**
 * Pure: what the Backups themselves decide is decided, what is known is reused, the rest waits to be looked at.
 * Newest first; those without a known time last.
 */
export function candidatesOf(
  criteria: Criteria,
  objects: readonly Stored<VeleroBackup>[],
  known: KnownFindings,
): Candidate[] {
  const present = objects.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const names = new Set(present.map(({ metadata }) => metadata.name));
  const missing = [...criteria.requested].filter((name) => !names.has(name));
  return [
    ...present.map((object) => candidateOf(object, criteria, known)),
    ...missing.map((name) => settled(missingBackup(name, criteria))),
  ]
    .filter((candidate) => candidate !== undefined)
    .sort((left, right) => newestFirst(left.reference, right.reference));
}

function candidateOf(object: Stored<VeleroBackup>, criteria: Criteria, known: KnownFindings): Candidate | undefined {
  let backup: Backup;
  try {
    backup = backupOf(object);
  } catch (error) {
    const reference = { name: object.metadata.name, namespace: criteria.veleroNamespace };
    const reason = shortReason(`Failed to fetch backup: ${describeError(error)}`);
    return { reference, finding: { kind: "unverified", reason } };
  }
  const verdict = judgeDescription(backup, criteria);
  if (verdict !== undefined) return settled(verdict);
  const reference = referenceTo(backup, criteria);
  const { storageLocation = "default" } = object.spec ?? {};
  return { reference, finding: known.get(reference), look: { backup, storageLocation } };
}

/** Undefined for a backup that is none of this discovery's business. */
function settled(verdict: Verdict): Candidate | undefined {
  if (verdict.kind === "no-candidate") return undefined;
  const { name, namespace, createdAt } = verdict.entry;
  return {
    reference: { name, namespace, ...(createdAt === undefined ? {} : { createdAt }) },
    finding: findingOf(verdict),
  };
}

/** @param verdict on a backup's contents or description, of one that is looked at */
export function findingOf(verdict: ContentsVerdict, vmNamespace = ""): Finding {
  if (verdict.kind !== "valid") return { kind: verdict.kind, reason: verdict.entry.reason };
  const { volumes } = verdict.entry;
  return volumes === undefined ? { kind: "valid" } : { kind: "valid", pvcs: pvcsOf(volumes, vmNamespace) };
}

function pvcsOf(volumes: readonly BackedUpVolume[], pvcNamespace: string): PvcInfo[] {
  return volumes.flatMap(({ pvcName, pvcUid: pvcUID, capacity }) =>
    pvcUID === undefined
      ? []
      : [{ pvcUID, pvcName, pvcNamespace, ...(capacity === undefined ? {} : { size: capacity }) }],
  );
}
