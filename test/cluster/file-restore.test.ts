/** The whole way of a user: discover, restore, fetch, delete; on a real API server with a real Velero. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requireDebianPackages } from "../setup/debian-packages.ts";
import { tally } from "../setup/tally.ts";
import type { Cluster } from "./control-plane/cluster.ts";
import { vmfrImages } from "./node-double/vmfr-image.ts";
import { type FileRestore, FileRestores, namespaceOf, PATIENCE_MS } from "./operator/file-restores.ts";
import { InstalledOperator } from "./operator/installed-operator.ts";
import { CLIENTS, type Client, ServedFiles } from "./operator/served-files.ts";
import { SEED_VM, type SeededBackup, seedBackups } from "./seed/seed-backups.ts";
import { startVeleroCluster, type VeleroCluster } from "./velero/velero-cluster.ts";

const NAMESPACE = "velero";

let running: VeleroCluster;
let cluster: Cluster;
let backups: SeededBackup[];
let operator: InstalledOperator;
let restores: FileRestores;
beforeAll(async () => {
  await requireDebianPackages("curl", "openssh-client", "rsync");
  running = await startVeleroCluster(vmfrImages());
  const { node, velero } = running;
  cluster = running.cluster;
  operator = await InstalledOperator.install(cluster, node, NAMESPACE);
  restores = new FileRestores(cluster, operator);
  const names = ["monday", "tuesday", "wednesday", "thursday", "friday"];
  backups = await seedBackups(cluster, node, velero, { backups: names });
});
afterAll(() => running?.stop());

/** Fetches one file of each disk of each backup by each client, from the pod's own ports. */
async function fetchEverything(restored: FileRestore, clients: readonly Client[] = CLIENTS): Promise<void> {
  const files = await ServedFiles.of(cluster, restored);
  for (const { name: backup, disks } of backups) {
    for (const [disk, seeded] of disks) {
      const file = "etc/nginx/nginx.conf";
      const fetched = clients.map((client) => files.fetch(client, `/backups/${backup}/${disk}/${file}`));
      for (const copy of await Promise.all(fetched)) expect(readFileSync(copy, "utf8")).toBe(seeded.files[file]);
      tally("files fetched from file-serving pods equal to the source", clients.length);
    }
  }
}

const bothWays = { fileAccess: { ssh: {}, fileBrowser: {} } };

test("a discovery and a restore applied in the same second serve five backups of both volume modes to every client", async () => {
  await restores.create("restored", SEED_VM, bothWays);
  const restored = await restores.reach("Completed", "restored");
  expect(await restores.claimsOf(restored)).toEqual(
    backups.flatMap(({ name, disks }) => [...disks.keys()].map((disk) => `${disk}-${name}`)).sort(),
  );
  expect(await restores.veleroRestores()).toHaveLength(backups.length);
  await fetchEverything(restored);
});

test("an edit from Restore to Direct takes the PVCs away again", async () => {
  await restores.kubectl("patch", "vmfr/restored", "--type=merge", "--patch", '{"spec":{"dataPath":"Direct"}}');
  const shown = "jsonpath={.status.pvcRestores[*].restores[*].dataPath}";
  const paths = async () => new Set((await restores.kubectl("get", "vmfr/restored", "-o", shown)).split(" "));
  await expect.poll(paths, { timeout: PATIENCE_MS }).toEqual(new Set(["Direct"]));
  const direct = await restores.reach("Completed", "restored");
  await expect.poll(() => restores.claimsOf(direct), { timeout: 60_000 }).toEqual([]);
  await fetchEverything(direct, ["curl"]);
  await restores.expectNothingLeft(direct);
});

test("dataPath Direct serves every backup without a PVC or a Velero Restore, and leaves nothing behind", async () => {
  await restores.create("direct", SEED_VM, { ...bothWays, dataPath: "Direct" });
  const restored = await restores.reach("Completed", "direct");
  expect(await restores.claimsOf(restored)).toEqual([]);
  expect(await restores.veleroRestores()).toEqual([]);
  await fetchEverything(restored);
  await restores.expectNothingLeft(restored);
});

test("kubectl get prints the documented columns", async () => {
  await restores.create("columns", SEED_VM, { dataPath: "Direct", selectedBackups: ["tuesday"] });
  const restored = await restores.reach("Completed", "columns");
  const table = await restores.kubectl("get", "vmbd/columns", "vmfr/columns");
  expect(table).toMatch(/^NAME +VM +VMNS +PHASE +VALID +INVALID +FAILED$/m);
  expect(table).toMatch(/columns +web-1 +guests +Completed +5 +0 +0$/m);
  expect(table).toMatch(/^NAME +PHASE +DISCOVERY +POD-NS +POD$/m);
  expect(table).toContain(`Completed   columns     ${namespaceOf(restored)}   columns-fileserver`);
  await restores.expectNothingLeft(restored);
});

test("nobody gets by way of the operator what he may not have himself (S4)", async () => {
  const namespace = ["--namespace", NAMESPACE];
  await restores.kubectl("create", "rolebinding", "alice", "--clusterrole=oadp-vm-file-restore-edit", "--user=alice");
  const createAs = (kind: string, spec: object): Promise<string> => {
    const file = path.join(cluster.directory, "as-alice.json");
    const metadata = { name: "of-alice", namespace: NAMESPACE };
    writeFileSync(file, JSON.stringify({ apiVersion: "oadp.openshift.io/v1alpha1", kind, metadata, spec }));
    return cluster.kubectl(...namespace, "--as=alice", "create", "--dry-run=server", "--filename", file);
  };
  const restore = (spec: object) => createAs("VirtualMachineFileRestore", { backupsDiscoveryRef: "direct", ...spec });
  const secretRef = { credentialsSecretRef: { name: "cloud-credentials" } };
  await expect(restore({ fileAccess: { ssh: secretRef } })).rejects.toThrow(
    "you may not read Secret velero/cloud-credentials",
  );
  await expect(restore({ fileAccess: { fileBrowser: secretRef } })).rejects.toThrow("you may not read Secret");
  await expect(restore({ restoreNamespace: "kube-system" })).rejects.toThrow(
    "you may not create pods in namespace kube-system",
  );
  await expect(restore({ fileAccess: { ssh: {} } })).resolves.toContain("of-alice");
  const vm = { virtualMachineName: SEED_VM.name, virtualMachineNamespace: SEED_VM.namespace };
  const discover = () => createAs("VirtualMachineBackupsDiscovery", vm);
  await expect(discover()).rejects.toThrow("you may not get VirtualMachine guests/web-1");
  await cluster.kubectl("create", "clusterrole", "vm-viewer", "--verb=get", "--resource=virtualmachines.kubevirt.io");
  await cluster.kubectl(
    "-n",
    SEED_VM.namespace,
    "create",
    "rolebinding",
    "alice",
    "--clusterrole=vm-viewer",
    "--user=alice",
  );
  await expect.poll(discover, { timeout: 20_000 }).toContain("of-alice");
});

test("a temporary namespace goes although its restore lost its finalizers (D25); one that merely carries our labels stays (D26)", async () => {
  await restores.create("lost", SEED_VM, { dataPath: "Direct", selectedBackups: ["monday"] });
  const lost = namespaceOf(await restores.reach("Completed", "lost"));
  const { metadata } = await cluster.api.get(`/api/v1/namespaces/${lost}`);
  const { labels, annotations } = metadata;
  await cluster.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "payroll", labels, annotations } });
  const deployment = "deployment/oadp-vm-file-restore-controller-manager";
  await restores.kubectl("scale", deployment, "--replicas=0");
  await expect.poll(() => operator.podNames(), { timeout: 60_000 }).toEqual([]);
  await restores.kubectl("patch", "vmfr/lost", "--type=merge", "--patch", '{"metadata":{"finalizers":null}}');
  await restores.kubectl("delete", "vmfr/lost", "--timeout=60s");
  await restores.kubectl("scale", deployment, "--replicas=1");
  await cluster.kubectl("wait", "--for=delete", `namespace/${lost}`, "--timeout=180s");
  const phase = () => cluster.kubectl("get", "namespace", "payroll", "-o", "jsonpath={.status.phase}");
  expect(await phase()).toBe("Active");
  await restores.kubectl("delete", "vmbd/lost");
  await cluster.kubectl("delete", "namespace", "payroll", "--timeout=60s");
});
