/** The whole way of a user: discover, restore, fetch, delete; on a real API server with a real Velero. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requireDebianPackages } from "../setup/debian-packages.ts";
import { runTool } from "../setup/run-tool.ts";
import { tally } from "../setup/tally.ts";
import type { Cluster } from "./control-plane/cluster.ts";
import { vmfrImages } from "./node-double/vmfr-image.ts";
import { InstalledOperator } from "./operator/installed-operator.ts";
import { SEED_VM, type SeededBackup, seedBackups } from "./seed/seed-backups.ts";
import { startVeleroCluster, type VeleroCluster } from "./velero/velero-cluster.ts";

const NAMESPACE = "velero";
const PATIENCE_MS = 240_000;

let running: VeleroCluster;
let cluster: Cluster;
let backups: SeededBackup[];
let operator: InstalledOperator;
beforeAll(async () => {
  await requireDebianPackages("curl", "openssh-client", "rsync");
  running = await startVeleroCluster(vmfrImages());
  const { node, velero } = running;
  cluster = running.cluster;
  operator = await InstalledOperator.install(cluster, node, NAMESPACE);
  backups = await seedBackups(cluster, node, velero, { backups: ["monday", "tuesday"] });
});
afterAll(() => running?.stop());

const kubectl = (...args: string[]) => cluster.kubectl("--namespace", NAMESPACE, ...args);

interface Restored {
  readonly status: {
    phase: string;
    conditions: { type: string; status: string; message: string }[];
    createdNamespace: string;
    fileServingInfo: {
      podName: string;
      ssh?: { credentialsSecretRef: { name: string }; hostKeyFingerprint: string };
      fileBrowser?: { credentialsSecretRef: { name: string }; certificateAuthority: string; clusterAccess: string };
    };
    pvcRestores: { pvcName: string; restores: { veleroBackupName: string; state: string; failureReason?: string }[] }[];
  };
}

async function create(name: string, spec: object): Promise<void> {
  const vm = { virtualMachineName: SEED_VM.name, virtualMachineNamespace: SEED_VM.namespace };
  const apiVersion = "oadp.openshift.io/v1alpha1";
  const metadata = { name, namespace: NAMESPACE };
  await cluster.apply(
    { apiVersion, kind: "VirtualMachineBackupsDiscovery", metadata, spec: vm },
    { apiVersion, kind: "VirtualMachineFileRestore", metadata, spec: { backupsDiscoveryRef: name, ...spec } },
  );
}

async function restoreIn(phase: string, name: string): Promise<Restored> {
  try {
    await kubectl("wait", `--for=jsonpath={.status.phase}=${phase}`, `vmfr/${name}`, `--timeout=${PATIENCE_MS}ms`);
  } catch (error) {
    const state = await kubectl("get", `vmfr/${name}`, `vmbd/${name}`, "-o", "yaml");
    throw new Error(`${name} is not ${phase}: ${state}\n${await operator.log()}`, { cause: error });
  }
  return JSON.parse(await kubectl("get", `vmfr/${name}`, "-o", "json")) as Restored;
}

async function secretOf(namespace: string, name: string): Promise<Record<string, string>> {
  const { data } = JSON.parse(await cluster.kubectl("-n", namespace, "get", "secret", name, "-o", "json")) as {
    data: Record<string, string>;
  };
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")]),
  );
}

/** Fetches one file of each disk of each backup by every client, from the pod's own ports. */
async function fetchEverything({ status }: Restored): Promise<void> {
  const { createdNamespace: namespace, fileServingInfo: info } = status;
  const ip = await cluster.kubectl("-n", namespace, "get", "pod", info.podName, "-o", "jsonpath={.status.podIP}");
  const scratch = path.join(cluster.directory, `fetched-${namespace}`);
  await runTool("mkdir", ["-p", scratch]);
  const web = await secretOf(namespace, info.fileBrowser?.credentialsSecretRef.name ?? "");
  const ssh = await secretOf(namespace, info.ssh?.credentialsSecretRef.name ?? "");
  writeFileSync(path.join(scratch, "ca.crt"), info.fileBrowser?.certificateAuthority ?? "");
  writeFileSync(path.join(scratch, "id"), ssh["privateKey"] ?? "", { mode: 0o600 });
  const host = new URL(info.fileBrowser?.clusterAccess ?? "").hostname;
  const sshOptions = [
    ...["-i", path.join(scratch, "id"), "-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes"],
    ...["-o", `UserKnownHostsFile=${path.join(scratch, "known_hosts")}`],
  ];
  for (const { name: backup, disks } of backups) {
    for (const [disk, { files }] of disks) {
      const wanted = files["etc/nginx/nginx.conf"];
      const file = `/backups/${backup}/${disk}/etc/nginx/nginx.conf`;
      const target = (client: string) => path.join(scratch, `${client}-${backup}-${disk}`);
      await runTool("curl", [
        ...["-sSf", "--cacert", path.join(scratch, "ca.crt"), "--connect-to", `${host}:8443:${ip}:8443`],
        ...["-u", `${web["username"]}:${web["password"]}`, "-o", target("curl"), `https://${host}:8443/files${file}`],
      ]);
      await runTool("sftp", ["-q", "-P", "2222", ...sshOptions, `oadp@${ip}:${file}`, target("sftp")]);
      await runTool("scp", ["-q", "-P", "2222", ...sshOptions, `oadp@${ip}:${file}`, target("scp")]);
      await runTool("rsync", ["-e", `ssh -p 2222 ${sshOptions.join(" ")}`, `oadp@${ip}:${file}`, target("rsync")]);
      for (const client of ["curl", "sftp", "scp", "rsync"]) {
        expect(readFileSync(target(client), "utf8")).toBe(wanted);
        tally("files fetched from file-serving pods equal to the source", 1);
      }
    }
  }
}

async function expectNothingLeft(namespace: string, name: string): Promise<void> {
  await kubectl("delete", `vmfr/${name}`, `vmbd/${name}`, "--timeout=120s");
  await expect(cluster.kubectl("get", "namespace", namespace)).rejects.toThrow(/NotFound/);
  const kinds = ["restores.velero.io", "downloadrequests.velero.io", "configmaps", "secrets"];
  const left = await kubectl("get", kinds.join(","), "-l", "oadp.openshift.io/vmfr-origin-uuid", "-o", "name");
  expect(left).toBe("");
}

const bothWays = { fileAccess: { ssh: {}, fileBrowser: {} } };

test("dataPath Direct serves every backup without a PVC, and leaves nothing behind", async () => {
  await create("direct", { ...bothWays, dataPath: "Direct" });
  const restored = await restoreIn("Completed", "direct");
  const claims = await cluster.kubectl("-n", restored.status.createdNamespace, "get", "pvc", "-o", "name");
  expect(claims).toBe("");
  await fetchEverything(restored);
  await expectNothingLeft(restored.status.createdNamespace, "direct");
});

test("kubectl get prints the documented columns", async () => {
  await create("columns", { dataPath: "Direct", selectedBackups: ["tuesday"] });
  const { status } = await restoreIn("Completed", "columns");
  const table = await kubectl("get", "vmbd/columns", "vmfr/columns");
  expect(table).toMatch(/^NAME +VM +VMNS +PHASE +VALID +INVALID +FAILED$/m);
  expect(table).toMatch(/columns +web-1 +guests +Completed +2 +0 +0$/m);
  expect(table).toMatch(/^NAME +PHASE +DISCOVERY +POD-NS +POD$/m);
  expect(table).toContain(`Completed   columns     ${status.createdNamespace}   columns-fileserver`);
  await expectNothingLeft(status.createdNamespace, "columns");
});

test("nobody gets by way of the operator what he may not have himself (S4)", async () => {
  const namespace = ["--namespace", NAMESPACE];
  await kubectl("create", "rolebinding", "alice", "--clusterrole=oadp-vm-file-restore-edit", "--user=alice");
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

/** Each costs the time of a lease; `VMFR_CRASHES=50` for many. */
const CRASHES = Number(process.env["VMFR_CRASHES"] ?? 3);

test(`an operator that is killed ${CRASHES} times ends where one ends that is not: no second Restore, nothing lost, nothing left`, async () => {
  await create("crashed", bothWays);
  for (let crash = 0; crash < CRASHES; crash += 1) {
    await sleep(Math.random() * 6_000);
    await operator.kill();
    await operator.waitUntilReady();
    // Until the lease of the one that was killed is over.
    await sleep(Math.random() * 16_000);
  }
  const restored = await restoreIn("Completed", "crashed");
  const restores = await kubectl("get", "restores.velero.io", "-l", "oadp.openshift.io/vmfr-origin-uuid", "-o", "name");
  expect(restores.trim().split("\n").length).toBe(backups.length);
  const selector = "oadp.openshift.io/vmfr-temp-namespace=true";
  expect(await cluster.kubectl("get", "namespaces", "-l", selector, "-o", "name")).toBe(
    `namespace/${restored.status.createdNamespace}\n`,
  );
  await fetchEverything(restored);
  tally("kills of the operator that lost nothing", CRASHES);
  await expectNothingLeft(restored.status.createdNamespace, "crashed");
}, 3_600_000);

test("Velero restores two backups of both volume modes side by side; an edit to Direct takes its PVCs away again", async () => {
  await create("restored", bothWays);
  const restored = await restoreIn("Completed", "restored");
  const claims = await cluster.kubectl("-n", restored.status.createdNamespace, "get", "pvc", "-o", "name");
  expect(claims.trim().split("\n").sort()).toEqual(
    backups
      .flatMap(({ name, disks }) => [...disks.keys()].map((disk) => `persistentvolumeclaim/${disk}-${name}`))
      .sort(),
  );
  await fetchEverything(restored);

  await kubectl("patch", "vmfr/restored", "--type=merge", "--patch", '{"spec":{"dataPath":"Direct"}}');
  const paths = () => kubectl("get", "vmfr/restored", "-o", "jsonpath={.status.pvcRestores[*].restores[*].dataPath}");
  await expect.poll(paths, { timeout: PATIENCE_MS }).toBe("Direct Direct Direct Direct");
  const direct = await restoreIn("Completed", "restored");
  const left = () => cluster.kubectl("-n", direct.status.createdNamespace, "get", "pvc", "-o", "name");
  await expect.poll(left, { timeout: 60_000 }).toBe("");
  await fetchEverything(direct);
  await expectNothingLeft(restored.status.createdNamespace, "restored");
});
