/** `kubectl vmfr` before a real API server and the real discovery controller. */
import { execFile } from "node:child_process";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { kubeconfigCredentials } from "../../src/kube/credentials.ts";
import { KubeClient } from "../../src/kube/kube-client.ts";
import { secrets } from "../../src/kube/resources.ts";
import { virtualMachineBackupsDiscoveries } from "../../src/operator/api/v1alpha1/virtual-machine-backups-discovery.ts";
import {
  type VirtualMachineFileRestoreStatus,
  virtualMachineFileRestores,
} from "../../src/operator/api/v1alpha1/virtual-machine-file-restore.ts";
import { backupStorageLocations } from "../../src/operator/velero/velero-resources.ts";
import { tally } from "../setup/tally.ts";
import { controlPlaneBinaries } from "./control-plane/binaries.ts";
import { type Cluster, startCluster } from "./control-plane/cluster.ts";
import { installCrds } from "./crds/install-crds.ts";
import { RunningDiscovery } from "./discovery/running-discovery.ts";

const NAMESPACE = "backups";
const root = path.resolve(import.meta.dirname, "../..");

let cluster: Cluster;
let client: KubeClient;
let discovery: RunningDiscovery;
/** With the real kubectl on it. */
let searchPath: string;

beforeAll(async () => {
  cluster = await startCluster();
  searchPath = `${path.dirname((await controlPlaneBinaries()).kubectl)}:${process.env["PATH"]}`;
  client = new KubeClient(await kubeconfigCredentials({ file: cluster.kubeconfigFile }));
  await installCrds(cluster);
  await cluster.kubectl("apply", "--server-side", "--filename", path.join(root, "deploy/crd"));
  await cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s");
  await cluster.kubectl("create", "namespace", NAMESPACE);
  discovery = await RunningDiscovery.start(cluster, NAMESPACE, { name: "discovery", secrets: true });
});
afterAll(async () => {
  await discovery?.stop();
  client?.close();
  await cluster?.stop();
});

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program of the sources, on the Node of the tests. */
function plugin(...args: string[]): Promise<Finished> {
  tally("kubectl vmfr commands", 1);
  const program = ["--import", "tsx", path.join(root, "src/bin/kubectl-vmfr.ts")];
  const [command = "", ...rest] = args;
  const all = [...program, command, "--kubeconfig", cluster.kubeconfigFile, ...rest];
  return new Promise((resolve) => {
    const options = { cwd: root, timeout: 120_000, env: { ...process.env, PATH: searchPath } };
    execFile(process.execPath, all, options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

async function addLocation(namespace: string): Promise<void> {
  await client.create(backupStorageLocations, {
    apiVersion: "velero.io/v1",
    kind: "BackupStorageLocation",
    metadata: { namespace, name: "default" },
    spec: { provider: "aws", objectStorage: { bucket: "b" } },
  });
}

test("without Velero the namespace has to be named; with it, it is found", async () => {
  const lost = await plugin("get");
  expect(lost).toMatchObject({ code: 2, stdout: "" });
  expect(lost.stderr).toContain("no BackupStorageLocation of Velero was found");
  await addLocation(NAMESPACE);
  expect(await plugin("get")).toMatchObject({ code: 0, stderr: expect.stringContaining(`namespace ${NAMESPACE}`) });
  expect(await plugin("get", "nobody")).toMatchObject({ code: 3, stdout: "" });
});

test("discover waits for the controller and shows why a backup cannot be used", async () => {
  const found = await plugin("discover", "demo/web-1", "--backup", "gone", "--name", "web-1", "-n", NAMESPACE);
  expect(found.stdout).toMatch(/^BACKUP +COMPLETED +VALID +DISKS, OR WHY NOT\ngone +no +Backup not found in cluster/);
  expect(found.code).toBe(3);
  const { spec } = await client.get(virtualMachineBackupsDiscoveries, { namespace: NAMESPACE, name: "web-1" });
  expect(spec).toMatchObject({ virtualMachineName: "web-1", requestedBackups: ["gone"] });
  expect((await plugin("get", "-n", NAMESPACE)).stdout).toMatch(/discovery {2}web-1 {2}demo\/web-1 /);
  const json = await plugin("get", "web-1", "--json", "-n", NAMESPACE);
  expect(JSON.parse(json.stdout)).toMatchObject({ discoveries: [{ metadata: { name: "web-1" } }], fileRestores: [] });
});

test("the API server's refusal is what the user reads", async () => {
  const refused = await plugin("discover", "demo/web-1", "--from", "yesterday", "-n", NAMESPACE);
  expect(refused.stderr).toContain("must be RFC 3339 (2006-01-02T15:04:05Z) or a date");
  expect(refused.code).toBe(6);
  const taken = await plugin("discover", "demo/web-1", "--name", "web-1", "-n", NAMESPACE);
  expect(taken.stderr).toContain("already exists");
});

/** As the operator writes it at the end. */
async function finish(name: string, status: VirtualMachineFileRestoreStatus): Promise<void> {
  const find = () => client.find(virtualMachineFileRestores, { namespace: NAMESPACE, name });
  await expect.poll(find, { timeout: 60_000 }).toBeDefined();
  const restore = await client.get(virtualMachineFileRestores, { namespace: NAMESPACE, name });
  const { generation } = restore.metadata;
  await client.replaceStatus(virtualMachineFileRestores, {
    ...restore,
    status: { ...status, ...(generation !== undefined && { observedGeneration: generation }) },
  });
}

test("restore waits until the files are served and says how to reach them; delete waits until it is gone", async () => {
  const asked = plugin("restore", "--discovery", "web-1", "--name", "mine", "--ssh", "--ttl", "8h", "-n", NAMESPACE);
  await finish("mine", { phase: "InProgress" });
  await finish("mine", {
    phase: "Completed",
    fileServingInfo: { podName: "p", ssh: { clusterAccess: "ssh://x:2222" } },
  });
  const done = await asked;
  expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining("kubectl vmfr open mine") });
  const made = await client.get(virtualMachineFileRestores, { namespace: NAMESPACE, name: "mine" });
  expect(made.spec).toEqual({ backupsDiscoveryRef: "web-1", fileAccess: { ssh: {} }, ttl: "8h" });
  const gone = await plugin("delete", "mine", "-n", NAMESPACE);
  expect(gone).toMatchObject({ code: 0, stdout: "VirtualMachineFileRestore mine is gone\n" });
  expect(await plugin("delete", "mine", "-n", NAMESPACE)).toMatchObject({ code: 3 });
});

test("a restore that fails, and one that takes too long, say so", async () => {
  const failing = plugin("restore", "--discovery", "web-1", "--name", "failing", "-n", NAMESPACE);
  const ready = { type: "Ready", status: "False", reason: "X", lastTransitionTime: new Date().toISOString() };
  await finish("failing", { phase: "Failed", conditions: [{ ...ready, message: "no valid backups" }] });
  const failed = await failing;
  expect(failed.code).toBe(6);
  expect(failed.stderr).toContain("VirtualMachineFileRestore failing failed: no valid backups");
  const slow = await plugin("restore", "--discovery", "web-1", "--timeout", "2s", "-n", NAMESPACE);
  expect(slow.code).toBe(6);
  expect(slow.stderr).toContain("is not done after 2s");
});

test("open reads the credentials, and says what keeps kubectl from forwarding", async () => {
  const credentialsSecretRef = { name: "login", namespace: NAMESPACE };
  await cluster.apply(
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "login", namespace: NAMESPACE },
      stringData: { username: "oadp", password: "correct-horse" },
    },
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "unscheduled", namespace: NAMESPACE },
      spec: { containers: [{ name: "web", image: "nowhere.test/web" }] },
    },
    {
      apiVersion: "oadp.openshift.io/v1alpha1",
      kind: "VirtualMachineFileRestore",
      metadata: { name: "opened", namespace: NAMESPACE },
      spec: { backupsDiscoveryRef: "web-1" },
    },
  );
  const fileBrowser = { clusterAccess: "https://web.backups.svc.cluster.local:8443", credentialsSecretRef };
  const fileServingInfo = { podName: "unscheduled", fileBrowser };
  await finish("opened", { phase: "Completed", createdNamespace: NAMESPACE, fileServingInfo });
  const opened = await plugin("open", "opened", "-n", NAMESPACE);
  expect(opened.stderr).toMatch(/ports of pod unscheduled cannot be forwarded: .*pod is not running/);
  expect(opened).toMatchObject({ code: 6, stdout: "" });
  await client.delete(secrets, { namespace: NAMESPACE, name: "login" });
  const without = await plugin("open", "opened", "-n", NAMESPACE);
  expect(without.stderr).toContain('secrets "login" not found');
});
