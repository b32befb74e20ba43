import { expect, test } from "vitest";
import type { PvcRestore } from "../api/v1alpha1/pvc-restore.ts";
import { accepted, deleting, failed, inProgress, served, type Verdict, withVerdict } from "./restore-status.ts";

const disk = (...states: string[]): PvcRestore => ({
  pvcUID: "u",
  pvcName: "root",
  pvcNamespace: "guests",
  restores: states.map((state, index) => ({
    veleroBackupName: `b${index}`,
    veleroBackupNamespace: "adp",
    state,
    failureReason: "because",
  })),
});
const truths = (verdict: Verdict) =>
  withVerdict({}, verdict, 3, 0)
    .conditions?.map(({ status }) => status[0])
    .join("/");
const why = { reason: "Why", message: "why" };

test.each<[string, Verdict, string]>([
  ["New", accepted, "F/F/F/F"],
  ["InProgress", inProgress(why), "T/F/F/F"],
  ["Completed", served([disk("available", "available")], undefined), "F/T/F/T"],
  ["PartiallyFailed", served([disk("available", "failed")], undefined), "F/T/T/T"],
  ["Failed", failed(why), "F/F/T/F"],
  ["Deleting", deleting(why), "F/F/F/F"],
])("phase %s has the documented conditions Progressing/Available/Degraded/Ready", (phase, verdict, expected) => {
  expect(verdict.phase).toBe(phase);
  expect(truths(verdict)).toBe(expected);
});

test("served although others failed: the reasons are told (D5)", () => {
  const { conditions, phase } = withVerdict({}, served([disk("available", "extraction-failed")], undefined), 1, 0);
  expect(phase).toBe("PartiallyFailed");
  expect(conditions?.find(({ type }) => type === "Degraded")?.message).toContain("b1/root extraction-failed: because");
});

test("nothing that can be read is a failure, not a success with an empty tree", () => {
  expect(served([disk("failed", "backup-deleted")], undefined)).toMatchObject({ phase: "Failed" });
});

test("every condition says which spec it speaks of, and keeps its time while it stays the same", () => {
  const first = withVerdict({}, inProgress(why), 3, 1_000);
  const second = withVerdict(first, inProgress({ reason: "Other", message: "other" }), 4, 60_000);
  expect(second.observedGeneration).toBe(4);
  for (const [index, condition] of (second.conditions ?? []).entries()) {
    expect(condition.observedGeneration).toBe(4);
    expect(condition.lastTransitionTime).toBe(first.conditions?.[index]?.lastTransitionTime);
  }
});
