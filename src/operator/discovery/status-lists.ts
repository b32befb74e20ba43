/**
 * The lists in a discovery's status. All of them together stay well below the 1.5 MiB an object may have in etcd,
 * however many backups there are.
 */
import { timestamp } from "../../kube/timestamp.ts";
import type { BackupDiscoveryProgress, InvalidBackupInfo, VeleroBackupInfo } from "../api/v1alpha1/backup-info.ts";
import type { VirtualMachineBackupsDiscoveryStatus } from "../api/v1alpha1/virtual-machine-backups-discovery.ts";
import type { Candidate, Finding } from "./candidate.ts";

const MOST_VALID = 1_000;
const MOST_INVALID = 500;
const MOST_PROGRESS = 200;
/** Beyond so many entries each is kept short. */
const FEW = 100;
const SHORT_REASON = 256;

interface StatusLists {
  readonly validBackups: VeleroBackupInfo[];
  readonly invalidBackups: InvalidBackupInfo[];
  readonly backupDiscoveryProgress: BackupDiscoveryProgress[];
  /** Goes on a sentence about all backups; empty when none is left out. */
  readonly omitted: string;
}

/** @param candidates newest first, which the lists keep. @param now milliseconds since 1970 */
export function boundedLists(
  before: VirtualMachineBackupsDiscoveryStatus | undefined,
  candidates: readonly Candidate[],
  looking: ReadonlySet<string>,
  now: number,
): StatusLists {
  const isBrief = candidates.length > FEW;
  const valid = candidates.filter(({ finding }) => finding?.kind === "valid");
  const invalid = candidates.filter(({ finding }) => finding !== undefined && finding.kind !== "valid");
  const omittedCount = Math.max(0, valid.length - MOST_VALID) + Math.max(0, invalid.length - MOST_INVALID);
  return {
    validBackups: valid.slice(0, MOST_VALID).map(({ reference, finding }) => {
      const pvcs = finding?.kind === "valid" && !isBrief ? finding.pvcs : undefined;
      return { ...reference, ...(pvcs === undefined ? {} : { pvcs: [...pvcs] }) };
    }),
    invalidBackups: invalid.slice(0, MOST_INVALID).map(({ reference, finding }) => {
      return { ...reference, reason: shorten(messageOf(finding), isBrief) };
    }),
    backupDiscoveryProgress: progressOf(before, candidates, looking, now),
    omitted: omittedCount === 0 ? "" : `; ${omittedCount} of them, the oldest, are not listed`,
  };
}

/** Backups that do not exist have no progress. Of too many, those that something happens to come first. */
function progressOf(
  before: VirtualMachineBackupsDiscoveryStatus | undefined,
  candidates: readonly Candidate[],
  looking: ReadonlySet<string>,
  now: number,
): BackupDiscoveryProgress[] {
  const known = new Map(before?.backupDiscoveryProgress?.map((entry) => [entry.name, entry]));
  const listed = mostInteresting(
    candidates.filter(({ finding }) => finding?.kind !== "missing"),
    looking,
  );
  return listed.map(({ reference, finding }) => {
    const status = stateOf(finding, looking.has(reference.name));
    const text = finding === undefined && status === "InProgress" ? "Analyzing backup contents" : messageOf(finding);
    const message = text === "" ? {} : { message: shorten(text, candidates.length > FEW) };
    const entry = { ...reference, status, ...message };
    const previous = known.get(reference.name);
    const isSame = previous?.status === entry.status && previous.message === message.message;
    return { ...entry, lastUpdated: (isSame ? previous.lastUpdated : undefined) ?? timestamp(now) };
  });
}

function mostInteresting(candidates: readonly Candidate[], looking: ReadonlySet<string>): readonly Candidate[] {
  if (candidates.length <= MOST_PROGRESS) return candidates;
  const rank = ({ reference, finding }: Candidate) => {
    if (looking.has(reference.name)) return 0;
    return finding?.kind === "unverified" ? 1 : finding === undefined ? 3 : 2;
  };
  const chosen = new Set([...candidates].sort((left, right) => rank(left) - rank(right)).slice(0, MOST_PROGRESS));
  return candidates.filter((candidate) => chosen.has(candidate));
}

function stateOf(finding: Finding | undefined, isLooking: boolean): BackupDiscoveryProgress["status"] {
  if (finding === undefined) return isLooking ? "InProgress" : "New";
  if (finding.kind === "valid") return "Completed";
  return finding.kind === "skipped" ? "Skipped" : "Failed";
}

function messageOf(finding: Finding | undefined): string {
  if (finding === undefined) return "";
  return finding.kind === "valid" ? "VM found in backup" : finding.reason;
}

function shorten(text: string, isBrief: boolean): string {
  return isBrief && text.length > SHORT_REASON ? `${text.slice(0, SHORT_REASON - 1)}…` : text;
}
