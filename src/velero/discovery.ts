/** Finds the backups that contain a VM. */
import { ConfigError } from "../errors.ts";
import { isNamespaceName, isResourceName } from "./backup-layout.ts";
import type { VmReference } from "./backup-resources.ts";
import { type BackupSource, type Criteria, judgeBackup, type Verdict } from "./backup-verdict.ts";
import { countVerdicts, newestFirst, phaseOf, readinessOf } from "./discovery-outcome.ts";
import { type BackupDiscovery, type InvalidBackup, kubernetesTime, type ValidBackup } from "./discovery-result.ts";
import { mapConcurrently } from "./map-concurrently.ts";
import { parseTimeRange } from "./time-range.ts";

export interface DiscoveryRequest {
  readonly vm: VmReference;
  /** Together with a time range: the union of both. Without either: every backup. */
  readonly requestedBackups?: readonly string[];
  /** RFC 3339 or a date (UTC); both ends belong to the range. Compared with the time a backup completed. */
  readonly startTime?: string;
  readonly endTime?: string;
  readonly includePartiallyFailed?: boolean;
  /** Read where each volume's bytes are; costs the tarball of every backup that holds the VM. Default true. */
  readonly inspectVolumes?: boolean;
  /** Only backups with at least one disk readable from the bucket are valid; needs `inspectVolumes`. Default true. */
  readonly requireReadableData?: boolean;
  /** Reported for backups whose own namespace is not known. Default `velero`. */
  readonly veleroNamespace?: string;
}

export interface DiscoveryProgress {
  readonly checked: number;
  readonly total: number;
}

export interface DiscoveryOptions {
  /** Backups looked at at once. Default 8. */
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: DiscoveryProgress) => void;
  readonly now?: () => Date;
}

/**
 * A look that fails never counts as "contains the VM": that backup is invalid, with the error as its reason.
 * @throws ConfigError for an impossible VM name or time; SourceError when the backups cannot be listed.
 */
export async function discoverBackups(
  source: BackupSource,
  request: DiscoveryRequest,
  options: DiscoveryOptions = {},
): Promise<BackupDiscovery> {
  const { signal, onProgress, now = () => new Date() } = options;
  const startTime = now();
  const criteria = criteriaOf(request);
  const names = await namesToJudge(source, criteria, signal);
  let checked = 0;
  const verdicts = await mapConcurrently(names, options.concurrency ?? 8, async (name) => {
    signal?.throwIfAborted();
    const verdict = await judgeBackup(source, name, criteria, signal);
    onProgress?.({ checked: ++checked, total: names.length });
    return verdict;
  });
  return summarize(verdicts, startTime, now());
}

function criteriaOf(request: DiscoveryRequest): Criteria {
  const { namespace, name } = request.vm;
  if (!isNamespaceName(namespace) || !isResourceName(name)) {
    throw new ConfigError(`${JSON.stringify(`${namespace}/${name}`)} is not a valid namespace and name of a VM`);
  }
  const inspectVolumes = request.inspectVolumes ?? true;
  return {
    vm: request.vm,
    requested: new Set(request.requestedBackups),
    range: parseTimeRange(request.startTime, request.endTime),
    includePartiallyFailed: request.includePartiallyFailed ?? false,
    inspectVolumes,
    requireData: inspectVolumes && (request.requireReadableData ?? true) ? "in-bucket" : "none",
    veleroNamespace: request.veleroNamespace ?? "velero",
    place: "bucket",
  };
}

/** Names alone need no listing; a range needs every backup's time. */
async function namesToJudge(source: BackupSource, criteria: Criteria, signal?: AbortSignal): Promise<string[]> {
  const { requested, range } = criteria;
  if (requested.size > 0 && range === undefined) return [...requested];
  return [...new Set([...requested, ...(await source.names(signal))])];
}

function summarize(verdicts: readonly Verdict[], startTime: Date, completionTime: Date): BackupDiscovery {
  const validBackups: ValidBackup[] = [];
  const invalidBackups: InvalidBackup[] = [];
  const counts = countVerdicts(verdicts);
  for (const verdict of verdicts) {
    if (verdict.kind === "valid") validBackups.push(verdict.entry);
    else if (verdict.kind !== "no-candidate") invalidBackups.push(verdict.entry);
  }
  return {
    phase: phaseOf(counts),
    validBackups: validBackups.sort(newestFirst),
    invalidBackups: invalidBackups.sort(newestFirst),
    discoveryStats: {
      totalCandidates: verdicts.length - counts["no-candidate"],
      pending: 0,
      inProgress: 0,
      completed: counts.valid,
      skipped: counts.skipped,
      failed: counts.missing + counts.unverified,
      startTime: kubernetesTime(startTime),
      completionTime: kubernetesTime(completionTime),
    },
    conditions: [{ type: "Ready", ...readinessOf(counts), lastTransitionTime: kubernetesTime(completionTime) }],
  };
}
