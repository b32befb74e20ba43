import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { PlannedBackup, VolumeData } from "../../test/setup/velero-objects/backup-plan.ts";
import { MemoryStore } from "../../test/setup/velero-objects/memory-store.ts";
import { encodeBackup, planBackup } from "../../test/setup/velero-objects/velero-backup.ts";
import { ConfigError, SourceError } from "../errors.ts";
import { BackupCatalog } from "./backup-catalog.ts";
import { type DiscoveryOptions, type DiscoveryRequest, discoverBackups } from "./discovery.ts";

const vm = { namespace: "demo", name: "web-1" };
const moved: VolumeData = { kind: "moved", manifestId: "0123456789abcdef0123456789abcdef" };
const snapshot: VolumeData = { kind: "csi-snapshot", driver: "rbd.csi.ceph.com", handle: "0001" };

function plan(
  name: string,
  day: number,
  data: readonly VolumeData[] = [moved],
  more: Partial<PlannedBackup> = {},
): PlannedBackup {
  const volumes = data.map((each, index) => ({ pvcName: `disk-${index}`, data: each }));
  const date = `2026-11-${String(day).padStart(2, "0")}`;
  return { name, createdAt: `${date}T02:00:00Z`, completedAt: `${date}T02:05:00Z`, vms: [{ ...vm, volumes }], ...more };
}

const bucketOf = (...plans: readonly PlannedBackup[]) =>
  new MemoryStore(...plans.map((each) => encodeBackup(planBackup(each))));

async function discover(store: MemoryStore, request: Partial<DiscoveryRequest> = {}, options: DiscoveryOptions = {}) {
  const found = await discoverBackups(new BackupCatalog(store), { vm, ...request }, options);
  return {
    found,
    valid: found.validBackups.map(({ name }) => name),
    invalid: Object.fromEntries(found.invalidBackups.map(({ name, reason }) => [name, reason])),
  };
}

test("all backups, newest first, in the shape of the custom resource's status", async () => {
  const store = bucketOf(plan("a", 16), plan("c", 18), plan("b", 17));
  const { found } = await discover(store, {}, { now: () => new Date("2026-11-23T10:00:00.5Z") });
  expect(found).toMatchObject({
    phase: "Completed",
    validBackups: [
      { name: "c", namespace: "velero", createdAt: "2026-11-18T02:05:00Z" },
      { name: "b", namespace: "velero", createdAt: "2026-11-17T02:05:00Z" },
      { name: "a", namespace: "velero", createdAt: "2026-11-16T02:05:00Z" },
    ],
    invalidBackups: [],
    discoveryStats: {
      totalCandidates: 3,
      pending: 0,
      inProgress: 0,
      completed: 3,
      skipped: 0,
      failed: 0,
      startTime: "2026-11-23T10:00:00Z",
      completionTime: "2026-11-23T10:00:00Z",
    },
    conditions: [
      {
        type: "Ready",
        status: "True",
        reason: "DiscoverySuccessful",
        message: "Successfully discovered 3 valid backups",
        lastTransitionTime: "2026-11-23T10:00:00Z",
      },
    ],
  });
  expect(found.validBackups[0]?.volumes).toEqual([expect.objectContaining({ pvcName: "disk-0" })]);
});

test.each<[string, Partial<DiscoveryRequest>, string[]]>([
  ["by name, without listing", { requestedBackups: ["b", "b"] }, ["b"]],
  ["by time of completion", { startTime: "2026-11-17", endTime: "2026-11-17" }, ["b"]],
  ["inclusive at both ends", { startTime: "2026-11-16T02:05:00Z", endTime: "2026-11-17T02:05:00Z" }, ["b", "a"]],
  ["an explicit midnight is an instant", { endTime: "2026-11-17T00:00:00Z" }, ["a"]],
  ["the union of both", { requestedBackups: ["a"], startTime: "2026-11-18" }, ["c", "a"]],
  ["a range without backups", { startTime: "2027-01-01" }, []],
])("candidates: %s", async (_what, request, expected) => {
  const store = bucketOf(plan("a", 16), plan("c", 18), plan("b", 17));
  const { valid, invalid } = await discover(store, request);
  expect(valid).toEqual(expected);
  expect(invalid).toEqual({});
  expect(store.requests.some((each) => each.startsWith("LIST"))).toBe(
    request.startTime !== undefined || request.endTime !== undefined,
  );
});

test("requested names that are not there say so and leave the phase Completed", async () => {
  const { found, valid, invalid } = await discover(bucketOf(plan("a", 16)), {
    requestedBackups: ["gone", "../x", "a"],
  });
  expect(valid).toEqual(["a"]);
  expect(invalid).toEqual({ gone: "Backup not found", "../x": '"../x" is not a valid name of a backup' });
  expect(found).toMatchObject({ phase: "Completed", discoveryStats: { totalCandidates: 3, completed: 1, failed: 2 } });
});

test("without a valid backup the condition says so", async () => {
  const { found } = await discover(bucketOf());
  expect(found.conditions[0]).toMatchObject({
    status: "False",
    reason: "NoValidBackups",
    message: "No backups found containing the specified virtual machine",
  });
});

test("another VM's backup lacks this one; another namespace's is not even a candidate unless asked for", async () => {
  const other = { namespace: "demo", name: "web-2", volumes: [] };
  const store = bucketOf(
    plan("other-vm", 16, [], { vms: [other] }),
    plan("other-ns", 17, [], { includedNamespaces: ["prod-*"] }),
    plan("excluded", 18, [], { includedNamespaces: ["*"], excludedNamespaces: ["demo"] }),
  );
  const all = await discover(store);
  expect(all.invalid).toEqual({ "other-vm": "VM not found in backup" });
  expect(all.found.discoveryStats).toMatchObject({ totalCandidates: 1, skipped: 1 });
  expect(store.requests.filter((each) => each.endsWith(".tar.gz"))).toEqual([]);
  const asked = await discover(store, { requestedBackups: ["other-ns", "excluded"] });
  const reason = "Backup doesn't include target VM namespace";
  expect(asked.invalid).toEqual({ "other-ns": reason, excluded: reason });
});

test.each([["prod-*,dem?"], ["d[a-f]mo"], ["{prod,demo}"]])("namespaces by the glob %s", async (globs) => {
  const { valid } = await discover(
    bucketOf(plan("a", 16, [moved], { includedNamespaces: globs.includes("{") ? [globs] : globs.split(",") })),
  );
  expect(valid).toEqual(["a"]);
});

test.each(["InProgress", "Finalizing", "WaitingForPluginOperations", "Failed", "FailedValidation", ""])(
  "phase %j is not valid and says why",
  async (phase) => {
    const { valid, invalid } = await discover(bucketOf(plan("a", 16, [moved], { phase })), {
      includePartiallyFailed: true,
    });
    expect(valid).toEqual([]);
    expect(invalid["a"]).toMatch(/^Backup phase is .*, not "Completed"$/);
  },
);

test("PartiallyFailed only when asked for, then volume by volume", async () => {
  const store = bucketOf(plan("a", 16, [moved, { kind: "upload", phase: "Failed" }], { phase: "PartiallyFailed" }));
  expect((await discover(store)).invalid["a"]).toMatch(/^Backup phase is PartiallyFailed: /);
  const { found, valid } = await discover(store, { includePartiallyFailed: true });
  expect(valid).toEqual(["a"]);
  expect(found.validBackups[0]?.volumes?.map(({ location }) => location.kind)).toEqual(["kopia", "unreadable"]);
});

test("uploads that still run make a backup invalid whatever its phase says", async () => {
  const status = { backupItemOperationsAttempted: 2, backupItemOperationsCompleted: 1 };
  const { invalid } = await discover(bucketOf(plan("a", 16, [moved], { status })));
  expect(invalid["a"]).toBe(
    "backup has incomplete async operations (data mover upload may not have finished); " +
      "BackupItemOperationsAttempted=2, BackupItemOperationsCompleted=1, BackupItemOperationsFailed=0",
  );
});

test("data only in CSI snapshots is not in the bucket, unless the caller can reach it otherwise", async () => {
  const store = bucketOf(plan("a", 16, [snapshot, { kind: "not-backed-up" }]));
  const { found, invalid } = await discover(store);
  expect(invalid["a"]).toMatch(/^its data is in a CSI snapshot and not in the bucket \(disk-0: /);
  expect(found.invalidBackups[0]?.volumes).toHaveLength(2);
  expect((await discover(store, { requireReadableData: false })).valid).toEqual(["a"]);
});

test.each<[string, VolumeData[], RegExp]>([
  ["no disk", [], /^The VM has no disk with data/],
  [
    "different reasons",
    [snapshot, { kind: "skipped", reason: "policy" }],
    /^none of its disks can be read from the bucket \(disk-0: .*; disk-1: /,
  ],
  ["a very long reason", Array.from({ length: 50 }, () => snapshot), /^its data is in a CSI snapshot.*…$/],
])("%s", async (_what, data, expected) => {
  const { invalid } = await discover(bucketOf(plan("a", 16, data)));
  expect(invalid["a"]).toMatch(expected);
  expect(invalid["a"]?.length).toBeLessThanOrEqual(1024);
});

test("without a resource list, or with a damaged one, the tarball tells", async () => {
  const store = bucketOf(
    plan("missing", 16),
    plan("damaged", 17),
    plan("other", 18, [], { vms: [{ namespace: "demo", name: "x", volumes: [] }] }),
  );
  store.objects.delete("backups/missing/missing-resource-list.json.gz");
  store.objects.delete("backups/other/other-resource-list.json.gz");
  store.objects.set("backups/damaged/damaged-resource-list.json.gz", gzipSync('{"v1/Pod":5}'));
  for (const inspectVolumes of [true, false]) {
    store.requests.length = 0;
    const { valid, invalid } = await discover(store, { inspectVolumes });
    expect(valid).toEqual(["damaged", "missing"]);
    expect(invalid).toEqual({ other: "VM not found in backup" });
    expect(store.requests.filter((each) => each.endsWith(".tar.gz"))).toHaveLength(3);
  }
});

test("a look that fails never counts as containing the VM", async () => {
  const store = bucketOf(plan("a", 16), plan("b", 17), plan("c", 18), plan("d", 19));
  store.failures.set("backups/a/velero-backup.json", new SourceError("timed out", { retryable: true }));
  store.failures.set("backups/b/b-resource-list.json.gz", new SourceError("403", { retryable: false }));
  store.objects.set("backups/c/c.tar.gz", Buffer.from("damaged"));
  const { found, valid, invalid } = await discover(store);
  expect(valid).toEqual(["d"]);
  expect(invalid).toEqual({
    a: "Failed to fetch backup: timed out",
    b: "Failed to check backup contents: 403",
    c: "Failed to check backup contents: gzip: backups/c/c.tar.gz: is truncated or damaged",
  });
  expect(found).toMatchObject({
    phase: "PartiallyFailed",
    discoveryStats: { totalCandidates: 4, completed: 1, failed: 3 },
  });
  expect(found.conditions[0]?.message).toBe("Successfully discovered 1 valid backups; 3 backups could not be checked");
});

test("when no look succeeds the discovery failed; when listing fails it throws", async () => {
  const store = bucketOf(plan("a", 16));
  store.failures.set("backups/a/velero-backup.json", new SourceError("503", { retryable: true }));
  expect((await discover(store)).found.phase).toBe("Failed");
  store.failures.set("backups/", new SourceError("denied", { retryable: false }));
  await expect(discover(store)).rejects.toThrow("denied");
});

test("a resource list that names a VM the tarball lacks is not believed", async () => {
  const values = planBackup(plan("a", 16));
  values.resources.remove("virtualmachines.kubevirt.io", "web-1");
  const { invalid } = await discover(new MemoryStore(encodeBackup(values)));
  expect(invalid).toEqual({ a: "The resource list names the VM, but the tarball lacks it" });
});

test("VirtualMachine of another group is not a VM of KubeVirt", async () => {
  const values = planBackup(plan("a", 16));
  values.resourceList = { "example.com/v1/VirtualMachine": ["demo/web-1"] };
  expect((await discover(new MemoryStore(encodeBackup(values)))).invalid).toEqual({ a: "VM not found in backup" });
});

test.each([
  ["Demo", "web-1"],
  ["demo", ""],
  ["../x", "web-1"],
  ["demo", "a/b"],
])("the VM %j/%j is refused", async (namespace, name) => {
  await expect(discover(bucketOf(), { vm: { namespace, name } })).rejects.toThrow(ConfigError);
});

test("a bad time is refused before anything is fetched", async () => {
  const store = bucketOf(plan("a", 16));
  await expect(discover(store, { startTime: "soon" })).rejects.toThrow("invalid startTime format");
  expect(store.requests).toEqual([]);
});

test("an abort ends it at once", async () => {
  const store = bucketOf(...Array.from({ length: 30 }, (_, index) => plan(`b-${index}`, 16)));
  const controller = new AbortController();
  const onProgress = () => controller.abort(new Error("enough"));
  await expect(discover(store, {}, { signal: controller.signal, onProgress })).rejects.toThrow("enough");
  expect(store.requests.length).toBeLessThan(60);
});

test("1,000 backups: a pass over each one's small objects, tarballs only of those with the VM, few requests at once", async () => {
  const other = { namespace: "demo", name: "web-2", volumes: [] };
  const days = Array.from({ length: 1000 }, (_, index) => index);
  const store = bucketOf(
    ...days.map((index) => plan(`b-${index}`, 1 + (index % 28), [moved], index % 2 ? { vms: [other] } : {})),
  );
  store.delay = 1;
  const seen: number[] = [];
  const { found } = await discover(store, {}, { onProgress: ({ checked }) => seen.push(checked) });
  expect(found.discoveryStats).toMatchObject({ totalCandidates: 1000, completed: 500, skipped: 500 });
  expect(seen).toEqual(days.map((index) => index + 1));
  // One list; the description and the resource list of each; tarball and three lists of those with the VM.
  expect(store.requests).toHaveLength(1 + 1000 * 2 + 500 * 4);
  expect(new Set(store.requests).size).toBe(store.requests.length);
  expect(store.mostAtOnce).toBeLessThanOrEqual(8 * 4);
});
