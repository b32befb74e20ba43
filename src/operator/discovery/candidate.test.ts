import { expect, test } from "vitest";
import type { Stored } from "../../kube/resource-type.ts";
import type { VirtualMachineBackupsDiscoverySpec } from "../api/v1alpha1/virtual-machine-backups-discovery.ts";
import type { VeleroBackup } from "../velero/velero-resources.ts";
import { type Candidate, candidatesOf, type KnownFindings } from "./candidate.ts";
import { criteriaOf } from "./discovery-criteria.ts";
import { nothingKnown } from "./known-findings.ts";

const vm = { virtualMachineName: "web-1", virtualMachineNamespace: "demo" };

interface Fields {
  readonly metadata?: object;
  readonly spec?: object;
  readonly status?: object;
}

function backup(name: string, day: number, { metadata, spec, status }: Fields = {}): Stored<VeleroBackup> {
  const date = `2026-11-${String(day).padStart(2, "0")}`;
  return {
    apiVersion: "velero.io/v1",
    kind: "Backup",
    metadata: {
      name,
      namespace: "velero",
      uid: name,
      resourceVersion: "1",
      creationTimestamp: `${date}T02:00:00Z`,
      ...metadata,
    },
    spec: { storageLocation: "default", ...spec },
    status: { phase: "Completed", completionTimestamp: `${date}T02:05:00Z`, ...status },
  };
}

function candidates(
  spec: Partial<VirtualMachineBackupsDiscoverySpec>,
  backups: readonly Stored<VeleroBackup>[],
  known: KnownFindings = nothingKnown,
): Candidate[] {
  return candidatesOf(criteriaOf({ ...vm, ...spec }, "velero"), backups, known);
}

const say = ({ reference, finding }: Candidate) => {
  if (finding === undefined) return `${reference.name}: look`;
  return `${reference.name}: ${finding.kind}${finding.kind === "valid" ? "" : `: ${finding.reason}`}`;
};

const three = [backup("a", 16), backup("c", 18), backup("b", 17)];

test.each<[string, Partial<VirtualMachineBackupsDiscoverySpec>, string[]]>([
  ["without a list or times: all, newest first", {}, ["c: look", "b: look", "a: look"]],
  ["start only", { startTime: "2026-11-17" }, ["c: look", "b: look"]],
  ["end only; a date is the whole day", { endTime: "2026-11-17" }, ["b: look", "a: look"]],
  ["a list", { requestedBackups: ["a", "a"] }, ["a: look"]],
  ["a list and a range: both", { requestedBackups: ["a"], startTime: "2026-11-18" }, ["c: look", "a: look"]],
  ["start after end: none", { startTime: "2026-11-18", endTime: "2026-11-16" }, []],
  ["empty texts stand for none", { startTime: "", endTime: "" }, ["c: look", "b: look", "a: look"]],
  [
    "malformed names in the list",
    { requestedBackups: ["", "../x"] },
    [": missing: Backup not found in cluster", "../x: missing: Backup not found in cluster"],
  ],
])("parseTimeRange and candidates: %s", (_what, spec, expected) => {
  expect(candidates(spec, three).map(say).sort()).toEqual(expected.sort());
});

test.each(["startTime", "endTime"] as const)("invalid %s is named", (field) => {
  expect(() => criteriaOf({ ...vm, [field]: "2026-02-30" }, "velero")).toThrow(`invalid ${field} format`);
});

test("times are those of completion, also of backups that were imported into a new cluster much later", () => {
  const imported = backup("a", 16, { metadata: { creationTimestamp: "2026-11-22T00:00:00Z" } });
  expect(candidates({ endTime: "2026-11-16" }, [imported]).map(say)).toEqual(["a: look"]);
});

test("a backup that is requested and not Completed says its phase; one that does not exist says that", () => {
  const running = backup("a", 16, { status: { phase: "InProgress", completionTimestamp: undefined } });
  expect(candidates({ requestedBackups: ["a", "gone"] }, [running]).map(say)).toEqual([
    'a: skipped: Backup phase is "InProgress", not "Completed"',
    "gone: missing: Backup not found in cluster",
  ]);
});

test("PartiallyFailed backups only when asked for", () => {
  const partial = [backup("a", 16, { status: { phase: "PartiallyFailed" } })];
  expect(candidates({}, partial).map(say)[0]).toMatch(/^a: skipped: Backup phase is PartiallyFailed: /);
  expect(candidates({ includePartiallyFailed: true }, partial).map(say)).toEqual(["a: look"]);
});

test("async operations: a backup is not looked at before all of them are complete", () => {
  const status = (attempted: number, completed: number) => ({
    status: { backupItemOperationsAttempted: attempted, backupItemOperationsCompleted: completed },
  });
  const all = candidates({}, [backup("done", 16, status(2, 2)), backup("running", 17, status(2, 1))]);
  expect(all.map(say)).toEqual([
    "running: skipped: backup has incomplete async operations (data mover upload may not have finished); " +
      "BackupItemOperationsAttempted=2, BackupItemOperationsCompleted=1, BackupItemOperationsFailed=0",
    "done: look",
  ]);
});

test.each<[string, readonly string[], readonly string[], boolean]>([
  ["no filters", [], [], true],
  ["excluded", [], ["demo"], false],
  ["excluded among others", [], ["x", "demo"], false],
  ["not excluded", [], ["x"], true],
  ["included", ["demo"], [], true],
  ["included among others", ["x", "demo"], [], true],
  ["not included", ["x"], [], false],
  ["wildcard", ["*"], [], true],
  ["wildcard among others", ["x", "*"], [], true],
  ["exclusion over inclusion", ["demo"], ["demo"], false],
  ["exclusion over wildcard", ["*"], ["demo"], false],
])("ValidateVMInBackupSpec: %s", (_what, includedNamespaces, excludedNamespaces, isIncluded) => {
  const backups = [backup("a", 16, { spec: { includedNamespaces, excludedNamespaces } })];
  expect(candidates({}, backups).map(say)).toEqual(isIncluded ? ["a: look"] : []);
  const refusal = "a: skipped: Backup doesn't include target VM namespace";
  expect(candidates({ requestedBackups: ["a"] }, backups).map(say)).toEqual([isIncluded ? "a: look" : refusal]);
});

test("a Backup that is being deleted is gone", () => {
  const leaving = [backup("a", 16, { metadata: { deletionTimestamp: "2026-11-20T00:00:00Z" } })];
  expect(candidates({}, leaving)).toEqual([]);
});

test("a Backup that says nonsense is not valid and hides no other", () => {
  const odd = backup("odd", 19, { status: { completionTimestamp: "yesterday" } });
  expect(candidates({}, [odd, backup("a", 16)]).map(say)).toEqual([
    "a: look",
    'odd: unverified: Failed to fetch backup: velero: Backup odd: field status.completionTimestamp: "yesterday" is not a time',
  ]);
});

test("what is known of the contents is not looked at again, what the Backup says is judged anew", () => {
  const known: KnownFindings = { get: () => ({ kind: "valid" }) };
  const failed = backup("b", 17, { status: { phase: "Failed" } });
  expect(candidates({}, [backup("a", 16), failed], known).map(say)).toEqual([
    'b: skipped: Backup phase is "Failed", not "Completed"',
    "a: valid",
  ]);
});

test("which storage location to look into comes from the Backup", () => {
  const backups = [backup("a", 16, { spec: { storageLocation: "offsite" } })];
  expect(candidates({}, backups)[0]?.look?.storageLocation).toBe("offsite");
});
