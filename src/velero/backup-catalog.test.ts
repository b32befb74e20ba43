import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { PlannedVolume, VolumeData } from "../../test/setup/velero-objects/backup-plan.ts";
import { MemoryStore } from "../../test/setup/velero-objects/memory-store.ts";
import { type BackupValues, encodeBackup, planBackup } from "../../test/setup/velero-objects/velero-backup.ts";
import { defaultLimits } from "../bytes/limits.ts";
import { ConfigError, CorruptDataError, LimitError, SourceError, VmfrError } from "../errors.ts";
import type { BackedUpVm } from "./backed-up-vm.ts";
import { BackupCatalog } from "./backup-catalog.ts";

const vm = { namespace: "demo", name: "web-1" };
const manifestId = "0123456789abcdef0123456789abcdef";
const otherId = "f".repeat(32);

function planned(...volumes: readonly PlannedVolume[]): BackupValues {
  return planBackup({ name: "b1", createdAt: "2026-11-16T02:00:00Z", vms: [{ ...vm, volumes }] });
}

const disk = (data: VolumeData, more: Partial<PlannedVolume> = {}): PlannedVolume => ({
  pvcName: "root",
  data,
  ...more,
});

async function open(values: BackupValues): Promise<BackedUpVm> {
  const catalog = new BackupCatalog(new MemoryStore(encodeBackup(values)));
  const backup = await catalog.backup("b1");
  const found = backup && (await catalog.vm(backup, vm));
  if (found === undefined) throw new Error("the VM is not in the backup");
  return found;
}

const locationIn = async (values: BackupValues) => (await open(values)).volumes[0]?.location;
const infoIn = (values: BackupValues) => (values.volumeInfo as Record<string, unknown>[])[0] as Record<string, unknown>;
const movementIn = (values: BackupValues) => infoIn(values)["snapshotDataMovementInfo"] as Record<string, unknown>;

test.each(["velero", "", "velero-fs"])("data moved by %j lies in the namespace's repository", async (mover) => {
  expect(await locationIn(planned(disk({ kind: "moved", manifestId, mover })))).toEqual({
    kind: "kopia",
    repository: "kopia/demo/",
    snapshot: { manifestId },
    method: "data-mover",
  });
});

test("the upload in the tarball speaks when the volume list is missing, empty or names none", async () => {
  for (const volumeInfo of [undefined, null, []]) {
    const values = planned(disk({ kind: "moved", manifestId }));
    const objects = encodeBackup({ ...values, volumeInfo: volumeInfo ?? null });
    if (volumeInfo === undefined) objects.delete("backups/b1/b1-volumeinfo.json.gz");
    const catalog = new BackupCatalog(new MemoryStore(objects));
    const backup = await catalog.backup("b1");
    expect((backup && (await catalog.vm(backup, vm)))?.volumes[0]?.location).toMatchObject({
      kind: "kopia",
      snapshot: { manifestId },
    });
  }
});

test("the volume list speaks when the tarball has not been rewritten yet", async () => {
  const values = planned(disk({ kind: "moved", manifestId }));
  values.resources.remove("datauploads.velero.io", "b1-root");
  expect(await locationIn(values)).toMatchObject({ kind: "kopia", snapshot: { manifestId } });
});

test("two sources that disagree are a contradiction, never a guess", async () => {
  const values = planned(disk({ kind: "moved", manifestId }));
  movementIn(values)["snapshotHandle"] = otherId;
  expect(await locationIn(values)).toEqual({
    kind: "unreadable",
    cause: "contradiction",
    reason: `the backup names different snapshots as its data: "${otherId}" and "${manifestId}"`,
  });
});

test("the upload's operation speaks when nothing else does", async () => {
  const values = planned(disk({ kind: "moved", manifestId }));
  values.resources.remove("datauploads.velero.io", "b1-root");
  values.volumeInfo = null;
  const [operation] = values.itemOperations as { spec: { operationID: string }; status: { phase: string } }[];
  expect(await locationIn(values)).toEqual({
    kind: "kopia",
    repository: "kopia/demo/",
    snapshot: {
      path: "snapshot-data-upload-download/kopia/demo/root",
      tags: { "velero.io/async-operation-id": operation?.spec.operationID },
    },
    method: "data-mover",
  });
  if (operation !== undefined) operation.status.phase = "InProgress";
  expect(await locationIn(values)).toMatchObject({ cause: "upload-unfinished" });
});

test("pod volume backups are found by the PVC's name, or by the VM's volume", async () => {
  const values = planned(disk({ kind: "pod-volume-backup", manifestId }));
  const expected = { kind: "kopia", repository: "kopia/demo/", snapshot: { manifestId }, method: "file-system-backup" };
  expect(await locationIn(values)).toEqual(expected);
  for (const each of values.podVolumeBackups as { metadata: { annotations?: unknown } }[])
    delete each.metadata.annotations;
  values.volumeInfo = null;
  expect(await locationIn(values)).toEqual(expected);
});

test.each<[string, PlannedVolume, string]>([
  [
    "csi-snapshot",
    disk({ kind: "csi-snapshot", driver: "rbd.csi.ceph.com", handle: "0001-a" }),
    "its data is in a CSI snapshot of the storage system (driver rbd.csi.ceph.com, handle 0001-a), not in the bucket",
  ],
  [
    "native-snapshot",
    disk({ kind: "native-snapshot", volumeType: "gp3", handle: "snap-1" }),
    "its data is in a native snapshot of the storage system (volume type gp3, handle snap-1), not in the bucket",
  ],
  [
    "upload-failed",
    disk({ kind: "upload", phase: "Failed", message: "no space\nleft" }),
    "the upload of its data failed: no space left",
  ],
  ["upload-failed", disk({ kind: "upload", phase: "Canceled" }), "the upload of its data was cancelled"],
  ["upload-unfinished", disk({ kind: "upload", phase: "Completed" }), "the upload of its data had not finished"],
  [
    "foreign-data-mover",
    disk({ kind: "moved", manifestId, mover: "velero-block" }),
    'its data was moved by the data mover "velero-block", whose format is not known here',
  ],
  [
    "contradiction",
    disk({ kind: "moved", manifestId: "../../etc" }),
    'its snapshot handle "../../etc" is not one of a Kopia repository',
  ],
  [
    "restic",
    disk({ kind: "pod-volume-backup", manifestId: "1a2b", uploader: "restic" }),
    "its data is in a restic repository, which is not read; only Kopia repositories are",
  ],
  [
    "upload-failed",
    disk({ kind: "pod-volume-backup", manifestId, phase: "Failed", message: "timeout" }),
    "the file-system backup of it failed: timeout",
  ],
  [
    "upload-unfinished",
    disk({ kind: "pod-volume-backup", manifestId, phase: "InProgress" }),
    "the upload of its data had not finished (phase InProgress)",
  ],
  [
    "skipped",
    disk({ kind: "skipped", reason: "matched by resource policy" }),
    "the backup skipped it: matched by resource policy",
  ],
  [
    "import-in-progress",
    disk({ kind: "moved", manifestId }, { annotations: { "kvp.kubevirt.io/storage.inprogress": "root" } }),
    "its content was still being imported when the backup was made, so its bytes cannot be trusted",
  ],
  ["not-backed-up", disk({ kind: "not-backed-up" }), "it was not backed up, although the VM refers to it"],
  [
    "no-data",
    disk({ kind: "description-only" }),
    "the backup holds only its description: no snapshot, upload or file-system backup of it was made",
  ],
])("unreadable: %s (%#)", async (cause, volume, reason) => {
  const values = planned(volume);
  if (volume.data.kind === "upload" && volume.data.phase === "Completed") infoIn(values)["result"] = undefined;
  expect(await locationIn(values)).toEqual({ kind: "unreadable", cause, reason });
});

test("a failed upload is refused although it names a snapshot", async () => {
  const values = planned(disk({ kind: "moved", manifestId }));
  (values.resources.find("datauploads.velero.io", "b1-root").object["status"] as Record<string, unknown>)["phase"] =
    "Failed";
  expect(await locationIn(values)).toMatchObject({ cause: "upload-failed" });
});

test("a CSI snapshot is recognised by the PVC's annotation when there is no volume list", async () => {
  const values = planned(disk({ kind: "csi-snapshot", driver: "d", handle: "h" }));
  values.volumeInfo = null;
  expect(await locationIn(values)).toMatchObject({
    cause: "csi-snapshot",
    reason: expect.stringContaining("velero-root-x1"),
  });
});

test("a metadata backup says so", async () => {
  const values = planned(disk({ kind: "description-only" }));
  (values.description["metadata"] as Record<string, unknown>)["labels"] = { "velero.kubevirt.io/metadataBackup": "" };
  expect(await locationIn(values)).toMatchObject({ cause: "metadata-only" });
});

test("volumes come in boot order with what is known of them; others with their reason", async () => {
  const values = planBackup({
    name: "b1",
    createdAt: "2026-11-16T02:00:00Z",
    vms: [
      {
        ...vm,
        volumes: [
          {
            pvcName: "data",
            volumeName: "data-volume",
            mode: "Block",
            capacity: "2Gi",
            data: { kind: "moved", manifestId, bytes: 5 },
          },
          { pvcName: "root", bootOrder: 1, dataVolume: true, data: { kind: "moved", manifestId: otherId } },
        ],
        otherVolumes: [
          { name: "init", cloudInitNoCloud: { userData: "#cloud-config" } },
          { name: "image", containerDisk: { image: "fedora" } },
          { name: "over", ephemeral: { persistentVolumeClaim: { claimName: "base" } } },
          { name: "dump", memoryDump: { claimName: "dump-pvc" } },
          { name: "new", quantumDisk: {} },
          { name: "again", persistentVolumeClaim: { claimName: "root" } },
        ],
      },
    ],
  });
  const found = await open(values);
  expect(
    found.volumes.map(({ pvcName, volumeName, volumeMode, capacity, uploadedBytes }) => [
      pvcName,
      volumeName,
      volumeMode,
      capacity,
      uploadedBytes,
    ]),
  ).toEqual([
    ["root", "root", "Filesystem", "1Gi", 0],
    ["data", "data-volume", "Block", "2Gi", 5],
  ]);
  expect(found.withoutDisk.map(({ volumeName, source, pvcName }) => [volumeName, source, pvcName])).toEqual([
    ["init", "cloudInitNoCloud", undefined],
    ["image", "containerDisk", undefined],
    ["over", "ephemeral", "base"],
    ["dump", "memoryDump", "dump-pvc"],
    ["new", "quantumDisk", undefined],
  ]);
  for (const { reason } of found.withoutDisk) expect(reason).toMatch(/\w+ \w+/);
});

test("a hot-plugged volume that only the instance has is found; the PVC of TPM and EFI is no disk", async () => {
  const values = planBackup({
    name: "b1",
    createdAt: "2026-11-16T02:00:00Z",
    vms: [
      {
        ...vm,
        volumes: [
          disk({ kind: "moved", manifestId }),
          disk({ kind: "moved", manifestId: otherId }, { pvcName: "hot" }),
          disk({ kind: "description-only" }, { pvcName: "persistent-state-for-web-1" }),
        ],
        running: { agentConnected: true, freezeHooks: true },
      },
    ],
  });
  const template = values.resources.find("virtualmachines.kubevirt.io", "web-1").object;
  const spec = (template["spec"] as { template: { spec: { volumes: unknown[] } } }).template.spec;
  spec.volumes = spec.volumes.slice(0, 1);
  const instance = values.resources.find("virtualmachineinstances.kubevirt.io", "web-1").object["spec"] as {
    volumes: unknown[];
  };
  instance.volumes = instance.volumes.slice(0, 2);
  const found = await open(values);
  expect(found.volumes.map(({ pvcName, hotplugged }) => [pvcName, hotplugged])).toEqual([
    ["root", false],
    ["hot", true],
  ]);
  expect(found.withoutDisk).toEqual([expect.objectContaining({ source: "backendStorage" })]);
});

test.each<[string, Parameters<typeof planBackup>[0]["vms"][number]["running"], VolumeData["kind"], number]>([
  ["vm-off", undefined, "moved", 0],
  ["file-system-consistent", { agentConnected: true, freezeHooks: true }, "moved", 2],
  ["crash-consistent", { agentConnected: false, freezeHooks: true }, "moved", 2],
  ["crash-consistent", { agentConnected: true, freezeHooks: false }, "moved", 2],
  ["crash-consistent", { agentConnected: true, freezeHooks: true }, "moved", 0],
  ["inconsistent", { agentConnected: true, freezeHooks: true }, "pod-volume-backup", 2],
])("consistency: %s (%#)", async (state, running, kind, hooksAttempted) => {
  const data = { kind, manifestId } as VolumeData;
  const values = planBackup({
    name: "b1",
    createdAt: "2026-11-16T02:00:00Z",
    vms: [{ ...vm, volumes: [disk(data)], ...(running && { running }) }],
    status: { hookStatus: { hooksAttempted } },
  });
  expect((await open(values)).consistency.state).toBe(state);
});

test("names are the folders below backups/ that can be a backup", async () => {
  const store = new MemoryStore(encodeBackup(planned()), [
    ["backups/stray", Buffer.alloc(0)],
    ["backups/Bad_Name/x", Buffer.alloc(0)],
  ]);
  expect(await new BackupCatalog(store).names()).toEqual(["b1"]);
  expect(store.requests).toEqual(["LIST backups/"]);
});

test.each(["../kopia/demo", "a/b", "", "UPPER", "."])(
  "the name %j is refused before anything is fetched",
  async (name) => {
    const store = new MemoryStore();
    await expect(new BackupCatalog(store).backup(name)).rejects.toThrow(ConfigError);
    expect(store.requests).toEqual([]);
  },
);

const DESCRIPTION = "backups/b1/velero-backup.json";
const VOLUME_INFO = "backups/b1/b1-volumeinfo.json.gz";

test.each<[string, string]>([
  ["no JSON", "{"],
  ["not an object", "[]"],
  ["of another backup", '{"kind":"Backup","metadata":{"name":"b2"}}'],
  ["of another kind", '{"kind":"Restore","metadata":{"name":"b1"}}'],
  ["with a wrong type", '{"kind":"Backup","metadata":{"name":"b1"},"spec":{"includedNamespaces":"demo"}}'],
  ["with an impossible time", '{"kind":"Backup","metadata":{"name":"b1","creationTimestamp":"soon"}}'],
  ["with a negative count", '{"kind":"Backup","metadata":{"name":"b1"},"status":{"backupItemOperationsAttempted":-1}}'],
])("a description that is %s is damaged", async (_what, text) => {
  const catalog = new BackupCatalog(new MemoryStore([[DESCRIPTION, Buffer.from(text)]]));
  await expect(catalog.backup("b1")).rejects.toThrow(CorruptDataError);
});

test("a description with the least in it is enough", async () => {
  const text = '{"kind":"Backup","metadata":{"name":"b1","labels":null},"spec":null}';
  const catalog = new BackupCatalog(new MemoryStore([[DESCRIPTION, Buffer.from(text)]]));
  expect(await catalog.backup("b1")).toMatchObject({ name: "b1", phase: "", includedNamespaces: [] });
});

test("objects larger than the limit are refused, packed or unpacked", async () => {
  const limits = { ...defaultLimits, backupObject: 10_000 };
  const bomb = gzipSync(Buffer.alloc(1_000_000, " "));
  const store = new MemoryStore([
    [DESCRIPTION, Buffer.alloc(20_000, " ")],
    ["backups/b1/b1-resource-list.json.gz", bomb],
  ]);
  const catalog = new BackupCatalog(store, limits);
  await expect(catalog.backup("b1")).rejects.toThrow(LimitError);
  await expect(catalog.resourceList("b1")).rejects.toThrow(LimitError);
});

test.each<[string, (stored: Buffer) => Buffer]>([
  ["truncated", (stored) => stored.subarray(0, stored.length / 2)],
  ["not gzip", () => Buffer.from("plain")],
  ["of wrong types", () => gzipSync('[{"pvcName":5}]')],
])("a volume list that is %s is a warning, and the upload in the tarball speaks", async (_what, damage) => {
  const objects = encodeBackup(
    planned(disk({ kind: "moved", manifestId }), disk({ kind: "description-only" }, { pvcName: "other" })),
  );
  objects.set(VOLUME_INFO, damage(objects.get(VOLUME_INFO) ?? Buffer.alloc(0)));
  const catalog = new BackupCatalog(new MemoryStore(objects));
  const backup = await catalog.backup("b1");
  const found = backup && (await catalog.vm(backup, vm));
  expect(found?.warnings).toHaveLength(1);
  expect(found?.volumes[0]?.location).toMatchObject({ kind: "kopia", snapshot: { manifestId } });
  expect(found?.volumes[1]?.location).toMatchObject({ cause: "unknown", reason: expect.stringContaining(VOLUME_INFO) });
});

test("a list that the bucket refuses to hand out is an error, not an absent list", async () => {
  const store = new MemoryStore(encodeBackup(planned(disk({ kind: "moved", manifestId }))));
  store.failures.set(VOLUME_INFO, new SourceError("503", { retryable: true }));
  const catalog = new BackupCatalog(store);
  const backup = await catalog.backup("b1");
  await expect(backup && catalog.vm(backup, vm)).rejects.toThrow("503");
});

const TARBALL = "backups/b1/b1.tar.gz";

test.each<[string, (stored: Buffer) => Buffer | undefined]>([
  ["truncated", (stored) => stored.subarray(0, stored.length - 20)],
  ["empty", () => Buffer.alloc(0)],
  ["not gzip", () => Buffer.alloc(2000, "x")],
  ["not tar", () => gzipSync(Buffer.alloc(2000, "x"))],
  ["with a wrong checksum", (stored) => Buffer.concat([stored.subarray(0, -8), Buffer.from("12345678")])],
  ["missing", () => undefined],
])("a tarball that is %s is damaged", async (_what, damage) => {
  const objects = encodeBackup(planned(disk({ kind: "moved", manifestId })));
  const damaged = damage(objects.get(TARBALL) ?? Buffer.alloc(0));
  if (damaged === undefined) objects.delete(TARBALL);
  else objects.set(TARBALL, damaged);
  const catalog = new BackupCatalog(new MemoryStore(objects));
  const backup = await catalog.backup("b1");
  await expect(backup && catalog.vm(backup, vm)).rejects.toThrow(CorruptDataError);
});

test("a damaged member hides nothing but itself; a damaged VM is an error", async () => {
  const values = planned(
    disk({ kind: "moved", manifestId }),
    disk({ kind: "moved", manifestId }, { pvcName: "other" }),
  );
  values.resources.find("persistentvolumeclaims", "other").object = { metadata: 5 } as never;
  const found = await open(values);
  expect(found.warnings).toEqual([
    expect.stringContaining("resources/persistentvolumeclaims/namespaces/demo/other.json"),
  ]);
  expect(found.volumes[0]?.volumeMode).toBe("Filesystem");
  values.resources.find("virtualmachines.kubevirt.io", "web-1").object = { kind: "VirtualMachine", spec: {} };
  await expect(open(values)).rejects.toThrow(VmfrError);
});

test("the tarball is read once, and PAX names are found", async () => {
  const pvcName = `a${"-long".repeat(40)}`;
  const values = planned(disk({ kind: "moved", manifestId }, { pvcName }));
  const store = new MemoryStore(encodeBackup(values));
  const catalog = new BackupCatalog(store);
  const backup = await catalog.backup("b1");
  const found = backup && (await catalog.vm(backup, vm));
  expect(found?.volumes[0]).toMatchObject({ pvcName, volumeMode: "Filesystem", location: { kind: "kopia" } });
  expect(store.requests.filter((request) => request === `GET ${TARBALL}`)).toHaveLength(1);
  expect(store.requests).toHaveLength(5);
});
