import { expect, test } from "vitest";
import { ConfigError, CorruptDataError, SourceError } from "../../errors.ts";
import type { BackedUpVm, BackedUpVolume } from "../../velero/backed-up-vm.ts";
import type { VolumeLocation } from "../../velero/volume-location.ts";
import { type BackupInspector, type DataPath, planDisks } from "./plan-disks.ts";

const vm = { namespace: "guests", name: "web-1" };
const signal = new AbortController().signal;
const info = (name: string) => ({ name, namespace: "adp", createdAt: "2026-11-01T00:00:00Z" });
const inBucket: VolumeLocation = {
  kind: "kopia",
  repository: "kopia/guests/",
  snapshot: { manifestId: "0".repeat(32) },
  method: "data-mover",
};
const inSnapshot: VolumeLocation = { kind: "unreadable", cause: "csi-snapshot", reason: "it is in a CSI snapshot" };
const nowhere: VolumeLocation = { kind: "unreadable", cause: "no-data", reason: "nothing was uploaded" };

function volume(pvcName: string, location: VolumeLocation, more: Partial<BackedUpVolume> = {}): BackedUpVolume {
  const uid = `uid-${pvcName}`;
  return { pvcName, pvcUid: uid, pvcUidLabel: uid, volumeName: pvcName, hotplugged: false, location, ...more };
}

function inspector(
  backups: Record<string, readonly BackedUpVolume[] | Error | "deleted" | "without VM">,
  unavailability?: string,
) {
  const contents = (name: string) => backups[name] ?? "deleted";
  const found: BackupInspector = {
    async find({ name }) {
      if (contents(name) === "deleted") return undefined;
      const metadata = { name, uid: name, resourceVersion: "1" };
      return { apiVersion: "velero.io/v1", kind: "Backup", metadata };
    },
    unavailability: () => Promise.resolve(unavailability),
    async vm(backup) {
      const volumes = contents(backup.metadata.name);
      if (volumes instanceof Error) throw volumes;
      if (typeof volumes === "string") return undefined;
      return { volumes, withoutDisk: [], consistency: { state: "vm-off", detail: "" }, warnings: [] } as BackedUpVm;
    },
  };
  return found;
}

const plan = (found: BackupInspector, names: string[], path: DataPath = "Restore") =>
  planDisks(found, vm, names.map(info), path, signal);

test("the same PVC of many backups is grouped, newest first, in the order of the VM's disks", async () => {
  const disks = [volume("root", inBucket), volume("data", inBucket)];
  const planned = await plan(inspector({ new: disks, old: disks }), ["new", "old"]);
  expect(planned.map(({ pvcName, restores }) => [pvcName, restores?.map((entry) => entry.veleroBackupName)])).toEqual([
    ["root", ["new", "old"]],
    ["data", ["new", "old"]],
  ]);
  expect(planned[0]?.restores?.[0]).toMatchObject({ state: "processing", dataPath: "Restore" });
});

test("a backup that cannot be used is an entry of its own and hides no other (D6)", async () => {
  const place = { format: "velero", structure: "x.tar.gz" };
  const planned = await plan(
    inspector({
      good: [volume("root", inBucket)],
      empty: "without VM",
      damaged: new CorruptDataError(place, "is not gzip"),
      missing: new CorruptDataError(place, "is missing from the bucket"),
    }),
    ["good", "gone", "empty", "damaged", "missing"],
  );
  const states = planned.map(({ pvcName, restores }) => [
    pvcName,
    restores?.[0]?.veleroBackupName,
    restores?.[0]?.state,
  ]);
  expect(states).toEqual([
    ["root", "good", "processing"],
    ["backup-level-failure", "gone", "backup-deleted"],
    ["backup-level-failure", "empty", "backup-missing"],
    ["backup-level-failure", "damaged", "extraction-failed"],
    ["backup-level-failure", "missing", "backup-missing"],
  ]);
});

test("what may pass is thrown, to be tried again (D34)", async () => {
  const busy = inspector({ a: new SourceError("503", { retryable: true }) });
  await expect(plan(busy, ["a"])).rejects.toThrow("503");
});

test.each<[string, Partial<BackedUpVolume>, string]>([
  ["without the plugin's label", { pvcUidLabel: undefined as never }, "missing required label"],
  ["with another PVC's label", { pvcUidLabel: "other" }, "label mismatch"],
])("a PVC %s cannot be restored alone, but read from the bucket", async (_what, more, reason) => {
  const { pvcUidLabel, ...rest } = volume("root", inBucket);
  const label = more.pvcUidLabel === undefined ? {} : { pvcUidLabel: more.pvcUidLabel };
  const found = inspector({ a: [{ ...rest, ...label }] });
  expect(pvcUidLabel).toBeDefined();
  const [restored] = await plan(found, ["a"]);
  expect(restored?.restores?.[0]).toMatchObject({
    state: "unsupported-plugin",
    failureReason: expect.stringContaining(reason),
  });
  const [direct] = await plan(found, ["a"], "Direct");
  expect(direct?.restores?.[0]).toMatchObject({ state: "processing", dataPath: "Direct" });
});

test("a disk without data is never restored: Velero would make an empty one, and zeros would be served", async () => {
  const [planned] = await plan(inspector({ a: [volume("root", nowhere)] }), ["a"]);
  expect(planned?.restores?.[0]).toMatchObject({ state: "failed", failureReason: expect.stringContaining("no data") });
});

test("Auto reads from the bucket where all disks of a backup are there, and has Velero restore the others", async () => {
  const planned = await plan(
    inspector({
      moved: [volume("root", inBucket), volume("data", inBucket)],
      mixed: [volume("root", inBucket), volume("data", inSnapshot)],
    }),
    ["moved", "mixed"],
    "Auto",
  );
  expect(planned.map(({ restores }) => restores?.map(({ dataPath }) => dataPath))).toEqual([
    ["Direct", "Restore"],
    ["Direct", "Restore"],
  ]);
});

test("a location that Velero too cannot reach fails only its own backups; a passing trouble is tried again", async () => {
  const backups = { good: [volume("root", inBucket)], lost: new SourceError("no route to host", { retryable: true }) };
  const planned = await plan(inspector(backups, "the bucket does not answer"), ["good", "lost"], "Direct");
  expect(planned.flatMap(({ restores }) => restores ?? [])).toMatchObject([
    { veleroBackupName: "good", state: "processing", storageLocation: "default" },
    {
      veleroBackupName: "lost",
      state: "backup-missing",
      failureReason: "BackupFilesMissing: BackupStorageLocation default is Unavailable: the bucket does not answer",
    },
  ]);
  await expect(plan(inspector(backups), ["good", "lost"], "Direct")).rejects.toThrow("no route to host");
});

test("a location that is gone fails only its own backups", async () => {
  const backups = { good: [volume("root", inBucket)], lost: new ConfigError("there is no BackupStorageLocation old") };
  const planned = await plan(inspector(backups), ["good", "lost"], "Auto");
  expect(planned.flatMap(({ restores }) => restores ?? [])).toMatchObject([
    { veleroBackupName: "good", state: "processing", dataPath: "Direct" },
    { veleroBackupName: "lost", state: "backup-missing", failureReason: expect.stringContaining("Location old") },
  ]);
});
