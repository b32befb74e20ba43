/**
 * What a discovery found, in the shape of a VirtualMachineBackupsDiscovery's status; `volumes`, `consistency`
 * and `warnings` are additions.
 */
import type { BackedUpVolume, BackupConsistency } from "./backed-up-vm.ts";

export interface BackupReference {
  readonly name: string;
  /** Velero's namespace. */
  readonly namespace: string;
  /** RFC 3339: when the backup completed, else when it was created. */
  readonly createdAt?: string;
}

export interface ValidBackup extends BackupReference {
  /** Present when volumes were inspected. */
  readonly volumes?: readonly BackedUpVolume[];
  readonly consistency?: BackupConsistency;
  readonly warnings?: readonly string[];
}

export interface InvalidBackup extends BackupReference {
  /** At most 1024 characters. */
  readonly reason: string;
  /** Present when volumes were inspected: each says why it cannot be read. */
  readonly volumes?: readonly BackedUpVolume[];
}

export type DiscoveryPhase = "Completed" | "PartiallyFailed" | "Failed";

export interface DiscoveryStats {
  readonly totalCandidates: number;
  readonly pending: number;
  readonly inProgress: number;
  /** Backups found valid. */
  readonly completed: number;
  /** Backups that were looked at and do not qualify. */
  readonly skipped: number;
  /** Backups that do not exist or could not be looked at. */
  readonly failed: number;
  readonly startTime: string;
  readonly completionTime: string;
}

export interface DiscoveryCondition {
  readonly type: "Ready";
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
}

export interface BackupDiscovery {
  /** `PartiallyFailed` when some backups could not be looked at, `Failed` when none could. */
  readonly phase: DiscoveryPhase;
  /** Newest first. */
  readonly validBackups: readonly ValidBackup[];
  /** Newest first; those without a known time last. */
  readonly invalidBackups: readonly InvalidBackup[];
  readonly discoveryStats: DiscoveryStats;
  readonly conditions: readonly DiscoveryCondition[];
}

/** RFC 3339 with whole seconds, as Kubernetes writes times. */
export function kubernetesTime(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, "Z");
}

const MAX_REASON = 1024;

export function shortReason(reason: string): string {
  return reason.length <= MAX_REASON ? reason : `${reason.slice(0, MAX_REASON - 1)}…`;
}
