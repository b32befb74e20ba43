/** Pure: what a discovery's status says at each stage. */
import { timestamp } from "../../kube/timestamp.ts";
import { countVerdicts, phaseOf, readinessOf, type VerdictCounts } from "../../velero/discovery-outcome.ts";
import { conditionsOf } from "../api/v1alpha1/phase-conditions.ts";
import type {
  DiscoveryStats,
  VirtualMachineBackupsDiscoveryStatus,
} from "../api/v1alpha1/virtual-machine-backups-discovery.ts";
import type { Candidate } from "./candidate.ts";
import { boundedLists } from "./status-lists.ts";

type Status = VirtualMachineBackupsDiscoveryStatus;

export interface StatusContext {
  /** The status as it is. */
  readonly before: Status | undefined;
  readonly generation: number;
  /** Milliseconds since 1970. */
  readonly now: number;
}

const NO_FAILURES = { reason: "NoFailures", message: "No errors have occurred" };

/** Accepted; nothing has been looked at. */
export function newStatus({ before, generation, now }: StatusContext): Status {
  const texts = {
    progressing: { reason: "Initialized", message: "Discovery request has been accepted" },
    available: { reason: "NotStarted", message: "Discovery has not started" },
    degraded: NO_FAILURES,
    ready: { reason: "NotReady", message: "Discovery has not started" },
  };
  return {
    phase: "New",
    observedGeneration: generation,
    conditions: conditionsOf(before?.conditions, "New", texts, generation, now),
  };
}

/** @param startTime milliseconds since 1970. @param looking names of the backups being looked at */
export function runningStatus(
  context: StatusContext,
  candidates: readonly Candidate[],
  startTime: number,
  looking: ReadonlySet<string>,
): Status {
  const { before, generation, now } = context;
  const waiting = { reason: "InProgress", message: "Discovery has not ended" };
  const texts = {
    progressing: { reason: "Discovering", message: `Looking for the VM in ${candidates.length} backups` },
    available: waiting,
    degraded: NO_FAILURES,
    ready: waiting,
  };
  const { backupDiscoveryProgress } = boundedLists(before, candidates, looking, now);
  return {
    phase: "InProgress",
    observedGeneration: generation,
    conditions: conditionsOf(before?.conditions, "InProgress", texts, generation, now),
    backupDiscoveryProgress,
    discoveryStats: { ...countsOf(candidates, looking), startTime: timestamp(startTime) },
  };
}

/** @param times milliseconds since 1970 */
export function endedStatus(
  context: StatusContext,
  candidates: readonly Candidate[],
  times: { readonly start: number; readonly completion: number },
): Status {
  const { before, generation, now } = context;
  const counts = countVerdicts(candidates.flatMap(({ finding }) => finding ?? []));
  const phase = phaseOf(counts);
  const lists = boundedLists(before, candidates, new Set(), now);
  return {
    phase,
    observedGeneration: generation,
    conditions: conditionsOf(before?.conditions, phase, endTexts(counts, candidates, lists.omitted), generation, now),
    validBackups: lists.validBackups,
    invalidBackups: lists.invalidBackups,
    backupDiscoveryProgress: lists.backupDiscoveryProgress,
    discoveryStats: {
      ...countsOf(candidates, new Set()),
      startTime: timestamp(times.start),
      completionTime: timestamp(times.completion),
    },
  };
}

function endTexts(counts: VerdictCounts, candidates: readonly Candidate[], omitted: string) {
  const phase = phaseOf(counts);
  const readiness = readinessOf(counts);
  const ended = `Looked at ${candidates.length} backups${omitted}`;
  const failure = candidates.find(({ finding }) => finding?.kind === "unverified");
  const reason = failure?.finding?.kind === "unverified" ? `${failure.reference.name}: ${failure.finding.reason}` : "";
  const unchecked = {
    reason: "ChecksFailed",
    message: `${counts.unverified} backups could not be checked and are looked at again later; for instance ${reason}`,
  };
  return {
    progressing: { reason: "DiscoveryEnded", message: ended },
    available:
      phase === "Failed" ? unchecked : { reason: "ResultsAvailable", message: "The status lists what was found" },
    degraded: counts.unverified === 0 ? NO_FAILURES : unchecked,
    ready: readiness,
    // Without a valid backup there is nothing to restore from, however well the discovery went.
    isReady: phase !== "Failed" && readiness.status === "True",
  };
}

/** The discovery as a whole cannot be made. */
export function failedStatus({ before, generation, now }: StatusContext, reason: string, message: string): Status {
  const text = { reason, message };
  return {
    phase: "Failed",
    observedGeneration: generation,
    conditions: conditionsOf(
      before?.conditions,
      "Failed",
      { progressing: text, available: text, degraded: text, ready: text },
      generation,
      now,
    ),
  };
}

function countsOf(candidates: readonly Candidate[], looking: ReadonlySet<string>): DiscoveryStats {
  const { valid, skipped, missing, unverified } = countVerdicts(candidates.flatMap(({ finding }) => finding ?? []));
  const open = candidates.length - valid - skipped - missing - unverified;
  return {
    totalCandidates: candidates.length,
    pending: open - looking.size,
    inProgress: looking.size,
    completed: valid,
    skipped,
    failed: missing + unverified,
  };
}

/** Whether two statuses say the same, apart from when it was found out. */
export function sayTheSame(left: Status, right: Status): boolean {
  return essence(left) === essence(right);
}

function essence({ discoveryStats, conditions, backupDiscoveryProgress, ...rest }: Status): string {
  const { startTime: _, completionTime: __, ...counts } = discoveryStats ?? {};
  const stated = conditions?.map(({ lastTransitionTime: ___, ...condition }) => sorted(condition));
  const progress = backupDiscoveryProgress?.map(({ lastUpdated: ____, ...entry }) => sorted(entry));
  return JSON.stringify([sorted(rest), sorted(counts), stated, progress]);
}

/** The API server gives fields back in another order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, field]) => [name, sorted(field)]),
  );
}
