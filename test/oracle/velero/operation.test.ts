import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { openBucketBackups } from "../../../src/restore-tree/bucket-backups.ts";
import { KopiaWorkspace, VELERO_PASSWORD } from "../../setup/kopia-workspace.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import type { PlannedVolume } from "../../setup/velero-objects/backup-plan.ts";
import { operationIdOf, uidOf } from "../../setup/velero-objects/identifiers.ts";
import { MemoryStore } from "../../setup/velero-objects/memory-store.ts";
import { encodeBackup, planBackup } from "../../setup/velero-objects/velero-backup.ts";

const vm = { namespace: "demo", name: "web-1" };

/** A bucket with two snapshots of `root` in a real repository, of which one is the backup's. */
async function makeBucket(volume: Omit<PlannedVolume, "data">): Promise<{ store: MemoryStore; image: Buffer }> {
  const scratch = scratchDirectory();
  const kopia = await KopiaWorkspace.create(path.join(scratch, "kopia"));
  const source = KopiaWorkspace.sourceOf(vm.namespace, volume.pvcName);
  const volumeFolder = path.join(scratch, "volume");
  mkdirSync(volumeFolder);
  const image = randomBytes(64 * 1024);
  const operationId = operationIdOf(uidOf("backup", "b1"), uidOf("pvc", vm.namespace, volume.pvcName));
  let manifestId = "";
  for (const [content, id] of [
    [randomBytes(4096), "du-of-another-backup"],
    [image, operationId],
  ] as const) {
    writeFileSync(path.join(volumeFolder, "disk.img"), content);
    const tags = ["--tags", `velero.io/async-operation-id:${id}`];
    manifestId = (await kopia.snapshotDirectory(volumeFolder, source, tags)).id;
  }
  const repository = path.join(scratch, "bucket");
  kopia.copyAsBucket(repository);
  const blobs = readdirSync(repository).map((blob) => {
    return [`kopia/${vm.namespace}/${blob}`, readFileSync(path.join(repository, blob))] as const;
  });
  const values = planBackup({
    name: "b1",
    createdAt: "2026-11-16T02:00:00Z",
    vms: [{ ...vm, volumes: [{ ...volume, data: { kind: "moved", manifestId } }] }],
  });
  return { store: new MemoryStore(encodeBackup(values), encodeWithoutLists(values), blobs), image };
}

/** The same backup as `b2`, without the volume list and the DataUploads: only the operations are left. */
function encodeWithoutLists(values: ReturnType<typeof planBackup>): Map<string, Buffer> {
  const description = JSON.parse(JSON.stringify(values.description)) as { metadata: { name: string } };
  description.metadata.name = "b2";
  values.resources.remove("datauploads.velero.io", "b1-root");
  return encodeBackup({ ...values, name: "b2", description: { ...description }, volumeInfo: null });
}

test("a backup that lost its lists of volumes is read by its upload's operation", async () => {
  const { store, image } = await makeBucket({ pvcName: "root" });
  const bucket = await openBucketBackups({ store, vm, repositoryPassword: VELERO_PASSWORD });
  expect(bucket.backups.map(({ name }) => name)).toEqual(["b2", "b1"]);
  for (const backup of bucket.backups) {
    const disk = await backup.disks[0]?.open();
    expect(image.equals((await disk?.source.read(0, image.length)) ?? Buffer.alloc(0)), backup.name).toBe(true);
    await disk?.close();
  }
  await bucket.close();
});

test("a snapshot of files for a volume that is a device is refused, not served as its bytes", async () => {
  const { store } = await makeBucket({ pvcName: "root", mode: "Block" });
  const bucket = await openBucketBackups({ store, vm, repositoryPassword: VELERO_PASSWORD });
  await expect(bucket.backups[0]?.disks[0]?.open()).rejects.toThrow("files in the snapshot of the Block volume root");
  await bucket.close();
});
