import { expect, test } from "vitest";
import { findCondition } from "../../kube/conditions.ts";
import { VM_NOT_FOUND } from "../../velero/backup-verdict.ts";
import type { VirtualMachineBackupsDiscoveryStatus } from "../api/v1alpha1/virtual-machine-backups-discovery.ts";
import type { Candidate, Finding } from "./candidate.ts";
import { endedStatus, failedStatus, newStatus, runningStatus, sayTheSame } from "./discovery-status.ts";
import { findingsOf, isOwnStatus, knownFindings } from "./known-findings.ts";

const now = Date.parse("2026-11-23T10:00:00Z");
const context = { before: undefined, generation: 3, now };
const times = { start: now - 60_000, completion: now };
const pvcs = [{ pvcUID: "u1", pvcName: "web-1-root", pvcNamespace: "demo", size: "30Gi" }];

function candidate(name: string, finding?: Finding, createdAt = "2026-11-16T02:05:00Z"): Candidate {
  return { reference: { name, namespace: "velero", createdAt }, finding };
}
const valid = (name: string) => candidate(name, { kind: "valid", pvcs });
const skipped = (name: string) => candidate(name, { kind: "skipped", reason: VM_NOT_FOUND });
const unverified = (name: string) => candidate(name, { kind: "unverified", reason: "timed out" });
const missing: Candidate = {
  reference: { name: "gone", namespace: "velero" },
  finding: { kind: "missing", reason: "Backup not found in cluster" },
};

/** Progressing, Available, Degraded, Ready by their first letters. */
function conditions(status: VirtualMachineBackupsDiscoveryStatus): string {
  const all = ["Progressing", "Available", "Degraded", "Ready"].map((type) => findCondition(status.conditions, type));
  expect(all.every((condition) => condition?.observedGeneration === 3)).toBe(true);
  return all.map((condition) => condition?.status.charAt(0)).join("/");
}

test.each<[string, VirtualMachineBackupsDiscoveryStatus, string | undefined, string]>([
  ["accepted", newStatus(context), "New", "F/F/F/F"],
  ["running", runningStatus(context, [valid("a"), candidate("b")], now, new Set()), "InProgress", "T/F/F/F"],
  ["valid ones", endedStatus(context, [valid("a"), skipped("b"), missing], times), "Completed", "F/T/F/T"],
  ["no valid ones", endedStatus(context, [skipped("b")], times), "Completed", "F/T/F/F"],
  ["no backups at all", endedStatus(context, [], times), "Completed", "F/T/F/F"],
  ["a look failed", endedStatus(context, [valid("a"), unverified("b")], times), "PartiallyFailed", "F/T/T/T"],
  ["every look failed", endedStatus(context, [unverified("b")], times), "Failed", "F/F/T/F"],
  ["an impossible spec", failedStatus(context, "InvalidSpec", "no such day"), "Failed", "F/F/T/F"],
])("the documented contract of phases and conditions: %s", (_what, status, phase, expected) => {
  expect(status).toMatchObject({ phase, observedGeneration: 3 });
  expect(conditions(status)).toBe(expected);
});

test("the lists, statistics and the condition Ready of a discovery that has ended", () => {
  const status = endedStatus(context, [valid("a"), skipped("b"), missing], times);
  expect(status).toMatchObject({
    validBackups: [{ name: "a", namespace: "velero", createdAt: "2026-11-16T02:05:00Z", pvcs }],
    invalidBackups: [
      { name: "b", namespace: "velero", createdAt: "2026-11-16T02:05:00Z", reason: "VM not found in backup" },
      { name: "gone", namespace: "velero", reason: "Backup not found in cluster" },
    ],
    backupDiscoveryProgress: [
      { name: "a", status: "Completed", message: "VM found in backup", lastUpdated: "2026-11-23T10:00:00Z" },
      { name: "b", status: "Skipped", message: "VM not found in backup" },
    ],
    discoveryStats: {
      totalCandidates: 3,
      pending: 0,
      inProgress: 0,
      completed: 1,
      skipped: 1,
      failed: 1,
      startTime: "2026-11-23T09:59:00Z",
      completionTime: "2026-11-23T10:00:00Z",
    },
  });
  expect(status.backupDiscoveryProgress).toHaveLength(2);
  expect(findCondition(status.conditions, "Ready")).toMatchObject({
    reason: "DiscoverySuccessful",
    message: "Successfully discovered 1 valid backups",
  });
  expect(findCondition(endedStatus(context, [], times).conditions, "Ready")).toMatchObject({
    reason: "NoValidBackups",
    message: "No backups found containing the specified virtual machine",
  });
});

test("progress while it runs, without results that are not complete", () => {
  const status = runningStatus(context, [valid("a"), candidate("b"), candidate("c")], now, new Set(["b"]));
  expect(status.backupDiscoveryProgress?.map((entry) => [entry.name, entry.status, entry.message])).toEqual([
    ["a", "Completed", "VM found in backup"],
    ["b", "InProgress", "Analyzing backup contents"],
    ["c", "New", undefined],
  ]);
  expect(status.discoveryStats).toMatchObject({ totalCandidates: 3, pending: 1, inProgress: 1, completed: 1 });
  expect(status.validBackups).toBeUndefined();
});

test("times stay as long as what they belong to does", () => {
  const before = runningStatus(context, [valid("a"), candidate("b")], now, new Set(["b"]));
  const later = { before, generation: 3, now: now + 60_000 };
  const status = endedStatus(later, [valid("a"), valid("b")], times);
  expect(status.backupDiscoveryProgress?.map(({ lastUpdated }) => lastUpdated)).toEqual([
    "2026-11-23T10:00:00Z",
    "2026-11-23T10:01:00Z",
  ]);
  expect(findCondition(status.conditions, "Degraded")?.lastTransitionTime).toBe("2026-11-23T10:00:00Z");
  expect(findCondition(status.conditions, "Ready")?.lastTransitionTime).toBe("2026-11-23T10:01:00Z");
});

test("a status that says the same is not written again, in whatever order its fields come back", () => {
  const before = endedStatus(context, [valid("a"), skipped("b")], times);
  const later = { before, generation: 3, now: now + 60_000 };
  const again = endedStatus(later, [valid("a"), skipped("b")], { start: now, completion: now + 60_000 });
  const reordered = Object.fromEntries(Object.entries(before).reverse());
  expect(sayTheSame(reordered, again)).toBe(true);
  expect(sayTheSame(before, endedStatus(later, [valid("a")], times))).toBe(false);
  expect(sayTheSame(before, endedStatus({ ...later, generation: 4 }, [valid("a"), skipped("b")], times))).toBe(false);
});

test("what the status says of contents is reused, of looks that failed and of the Backups themselves not", () => {
  const description: Candidate = candidate("d", { kind: "skipped", reason: 'Backup phase is "New", not "Completed"' });
  const all = [valid("a"), skipped("b"), unverified("c"), description, missing];
  const ended = knownFindings(endedStatus(context, all, times));
  expect(all.map(({ reference }) => ended.get(reference)?.kind)).toEqual([
    "valid",
    "skipped",
    undefined,
    undefined,
    undefined,
  ]);
  expect(ended.get(valid("a").reference)).toEqual({ kind: "valid", pvcs });
  expect(ended.get({ ...valid("a").reference, createdAt: "2026-11-17T02:05:00Z" })).toBeUndefined();
  const remembered = findingsOf(all);
  expect(all.map(({ reference }) => remembered.get(reference))).toEqual(
    all.map(({ reference }) => ended.get(reference)),
  );
  const died = knownFindings(runningStatus(context, [valid("a"), skipped("b"), candidate("c")], now, new Set(["c"])));
  expect(["a", "b", "c"].map((name) => died.get(candidate(name).reference)?.kind)).toEqual([
    "valid",
    "skipped",
    undefined,
  ]);
});

test("only a status of ours for this spec is built on", () => {
  const ours = endedStatus(context, [valid("a")], times);
  expect(isOwnStatus(ours, 3)).toBe(true);
  expect(isOwnStatus(ours, 4)).toBe(false);
  expect(isOwnStatus(undefined, 3)).toBe(false);
  const ready = { type: "Ready", status: "True", reason: "DiscoverySuccessful", message: "" };
  const theirs = { ...ours, conditions: [{ ...ready, lastTransitionTime: "2026-11-23T10:00:00Z" }] };
  expect(isOwnStatus(theirs, 3)).toBe(false);
});

test("5,000 backups with the longest names and reasons fit into an object", () => {
  const name = (index: number) => `${String(index).padStart(5, "0")}${"x".repeat(248)}`;
  const reason = "r".repeat(1024);
  const kinds = [{ kind: "valid", pvcs } as const, { kind: "unverified", reason } as const];
  const many = Array.from({ length: 5_000 }, (_, index) => candidate(name(index), kinds[index % 2]));
  const status = endedStatus(context, many, times);
  expect(JSON.stringify(status).length).toBeLessThan(1_000_000);
  expect(status.discoveryStats).toMatchObject({ completed: 2_500, failed: 2_500 });
  expect(status.validBackups?.map((entry) => entry.name)).toEqual(
    Array.from({ length: 1_000 }, (_, index) => name(2 * index)),
  );
  expect(findCondition(status.conditions, "Progressing")?.message).toBe(
    "Looked at 5000 backups; 3500 of them, the oldest, are not listed",
  );
  const running = runningStatus(context, many, now, new Set());
  expect(running.backupDiscoveryProgress).toHaveLength(200);
});
