/** Phases and conditions of a file restore: pure, from what the steps came to. */
import { type ConditionText, conditionsOf, type PhaseConditions } from "../api/v1alpha1/phase-conditions.ts";
import { type PvcRestore, pvcStates } from "../api/v1alpha1/pvc-restore.ts";
import type { VirtualMachineFileRestoreStatus } from "../api/v1alpha1/virtual-machine-file-restore.ts";

export type Phase = NonNullable<VirtualMachineFileRestoreStatus["phase"]>;

export interface Verdict extends PhaseConditions {
  readonly phase: Phase;
}

const NO_FAILURES: ConditionText = { reason: "NoFailures", message: "No failures detected" };

export const accepted: Verdict = {
  phase: "New",
  progressing: { reason: "Initialized", message: "File restore request has been accepted" },
  available: { reason: "NotStarted", message: "File serving resources not yet created" },
  degraded: { reason: "NoFailures", message: "No errors have occurred" },
  ready: { reason: "NotReady", message: "File restore has not started processing" },
};

export function inProgress({ reason, message }: ConditionText, isAvailable = false): Verdict {
  const available = isAvailable
    ? { reason: "FileServerAvailable", message: "File server is accessible via cluster-internal URL" }
    : { reason: "InProgress", message };
  return {
    phase: "InProgress",
    progressing: { reason, message },
    available,
    degraded: NO_FAILURES,
    ready: { reason: "InProgress", message },
    ...(isAvailable && { isAvailable }),
  };
}

export function failed({ reason, message }: ConditionText): Verdict {
  const aspect = { reason, message };
  return {
    phase: "Failed",
    progressing: aspect,
    available: aspect,
    degraded: { reason: "CriticalFailure", message },
    ready: { reason: "Failed", message },
  };
}

export function deleting({ reason, message }: ConditionText): Verdict {
  const aspect = { reason, message };
  return { phase: "Deleting", progressing: aspect, available: aspect, degraded: NO_FAILURES, ready: aspect };
}

/** The files are being served: all of them, or those that could be had. */
export function served(pvcRestores: readonly PvcRestore[], shortfall: string | undefined): Verdict {
  const { available, failures } = countStates(pvcRestores);
  const also = shortfall === undefined ? "" : `; ${shortfall}`;
  if (available === 0) {
    const message = `No disk can be read: ${failures.slice(0, 5).join("; ")}`;
    return failed({ reason: "NoReadableDisk", message: message.slice(0, 4096) });
  }
  if (failures.length === 0) {
    return {
      phase: "Completed",
      progressing: { reason: "FileServerCreated", message: "File server pod and service created" },
      available: { reason: "FileServerAvailable", message: `File server is accessible and serving files${also}` },
      degraded: { reason: "NoFailures", message: "All operations completed successfully" },
      ready: { reason: "Completed", message: `File restore completed, files accessible via file server${also}` },
    };
  }
  const summary = `${available} of ${available + failures.length} disks are served`;
  const message = `${summary}; ${failures.slice(0, 5).join("; ")}${failures.length > 5 ? "; …" : ""}`.slice(0, 4096);
  return {
    phase: "PartiallyFailed",
    progressing: { reason: "RestoresCompletedWithFailures", message: summary },
    available: { reason: "PartialAvailability", message: `${summary}${also}` },
    degraded: { reason: "PartialFailure", message },
    ready: { reason: "PartiallyFailed", message: summary },
  };
}

export function countStates(pvcRestores: readonly PvcRestore[]) {
  const entries = pvcRestores.flatMap(({ pvcName, restores = [] }) => restores.map((entry) => ({ pvcName, entry })));
  const failures = entries
    .filter(({ entry: { state } }) => state !== pvcStates.available && state !== pvcStates.processing)
    .map(({ pvcName, entry }) => `${entry.veleroBackupName}/${pvcName} ${entry.state}: ${entry.failureReason ?? ""}`);
  const count = (state: string): number => entries.filter(({ entry }) => entry.state === state).length;
  return { available: count(pvcStates.available), processing: count(pvcStates.processing), failures };
}

/** @param now milliseconds since 1970 */
export function withVerdict(
  status: VirtualMachineFileRestoreStatus,
  verdict: Verdict,
  generation: number,
  now: number,
): VirtualMachineFileRestoreStatus {
  const conditions = conditionsOf(status.conditions, verdict.phase, verdict, generation, now);
  return { ...status, phase: verdict.phase, observedGeneration: generation, conditions: [...conditions] };
}
