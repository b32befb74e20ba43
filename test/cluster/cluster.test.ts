/** What the other tests of this folder stand on: a real Velero that backs VMs up and restores them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { tally } from "../setup/tally.ts";
import { type Cluster, startCluster } from "./control-plane/cluster.ts";
import { installCrds } from "./crds/install-crds.ts";
import { NodeDouble } from "./node-double/node-double.ts";
import { sha256Of } from "./seed/guest-image.ts";
import { SEED_VM, type SeededBackup, seedBackups } from "./seed/seed-backups.ts";
import { type Bucket, startBucket, Velero } from "./velero/velero.ts";
import { veleroImages } from "./velero/velero-images.ts";

let cluster: Cluster;
let node: NodeDouble;
let bucket: Bucket;
let velero: Velero;
let backups: SeededBackup[];
beforeAll(async () => {
  cluster = await startCluster();
  await installCrds(cluster);
  node = await NodeDouble.start(cluster, await veleroImages());
  bucket = await startBucket(cluster);
  velero = await Velero.install(cluster, node, bucket.server);
  backups = await seedBackups(cluster, node, velero, { backups: ["monday", "tuesday"] });
});
afterAll(async () => {
  await node?.stop();
  await bucket?.server.close();
  await cluster?.stop();
});

test("Velero's node agent moved every disk into the bucket's Kopia repository", async () => {
  const uploads = await cluster.api.list<{ status: { phase: string; snapshotID: string } }>(
    "/apis/velero.io/v2alpha1/namespaces/velero/datauploads",
  );
  expect(uploads.map(({ status }) => status.phase)).toEqual(Array(4).fill("Completed"));
  expect(new Set(uploads.map(({ status }) => status.snapshotID)).size).toBe(4);
});

test("a restored PVC has the bytes its disk had when it was backed up, in both volume modes", async () => {
  for (const { name, disks } of backups) {
    const target = `restored-${name}`;
    await velero.restore(
      target,
      name,
      "--include-resources=persistentvolumeclaims,volumesnapshots,datauploads",
      `--namespace-mappings=${SEED_VM.namespace}:${target}`,
    );
    for (const [claim, { sha256 }] of disks) {
      expect(await sha256Of(await node.diskOf(target, claim))).toBe(sha256);
      tally("disks restored by Velero equal to the source", 1);
    }
  }
  const downloads = await cluster.api.list<{ status: { phase: string } }>(
    "/apis/velero.io/v2alpha1/namespaces/velero/datadownloads",
  );
  expect(downloads.map(({ status }) => status.phase)).toEqual(Array(4).fill("Completed"));
});
