/** What a discovery's verdicts mean together: the same for the command line and the custom resource. */
import type { Verdict } from "./backup-verdict.ts";
import type { BackupReference, DiscoveryCondition, DiscoveryPhase } from "./discovery-result.ts";

export type VerdictCounts = Readonly<Record<Verdict["kind"], number>>;

export function countVerdicts(verdicts: Iterable<Pick<Verdict, "kind">>): VerdictCounts {
  const counts = { valid: 0, skipped: 0, missing: 0, unverified: 0, "no-candidate": 0 };
  for (const { kind } of verdicts) counts[kind]++;
  return counts;
}

/** A backup that does not exist has been looked at; only looks that failed make the discovery fail. */
export function phaseOf({ valid, skipped, missing, unverified }: VerdictCounts): DiscoveryPhase {
  if (unverified === 0) return "Completed";
  return valid + skipped + missing === 0 ? "Failed" : "PartiallyFailed";
}

/** The condition `Ready`, without its time. */
export function readinessOf({
  valid,
  unverified,
}: VerdictCounts): Pick<DiscoveryCondition, "status" | "reason" | "message"> {
  const unknown = unverified === 0 ? "" : `; ${unverified} backups could not be checked`;
  if (valid === 0) {
    const message = `No backups found containing the specified virtual machine${unknown}`;
    return { status: "False", reason: "NoValidBackups", message };
  }
  const message = `Successfully discovered ${valid} valid backups${unknown}`;
  return { status: "True", reason: "DiscoverySuccessful", message };
}

/** Those without a known time last. */
export function newestFirst(left: BackupReference, right: BackupReference): number {
  const byTime = Date.parse(right.createdAt ?? "0000-01-01") - Date.parse(left.createdAt ?? "0000-01-01");
  if (byTime !== 0) return byTime;
  return left.name < right.name ? 1 : -1;
}
