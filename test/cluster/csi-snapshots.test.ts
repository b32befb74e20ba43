/** Backups whose disks stay in CSI snapshots, and backups of both kinds together (D38). */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requireDebianPackages } from "../setup/debian-packages.ts";
import { tally } from "../setup/tally.ts";
import type { Cluster } from "./control-plane/cluster.ts";
import { vmfrImages } from "./node-double/vmfr-image.ts";
import { type FileRestore, FileRestores } from "./operator/file-restores.ts";
import { InstalledOperator } from "./operator/installed-operator.ts";
import { ServedFiles } from "./operator/served-files.ts";
import { SEED_VM, type SeededBackup, seedBackups } from "./seed/seed-backups.ts";
import { startVeleroCluster, type VeleroCluster } from "./velero/velero-cluster.ts";

const NAMESPACE = "velero";
const VM = { namespace: SEED_VM.namespace, name: SEED_VM.name };

let running: VeleroCluster;
let cluster: Cluster;
let backups: SeededBackup[];
let restores: FileRestores;
beforeAll(async () => {
  await requireDebianPackages("curl", "openssh-client");
  running = await startVeleroCluster(vmfrImages());
  const { node, velero } = running;
  cluster = running.cluster;
  restores = new FileRestores(cluster, await InstalledOperator.install(cluster, node, NAMESPACE));
  const inSnapshots = await seedBackups(cluster, node, velero, { backups: ["monday", "tuesday"], moveData: false });
  backups = [...inSnapshots, ...(await seedBackups(cluster, node, velero, { backups: ["moved"] }))];
});
afterAll(() => running?.stop());

const spec = (dataPath: string, ...selectedBackups: string[]) => ({
  dataPath,
  fileAccess: { ssh: {}, fileBrowser: {} },
  ...(selectedBackups.length > 0 && { selectedBackups }),
});

async function expectFilesOf(restored: FileRestore, ...names: string[]): Promise<void> {
  const served = await ServedFiles.of(cluster, restored);
  for (const { name, disks } of backups.filter((backup) => names.includes(backup.name))) {
    for (const [disk, { files }] of disks) {
      const file = await served.fetch("curl", `/backups/${name}/${disk}/etc/nginx/nginx.conf`);
      expect(readFileSync(file, "utf8")).toBe(files["etc/nginx/nginx.conf"]);
      tally("files fetched from restored CSI snapshots, alone and beside the bucket, equal to the source", 1);
    }
  }
}

/** `<backup>/<pvc>: <data path> <state>`, sorted. */
function disksOf({ status }: FileRestore): string[] {
  const of = (status.pvcRestores ?? []).flatMap(({ pvcName, restores: all = [] }) =>
    all.map(({ veleroBackupName, dataPath, state }) => `${veleroBackupName}/${pvcName}: ${dataPath} ${state}`),
  );
  return of.sort();
}

const snapshotContents = async () =>
  (await cluster.kubectl("get", "volumesnapshotcontents", "-l", "velero.io/restore-name", "-o", "name")).trim();

test("Velero restores two backups of the same PVCs from CSI snapshots, side by side as <pvc>-<backup>, and nothing of it stays", async () => {
  const before = await cluster.kubectl("get", "volumesnapshotcontents", "-o", "name");
  await restores.create("snapshots", VM, spec("Restore", "monday", "tuesday"));
  const restored = await restores.reach("Completed", "snapshots");
  expect(await restores.claimsOf(restored)).toEqual([
    "web-1-data-monday",
    "web-1-data-tuesday",
    "web-1-root-monday",
    "web-1-root-tuesday",
  ]);
  await expectFilesOf(restored, "monday", "tuesday");
  expect(await snapshotContents()).not.toBe("");
  await restores.expectNothingLeft(restored);
  await expect.poll(snapshotContents, { timeout: 60_000 }).toBe("");
  // What the backups themselves need is still there.
  expect(await cluster.kubectl("get", "volumesnapshotcontents", "-o", "name")).toBe(before);
});

test("dataPath Direct says of each disk in a CSI snapshot why it cannot be read, and serves the others", async () => {
  await restores.create("direct", VM, spec("Direct"));
  const restored = await restores.reach("PartiallyFailed", "direct");
  const entries = (restored.status.pvcRestores ?? []).flatMap(({ restores: all = [] }) => all);
  for (const { veleroBackupName, state, failureReason } of entries) {
    if (veleroBackupName === "moved") expect(state).toBe("available");
    else
      expect({ state, failureReason }).toEqual({
        state: "failed",
        failureReason: expect.stringMatching(
          /^Not in the bucket: its data is in a CSI snapshot of the storage system \(driver node-double\.vmfr\.test, /,
        ),
      });
  }
  expect(entries).toHaveLength(6);
  await expectFilesOf(restored, "moved");
  await restores.expectNothingLeft(restored);
});

test("dataPath Auto reads from the bucket what is there and has Velero restore the rest", async () => {
  await restores.create("mixed", VM, spec("Auto"));
  const restored = await restores.reach("Completed", "mixed");
  expect(disksOf(restored)).toEqual([
    "monday/web-1-data: Restore available",
    "monday/web-1-root: Restore available",
    "moved/web-1-data: Direct available",
    "moved/web-1-root: Direct available",
    "tuesday/web-1-data: Restore available",
    "tuesday/web-1-root: Restore available",
  ]);
  expect(await restores.veleroRestores()).toHaveLength(2);
  expect(await restores.claimsOf(restored)).not.toContain("web-1-root-moved");
  await expectFilesOf(restored, "monday", "tuesday", "moved");
  await restores.expectNothingLeft(restored);
});
