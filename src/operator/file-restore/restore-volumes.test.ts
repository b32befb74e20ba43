import { expect, test } from "vitest";
import { MemoryObjects } from "../../../test/fixtures/kube/memory-objects.ts";
import { disk, entry } from "../../../test/fixtures/operator/planned-disk.ts";
import type { KubeObject, ResourceType } from "../../kube/resource-type.ts";
import { configMaps, persistentVolumeClaims } from "../../kube/resources.ts";
import type { PvcBackupRestore, PvcRestore } from "../api/v1alpha1/pvc-restore.ts";
import { dataDownloads, type VeleroRestore, veleroRestores } from "../velero/velero-resources.ts";
import { childNames } from "./child-names.ts";
import { veleroRestore } from "./children/velero-restore.ts";
import { restoreVolumes } from "./restore-volumes.ts";
import { defaultTimeouts } from "./settings.ts";

const owner = { name: "r", namespace: "adp", uid: "12345678-aaaa-bbbb-cccc-ddddeeeeffff" };
const vm = { namespace: "guests", name: "web-1" };
const namespace = "r-12345678";
const CREATED = "2026-11-20T10:00:00Z";
const MINUTE_MS = 60_000;

type Child = readonly [ResourceType, KubeObject];

function restoreOf(backup: string, status: VeleroRestore["status"]): Child {
  const restore = veleroRestore(owner, { backup, vm, namespace, claims: [{ uid: "uid-root", name: "root" }] });
  const metadata = { ...restore.metadata, creationTimestamp: CREATED as never };
  return [veleroRestores, { ...restore, metadata, ...(status && { status }) } as VeleroRestore];
}

const restoreName = (backup: string) => childNames.veleroRestore(owner, backup);

function claim(
  name: string,
  backup: string,
  { labels = {}, phase = "Bound" }: { labels?: object; phase?: string } = {},
) {
  const metadata = { name, namespace, labels: { "velero.io/restore-name": restoreName(backup), ...labels } };
  return [
    persistentVolumeClaims,
    { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata, status: { phase } } as KubeObject,
  ] as const;
}

function download(backup: string, pvc: string, status: object = {}, more: object = {}): Child {
  const metadata = {
    name: `dd-${backup}-${pvc}`,
    namespace: "adp",
    labels: { "velero.io/restore-name": restoreName(backup) },
  };
  const spec = { targetVolume: { pvc, namespace } };
  return [
    dataDownloads,
    { apiVersion: "velero.io/v2alpha1", kind: "DataDownload", metadata, spec, status, ...more } as KubeObject,
  ];
}

function restore(client: MemoryObjects, plan: PvcRestore[], afterMs = MINUTE_MS) {
  const now = Date.parse(CREATED) + afterMs;
  return restoreVolumes({ client, owner, vm, namespace, timeouts: defaultTimeouts, now }, plan);
}

test.each<[string, PvcRestore[], string[]]>([
  ["one disk of one backup", [disk("root", entry("a"))], ["a"]],
  ["several backups", [disk("root", entry("a"), entry("b"))], ["a", "b"]],
  ["several disks of one backup", [disk("root", entry("a")), disk("data", entry("a"))], ["a"]],
  ["what is read from the bucket", [disk("root", entry("a"), entry("b", { dataPath: "Direct" }))], ["a"]],
  ["what cannot be restored", [disk("root", entry("a"), entry("b", { state: "unsupported-plugin" }))], ["a"]],
  ["a backup whose PVCs are not known", [disk("backup-level-failure", { ...entry("b"), state: "backup-deleted" })], []],
  ["nothing", [], []],
])("createVeleroRestores, one a backup that has something to restore: %s", async (_what, plan, backups) => {
  const client = new MemoryObjects();
  const { pending } = await restore(client, plan);
  expect(client.names(veleroRestores)).toEqual(backups.map((backup) => `adp/${restoreName(backup)}`).sort());
  expect(client.names(configMaps)).toEqual(client.names(veleroRestores));
  expect(pending).toBe(plan.flatMap(({ restores = [] }) => restores).filter(isRestorable).length);
});

function isRestorable({ dataPath, state }: PvcBackupRestore): boolean {
  return dataPath === "Restore" && state === "processing";
}

test("a Velero Restore that is there already, under whichever name, is not made again; one for another backup goes", async () => {
  const [, earlier] = restoreOf("a", { phase: "InProgress" });
  earlier.metadata.name = "vmfr-of-an-earlier-version";
  const client = new MemoryObjects([veleroRestores, earlier], restoreOf("old", { phase: "Completed" }));
  const { pvcRestores } = await restore(client, [disk("root", entry("a"))]);
  expect(client.names(veleroRestores)).toEqual(["adp/vmfr-of-an-earlier-version"]);
  expect(pvcRestores[0]?.restores?.[0]).toMatchObject({
    veleroRestoreName: "vmfr-of-an-earlier-version",
    veleroRestoreNamespace: "adp",
    phase: "InProgress",
    createdAt: CREATED,
  });
});

const root = disk("root", entry("a"));
const restored = claim("root-a", "a");

test.each<[string, Child[], string, number]>([
  ["just made", [restoreOf("a", undefined)], "processing", 1],
  ["New", [restoreOf("a", { phase: "New" })], "processing", 1],
  ["InProgress", [restoreOf("a", { phase: "InProgress" })], "processing", 1],
  ["WaitingForPluginOperations", [restoreOf("a", { phase: "WaitingForPluginOperations" })], "processing", 1],
  ["a phase of a later Velero", [restoreOf("a", { phase: "Queued" as never })], "processing", 1],
  ["Completed, the PVC is there", [restoreOf("a", { phase: "Completed" }), restored], "processing", 0],
  ["Completed, the PVC is not there yet", [restoreOf("a", { phase: "Completed" })], "processing", 1],
  ["Finalizing counts as completed", [restoreOf("a", { phase: "Finalizing" }), restored], "processing", 0],
  [
    "FinalizingPartiallyFailed too",
    [restoreOf("a", { phase: "FinalizingPartiallyFailed" }), restored],
    "processing",
    0,
  ],
  ["PartiallyFailed, but this PVC is there", [restoreOf("a", { phase: "PartiallyFailed" }), restored], "processing", 0],
  ["Failed", [restoreOf("a", { phase: "Failed" })], "failed", 0],
  ["FailedValidation", [restoreOf("a", { phase: "FailedValidation" })], "failed", 0],
  [
    "the PVC is Pending",
    [restoreOf("a", { phase: "Completed" }), claim("root-a", "a", { phase: "Pending" })],
    "processing",
    0,
  ],
  ["the PVC is Lost", [restoreOf("a", { phase: "Completed" }), claim("root-a", "a", { phase: "Lost" })], "failed", 0],
])("monitorVeleroRestores, validateRestoredPVCs: %s", async (_what, children, state, pending) => {
  const found = await restore(new MemoryObjects(...children), [root]);
  expect(found.pvcRestores[0]?.restores?.[0]?.state).toBe(state);
  expect(found.pending).toBe(pending);
});

test("of several Restores each is judged by itself", async () => {
  const client = new MemoryObjects(
    restoreOf("a", { phase: "Completed", completionTimestamp: "2026-11-20T10:00:30Z" }),
    restored,
    restoreOf("b", { phase: "Failed", failureReason: "no such backup" }),
    restoreOf("c", { phase: "InProgress" }),
  );
  const { pvcRestores, pending } = await restore(client, [disk("root", entry("a"), entry("b"), entry("c"))]);
  expect(pvcRestores[0]?.restores).toMatchObject([
    { state: "processing", phase: "Completed", completedAt: "2026-11-20T10:00:30Z" },
    { state: "failed", failureReason: expect.stringContaining("is Failed: no such backup") },
    { state: "processing", phase: "InProgress" },
  ]);
  expect(pending).toBe(1);
});

test.each<[string, Child[], string[]]>([
  ["the name that our rules give it", [claim("root-a", "a")], ["root-a"]],
  ["the OpenShift plugin's label", [claim("a-root-x7f2p", "a", { labels: original("root") })], ["a-root-x7f2p"]],
  ["our name first", [claim("a-root-x7f2p", "a", { labels: original("root") }), claim("root-a", "a")], ["root-a"]],
  ["none there", [], []],
  ["another Restore's label", [claim("root-b", "b", { labels: original("root") })], []],
  ["another PVC's label", [claim("a-data-x7f2p", "a", { labels: original("data") })], []],
  ["neither name nor label", [claim("root", "a")], []],
  [
    "the right one of many",
    ["x", "root", "y"].map((pvc) => claim(`a-${pvc}-1`, "a", { labels: original(pvc) })),
    ["a-root-1"],
  ],
])("findRestoredPVCName: %s", async (_what, claims, names) => {
  const client = new MemoryObjects(
    restoreOf("a", { phase: "Completed" }),
    restoreOf("b", { phase: "Completed" }),
    ...claims,
  );
  const found = await restore(client, [root]);
  expect(found.claims.map(({ claim: { metadata } }) => metadata.name)).toEqual(names);
});

function original(pvc: string): object {
  return { "oadp.openshift.io/vmfr-original-name": pvc };
}

test.each<[string, Child[], string[]]>([
  ["none", [], []],
  ["new: named as the PVC will be", [download("a", "root")], ["root-a"]],
  ["already right", [download("a", "root-a")], ["root-a"]],
  ["already in progress", [download("a", "root", { phase: "InProgress" })], ["root"]],
  ["of a PVC that is none of the VM's", [download("a", "cache")], ["cache"]],
  ["several", [download("a", "root"), download("a", "data")], ["data-a", "root-a"]],
  ["another Restore's", [download("z", "root")], ["root"]],
])("fixDataDownloadPVCNames, before a node agent takes them: %s", async (_what, downloads, targets) => {
  const client = new MemoryObjects(restoreOf("a", { phase: "InProgress" }), ...downloads);
  await restore(client, [root, disk("data", entry("a"))]);
  const now: string[] = [];
  for await (const { spec } of client.list(dataDownloads)) now.push(spec.targetVolume.pvc);
  expect(now.sort()).toEqual(targets);
});

test("a DataDownload that fails fails its disk, in its own words; how far the others are is told", async () => {
  const client = new MemoryObjects(
    restoreOf("a", { phase: "WaitingForPluginOperations" }),
    claim("root-a", "a"),
    claim("data-a", "a"),
    download("a", "root-a", { phase: "Failed", message: "blob is missing" }),
    download("a", "data-a", { phase: "InProgress", progress: { totalBytes: 2 ** 31, bytesDone: 2 ** 30 } }),
  );
  const found = await restore(client, [root, disk("data", entry("a"))]);
  expect(found.pvcRestores.map(({ restores }) => restores?.[0])).toMatchObject([
    { state: "failed", failureReason: "DataDownload dd-a-root-a is Failed: blob is missing" },
    { state: "processing" },
  ]);
  expect(found.progress).toBe("50 % of 2.0 GiB downloaded");
});

test("a Restore that does not end, and one that made no PVC, are given up after their time (D37)", async () => {
  const running = new MemoryObjects(restoreOf("a", { phase: "InProgress" }));
  expect((await restore(running, [root], 3 * 60 * MINUTE_MS)).pending).toBe(1);
  const late = await restore(running, [root], 5 * 60 * MINUTE_MS);
  expect(late.pvcRestores[0]?.restores?.[0]?.failureReason).toContain("has not ended within 4h");
  const empty = new MemoryObjects(restoreOf("a", { phase: "Completed", completionTimestamp: CREATED }));
  expect((await restore(empty, [root], 4 * MINUTE_MS)).pending).toBe(1);
  const given = await restore(empty, [root], 6 * MINUTE_MS);
  expect(given.pvcRestores[0]?.restores?.[0]?.failureReason).toContain("made no PVC of this disk");
});
