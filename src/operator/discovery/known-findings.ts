import { findCondition } from "../../kube/conditions.ts";
import { isReasonOfContents } from "../../velero/backup-verdict.ts";
import type { BackupReference } from "../../velero/discovery-result.ts";
import type { PvcInfo } from "../api/v1alpha1/backup-info.ts";
import type { VirtualMachineBackupsDiscoveryStatus } from "../api/v1alpha1/virtual-machine-backups-discovery.ts";
import type { Candidate, Finding, KnownFindings } from "./candidate.ts";

export const nothingKnown: KnownFindings = { get: () => undefined };

/**
 * What a status says about the contents of backups, which never change once a backup is complete. Looks that failed
 * are not among it.
 */
export function knownFindings(status: VirtualMachineBackupsDiscoveryStatus): KnownFindings {
  const findings = new Map<string, Finding>();
  const refuse = (entry: BackupReferenceFields, reason: string | undefined) => {
    if (reason !== undefined && isReasonOfContents(reason)) findings.set(identity(entry), { kind: "skipped", reason });
  };
  const accept = (entry: BackupReferenceFields, pvcs: readonly PvcInfo[] | undefined) => {
    findings.set(identity(entry), { kind: "valid", ...(pvcs === undefined ? {} : { pvcs }) });
  };
  for (const entry of status.backupDiscoveryProgress ?? []) {
    if (entry.status === "Completed") accept(entry, entry.pvcs);
    else refuse(entry, entry.message);
  }
  for (const entry of status.invalidBackups ?? []) refuse(entry, entry.reason);
  for (const entry of status.validBackups ?? []) accept(entry, entry.pvcs);
  return { get: (reference: BackupReference) => findings.get(identity(reference)) };
}

/** The same from a run of this process: a status does not list more than so many. */
export function findingsOf(candidates: readonly Candidate[]): KnownFindings {
  const findings = new Map(
    candidates.flatMap(({ reference, finding }): [string, Finding][] => {
      const lasts = finding?.kind === "valid" || (finding?.kind === "skipped" && isReasonOfContents(finding.reason));
      return lasts ? [[identity(reference), finding]] : [];
    }),
  );
  return { get: (reference: BackupReference) => findings.get(identity(reference)) };
}

/**
 * Whether a status is ours and about this spec. The implementation before this one took backups that it could not look
 * into for valid; it sets no condition but Ready.
 */
export function isOwnStatus(
  status: VirtualMachineBackupsDiscoveryStatus | undefined,
  generation: number | undefined,
): status is VirtualMachineBackupsDiscoveryStatus {
  const isOurs = findCondition(status?.conditions, "Progressing") !== undefined;
  return isOurs && status?.observedGeneration === generation;
}

interface BackupReferenceFields {
  readonly name: string;
  readonly createdAt?: string | undefined;
}

/** A backup that is made again under its name is complete at another time. */
function identity({ name, createdAt = "" }: BackupReferenceFields): string {
  return `${name} ${createdAt}`;
}
