import { expect, test } from "vitest";
import type { PlannedVolume } from "../../test/setup/velero-objects/backup-plan.ts";
import { disk, manifestId, openPlanned, openVm, otherId, planned } from "../../test/setup/velero-objects/one-vm.ts";
import { type BackupValues, encodeBackup } from "../../test/setup/velero-objects/velero-backup.ts";

const locationIn = async (values: BackupValues) => (await openPlanned(values)).volumes[0]?.location;
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
    expect((await openVm(objects)).volumes[0]?.location).toMatchObject({
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
