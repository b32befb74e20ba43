import { expect, test } from "vitest";
import type { VolumeData } from "../../test/setup/velero-objects/backup-plan.ts";
import { MemoryStore } from "../../test/setup/velero-objects/memory-store.ts";
import { encodeBackup, planBackup } from "../../test/setup/velero-objects/velero-backup.ts";
import { BackupCatalog } from "./backup-catalog.ts";
import { type Criteria, isReasonOfContents, judgeBackup } from "./backup-verdict.ts";

const vm = { namespace: "demo", name: "web-1" };
const criteria: Criteria = {
  vm,
  requested: new Set(),
  range: undefined,
  includePartiallyFailed: true,
  inspectVolumes: true,
  requireData: "restorable",
  veleroNamespace: "velero",
  place: "cluster",
};

function catalogWith(data: readonly VolumeData[], phase = "PartiallyFailed"): BackupCatalog {
  const volumes = data.map((each, index) => ({ pvcName: `disk-${index}`, data: each }));
  const times = { createdAt: "2026-11-16T02:00:00Z", completedAt: "2026-11-16T02:05:00Z" };
  const plan = planBackup({ name: "a", ...times, phase, vms: [{ ...vm, volumes }] });
  return new BackupCatalog(new MemoryStore(encodeBackup(plan)));
}

const failed: VolumeData = { kind: "upload", phase: "Failed" };

test.each<[string, VolumeData]>([
  ["moved by Velero", { kind: "moved", manifestId: "0123456789abcdef0123456789abcdef" }],
  [
    "moved by another data mover",
    { kind: "moved", manifestId: "0123456789abcdef0123456789abcdef", mover: "other-mover" },
  ],
  ["a CSI snapshot", { kind: "csi-snapshot", driver: "rbd.csi.ceph.com", handle: "0001" }],
  ["a native snapshot", { kind: "native-snapshot", volumeType: "gp3", handle: "snap-1" }],
])("one disk with data that Velero restores is enough: %s", async (_what, data) => {
  expect((await judgeBackup(catalogWith([failed, data]), "a", criteria)).kind).toBe("valid");
});

test.each<[string, VolumeData[], RegExp]>([
  [
    "a failed upload",
    [failed],
    /^none of its disks was backed up with its data \(disk-0: the upload of its data failed/,
  ],
  ["no data at all", [{ kind: "not-backed-up" }, { kind: "description-only" }], /\(disk-0: .*; disk-1: /],
  ["no disks", [], /^The VM has no disk with data in this backup$/],
])("without any: %s", async (_what, data, reason) => {
  const verdict = await judgeBackup(catalogWith(data), "a", criteria);
  expect(verdict).toMatchObject({ kind: "skipped", entry: { reason: expect.stringMatching(reason) } });
  expect(verdict.kind === "skipped" && isReasonOfContents(verdict.entry.reason)).toBe(true);
});

test("what the contents say is told from what the Backup says", async () => {
  const elsewhere = { ...criteria, vm: { namespace: "demo", name: "web-2" } };
  const absent = await judgeBackup(catalogWith([failed]), "a", elsewhere);
  const unfinished = await judgeBackup(catalogWith([failed], "Finalizing"), "a", criteria);
  const missing = await judgeBackup(catalogWith([failed]), "b", { ...criteria, requested: new Set(["b"]) });
  const reasons = [absent, unfinished, missing].map((each) =>
    each.kind === "skipped" || each.kind === "missing" ? each.entry.reason : "",
  );
  expect(reasons).toEqual([
    "VM not found in backup",
    'Backup phase is "Finalizing", not "Completed"',
    "Backup not found in cluster",
  ]);
  expect(reasons.map(isReasonOfContents)).toEqual([true, false, false]);
});
