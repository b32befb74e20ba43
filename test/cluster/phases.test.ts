/** Every phase and every state of a disk that the manual lists, each by what leads to it in a cluster. */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { VirtualMachineBackupsDiscoveryStatus as DiscoveryStatus } from "../../src/operator/api/v1alpha1/virtual-machine-backups-discovery.ts";
import { requireDebianPackages } from "../setup/debian-packages.ts";
import { tally } from "../setup/tally.ts";
import { controlPlaneBinaries } from "./control-plane/binaries.ts";
import type { Cluster } from "./control-plane/cluster.ts";
import { vmfrImages } from "./node-double/vmfr-image.ts";
import { FaultProxy } from "./operator/fault-proxy.ts";
import { type FileRestore, FileRestores, type Shown } from "./operator/file-restores.ts";
import { InstalledOperator } from "./operator/installed-operator.ts";
import { OperatorProcess } from "./operator/operator-process.ts";
import { ServedFiles } from "./operator/served-files.ts";
import { seedBackups } from "./seed/seed-backups.ts";
import type { SeedVm } from "./seed/virtual-machine.ts";
import { startVeleroCluster, type VeleroCluster } from "./velero/velero-cluster.ts";

const NAMESPACE = "velero";
const MEBIBYTE = 1024 * 1024;
const DISK = "web-root";
const VM: SeedVm = {
  namespace: "shop",
  name: "web",
  disks: [{ name: DISK, mode: "Block", bytes: 24 * MEBIBYTE }],
};
const PVC_LABEL = "velero.kubevirt.io/pvc-uid";
const bothWays = { fileAccess: { ssh: {}, fileBrowser: {} } };

let running: VeleroCluster;
let cluster: Cluster;
let proxy: FaultProxy;
let operator: OperatorProcess;
let restores: FileRestores;
/** Kopia's packs of the disk as it is in that backup alone. */
let blobsOfTorn: string[];
beforeAll(async () => {
  await requireDebianPackages("curl", "openssh-client");
  running = await startVeleroCluster(vmfrImages());
  cluster = running.cluster;
  const { node, velero } = running;
  await InstalledOperator.applyManifests(cluster, NAMESPACE, 0);
  const seed = (...backups: string[]) => seedBackups(cluster, node, velero, { vms: [VM], backups });
  await seed("good", "missing", "deleted");
  const before = new Set(dataBlobs());
  await seed("torn");
  blobsOfTorn = dataBlobs().filter((blob) => !before.has(blob));
  const backUp = (name: string) =>
    velero.backUp(name, `--include-namespaces=${VM.namespace}`, "--snapshot-move-data=true");
  const garbage = path.join(cluster.directory, "garbage.img");
  writeFileSync(garbage, randomBytes(VM.disks[0]?.bytes ?? 0));
  await node.writeDisk(VM.namespace, DISK, garbage);
  await backUp("garbled");
  await cluster.kubectl("-n", VM.namespace, "label", `pvc/${DISK}`, `${PVC_LABEL}-`);
  await backUp("unlabelled");
  proxy = await FaultProxy.start(cluster, 1);
  operator = await OperatorProcess.prepare(cluster, NAMESPACE, proxy);
  restores = new FileRestores(cluster, operator);
  operator.start();
});
afterAll(async () => {
  await proxy?.close();
  await running?.stop();
});

/** Files of the bucket with the contents of files, as Kopia names them. */
function dataBlobs(): string[] {
  const { directory } = running.bucket;
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" });
  return names.filter((name) => /^kopia\/.*\/p[^/]*$/.test(name)).map((name) => path.join(directory, name));
}

/** On a machine that is busy with other things. */
const UNTIL_KUBECTL_WATCHES_MS = 6_000;

/** Begins to write down what `resource` goes through. @returns all that was seen so far, without repetitions */
async function observe(resource: string, field: string): Promise<() => string[]> {
  const name = `watch-${resource.replace("/", "-")}-${crypto.randomUUID().slice(0, 8)}`;
  const { kubectl } = await controlPlaneBinaries();
  const [kind = "", object = ""] = resource.split("/");
  const watch = cluster.run({
    name,
    command: kubectl,
    args: [
      ...["--kubeconfig", cluster.kubeconfigFile, "-n", NAMESPACE, "get", kind, "--watch"],
      ...["--field-selector", `metadata.name=${object}`, "-o", `jsonpath={${field}}{"\\n"}`],
    ],
  });
  // Of what is not there yet kubectl says nothing, not even that it watches.
  await sleep(UNTIL_KUBECTL_WATCHES_MS);
  return () => [
    ...new Set(
      readFileSync(watch.logFile, "utf8")
        .split(/\s+/)
        .filter((line) => line !== ""),
    ),
  ];
}

/** `backup state` of each entry. */
function statesOf({ status }: FileRestore): string[] {
  const entries = (status.pvcRestores ?? []).flatMap(({ restores: of = [] }) => of);
  return entries.map(({ veleroBackupName, state }) => `${veleroBackupName} ${state}`).sort();
}

function reasonOf({ status }: FileRestore, backup: string): string {
  const entries = (status.pvcRestores ?? []).flatMap(({ restores: of = [] }) => of);
  return entries.find(({ veleroBackupName }) => veleroBackupName === backup)?.failureReason ?? "";
}

function conditionOf({ status }: Shown<Pick<DiscoveryStatus, "conditions">>, type: string) {
  return (status.conditions ?? []).find((condition) => condition.type === type);
}

async function expectGoodIsServed(restored: FileRestore): Promise<void> {
  const files = await ServedFiles.of(cluster, restored);
  expect(await files.curl(`/files/backups/good/${DISK}/etc/hostname`)).toBe(`${DISK}\n`);
}

test("VMBD phases New, InProgress, Completed: a discovery in which every candidate can be judged", async () => {
  const seen = await observe("vmbd/all", ".status.phase");
  await restores.discover("all", VM);
  const found = await restores.waitFor<DiscoveryStatus>("vmbd/all", "Completed");
  expect(found.status.validBackups?.map(({ name }) => name).sort()).toEqual([
    ...["deleted", "garbled", "good", "missing", "torn", "unlabelled"],
  ]);
  await expect.poll(seen).toEqual(["New", "InProgress", "Completed"]);
  tally("phases and states reached in a cluster", 3);
});

test("VMFR phases New, InProgress, Completed, Deleting; PVC states processing and available", async () => {
  const phases = await observe("vmfr/whole", ".status.phase");
  const states = await observe("vmfr/whole", ".status.pvcRestores[*].restores[*].state");
  await restores.restore("whole", "all", { ...bothWays, selectedBackups: ["good"] });
  const restored = await restores.reach("Completed", "whole");
  expect(conditionOf(restored, "Ready")).toMatchObject({ status: "True", reason: "Completed" });
  await expectGoodIsServed(restored);
  await restores.kubectl("delete", "vmfr/whole", "--timeout=120s");
  await expect.poll(phases).toEqual(["New", "InProgress", "Completed", "Deleting"]);
  expect(states()).toEqual(["processing", "available"]);
  tally("phases and states reached in a cluster", 6);
});

test("PVC state unsupported-plugin: a backup without the label that the KubeVirt plugin puts on PVCs; VMFR phase Failed when there is nothing else", async () => {
  await restores.restore("unlabelled", "all", { selectedBackups: ["unlabelled"] });
  const restored = await restores.reach("Failed", "unlabelled");
  expect(statesOf(restored)).toEqual(["unlabelled unsupported-plugin"]);
  expect(reasonOf(restored, "unlabelled")).toContain(`PVC missing required label '${PVC_LABEL}'`);
  expect(conditionOf(restored, "Degraded")).toMatchObject({ status: "True", reason: "CriticalFailure" });
  await restores.kubectl("delete", "vmfr/unlabelled");
  tally("phases and states reached in a cluster", 2);
});

test("PVC states extraction-failed, failed, unsupported-plugin, backup-missing, backup-deleted, each with its reason; VMFR phase PartiallyFailed: the good part is served", async () => {
  await operator.kill();
  proxy.silenced = "backups";
  operator.start();
  // Once it has results the operator knows the Backups as they are; what happens to them from now on it does not hear.
  await restores.discover("before", VM);
  await restores.waitFor("vmbd/before", "Completed");
  const folder = path.join(running.bucket.directory, "backups");
  rmSync(path.join(folder, "missing/missing.tar.gz"));
  // Without its files first: Velero makes Backups of what it finds in the bucket.
  rmSync(path.join(folder, "deleted"), { recursive: true });
  await restores.kubectl("delete", "backup.velero.io/deleted", "--ignore-not-found", "--timeout=60s");
  expect(blobsOfTorn.length).toBeGreaterThan(0);
  for (const blob of blobsOfTorn) rmSync(blob);
  await restores.restore("partial", "before", bothWays);
  const restored = await restores.reach("PartiallyFailed", "partial");
  expect(statesOf(restored)).toEqual([
    "deleted backup-deleted",
    "garbled extraction-failed",
    "good available",
    "missing backup-missing",
    "torn failed",
    "unlabelled unsupported-plugin",
  ]);
  expect(reasonOf(restored, "deleted")).toContain("BackupNotFound");
  expect(reasonOf(restored, "garbled")).not.toBe("");
  expect(reasonOf(restored, "missing")).toContain("missing.tar.gz");
  expect(reasonOf(restored, "torn")).toMatch(/^DataDownload .* is Failed: /);
  expect(reasonOf(restored, "unlabelled")).toContain("UnsupportedBackupFormat");
  expect(conditionOf(restored, "Degraded")).toMatchObject({ status: "True", reason: "PartialFailure" });
  expect(conditionOf(restored, "Available")).toMatchObject({ status: "True", reason: "PartialAvailability" });
  await expectGoodIsServed(restored);
  await restores.kubectl("delete", "vmfr/partial", "--timeout=120s");
  tally("phases and states reached in a cluster", 6);
});

test("VMBD phases PartiallyFailed and Failed: a candidate that cannot be judged; a day that does not exist", async () => {
  const { faults } = running.bucket.server;
  faults.forbidden = "torn";
  await restores.discover("some", VM, { requestedBackups: ["good", "torn"] });
  const some = await restores.waitFor<DiscoveryStatus>("vmbd/some", "PartiallyFailed");
  delete faults.forbidden;
  expect(some.status.discoveryStats).toMatchObject({ completed: 1, failed: 1 });
  expect(some.status.validBackups?.map(({ name }) => name)).toEqual(["good"]);
  expect(conditionOf(some, "Degraded")).toMatchObject({ status: "True", reason: "ChecksFailed" });
  await restores.discover("never", VM, { startTime: "2026-02-30" });
  const never = await restores.waitFor<DiscoveryStatus>("vmbd/never", "Failed");
  expect(conditionOf(never, "Ready")).toMatchObject({ status: "False", reason: "InvalidSpec" });
  tally("phases and states reached in a cluster", 2);
});
