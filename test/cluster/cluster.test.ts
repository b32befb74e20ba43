/** What the other tests of this folder stand on: a real Velero that backs VMs up and restores them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { tally } from "../setup/tally.ts";
import { sha256Of } from "./seed/guest-image.ts";
import { SEED_VM, type SeededBackup, seedBackups } from "./seed/seed-backups.ts";
import { startVeleroCluster, type VeleroCluster } from "./velero/velero-cluster.ts";

let started: VeleroCluster;
let backups: SeededBackup[];
beforeAll(async () => {
  started = await startVeleroCluster();
  const { cluster, node, velero } = started;
  backups = await seedBackups(cluster, node, velero, { backups: ["monday", "tuesday"] });
});
afterAll(() => started?.stop());

test("Velero's node agent moved every disk into the bucket's Kopia repository", async () => {
  const uploads = await started.cluster.api.list<{ status: { phase: string; snapshotID: string } }>(
    "/apis/velero.io/v2alpha1/namespaces/velero/datauploads",
  );
  expect(uploads.map(({ status }) => status.phase)).toEqual(Array(4).fill("Completed"));
  expect(new Set(uploads.map(({ status }) => status.snapshotID)).size).toBe(4);
});

test("a restored PVC has the bytes its disk had when it was backed up, in both volume modes", async () => {
  const { cluster, node, velero } = started;
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
