/** The discovery controller on a real API server, over Backups that a real Velero makes. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ConfigError } from "../../src/errors.ts";
import { findCondition } from "../../src/kube/conditions.ts";
import { kubeconfigCredentials } from "../../src/kube/credentials.ts";
import { KubeClient } from "../../src/kube/kube-client.ts";
import { events } from "../../src/kube/resources.ts";
import { ObjectNotFoundError } from "../../src/object-store/object-not-found-error.ts";
import {
  type VirtualMachineBackupsDiscovery,
  type VirtualMachineBackupsDiscoverySpec,
  type VirtualMachineBackupsDiscoveryStatus,
  virtualMachineBackupsDiscoveries,
} from "../../src/operator/api/v1alpha1/virtual-machine-backups-discovery.ts";
import { DownloadRequestStreams } from "../../src/operator/velero/contents/download-request-streams.ts";
import { downloadRequests, veleroBackups } from "../../src/operator/velero/velero-resources.ts";
import { RecordedLog } from "../fixtures/kube/recorded-log.ts";
import { startS3Server } from "../setup/s3-server/s3-server.ts";
import { createTestCertificates } from "../setup/s3-server/test-certificates.ts";
import { tally } from "../setup/tally.ts";
import { encodeBackup, planBackup } from "../setup/velero-objects/velero-backup.ts";
import { type Cluster, startCluster } from "./control-plane/cluster.ts";
import { installCrds } from "./crds/install-crds.ts";
import { type DiscoveryRights, RunningDiscovery } from "./discovery/running-discovery.ts";
import { NodeDouble } from "./node-double/node-double.ts";
import { type Bucket, startBucket, Velero } from "./velero/velero.ts";
import { veleroImages } from "./velero/velero-images.ts";

const NAMESPACE = "velero";
const CRDS = path.resolve(import.meta.dirname, "../../deploy/crd");
const PATIENCE_MS = 90_000;
const DIRECT: DiscoveryRights = { name: "discovery-direct", secrets: true };
const BY_VELERO: DiscoveryRights = { name: "discovery-by-velero", secrets: false };

let cluster: Cluster;
let node: NodeDouble;
let bucket: Bucket;
let velero: Velero;
let client: KubeClient;
let running: RunningDiscovery | undefined;

beforeAll(async () => {
  cluster = await startCluster();
  client = new KubeClient(await kubeconfigCredentials({ file: cluster.kubeconfigFile }));
  await installCrds(cluster);
  await cluster.kubectl("apply", "--server-side", "--filename", CRDS);
  node = await NodeDouble.start(cluster, await veleroImages());
  bucket = await startBucket(cluster);
  velero = await Velero.install(cluster, node, bucket.server);
  await cluster.kubectl("create", "namespace", "demo");
  await cluster.kubectl("create", "namespace", "elsewhere");
  await cluster.apply(virtualMachine("web-1"), virtualMachine("web-2"));
  await backUp("with-vm", "--include-namespaces=demo");
  await backUp("by-label", "--include-namespaces=demo", "--selector=app=web-2");
  await backUp("without-vms", "--include-namespaces=demo", "--exclude-resources=virtualmachines.kubevirt.io");
  await backUp("other-namespace", "--include-namespaces=elsewhere");
});
afterEach(async () => {
  await running?.stop();
  running = undefined;
  await cluster.kubectl("-n", NAMESPACE, "delete", "vmbd", "--all");
});
afterAll(async () => {
  client?.close();
  await node?.stop();
  await bucket?.server.close();
  await cluster?.stop();
});

function virtualMachine(name: string): object {
  const volumes = [{ name: "root", dataVolume: { name: `${name}-root` } }];
  return {
    apiVersion: "kubevirt.io/v1",
    kind: "VirtualMachine",
    metadata: { name, namespace: "demo", labels: { app: name } },
    spec: { runStrategy: "Halted", template: { spec: { domain: { devices: {} }, volumes } } },
  };
}

const backUp = (name: string, ...options: readonly string[]) =>
  velero.run("backup", "create", name, "--snapshot-volumes=false", "--wait", ...options);

async function discover(
  name: string,
  spec: Partial<VirtualMachineBackupsDiscoverySpec> = {},
): Promise<VirtualMachineBackupsDiscoveryStatus> {
  await client.create(virtualMachineBackupsDiscoveries, {
    apiVersion: "oadp.openshift.io/v1alpha1",
    kind: "VirtualMachineBackupsDiscovery",
    metadata: { name, namespace: NAMESPACE },
    spec: { virtualMachineName: "web-1", virtualMachineNamespace: "demo", ...spec },
  });
  return await statusOf(name, ({ discoveryStats }) => discoveryStats?.completionTime !== undefined);
}

/** As soon as it is as it should be. */
async function statusOf(
  name: string,
  isRight: (status: VirtualMachineBackupsDiscoveryStatus) => boolean,
): Promise<VirtualMachineBackupsDiscoveryStatus> {
  let status: VirtualMachineBackupsDiscoveryStatus | undefined;
  const read = async () => {
    status = (await client.get(virtualMachineBackupsDiscoveries, { namespace: NAMESPACE, name })).status;
    return status !== undefined && isRight(status);
  };
  try {
    await expect.poll(read, { timeout: PATIENCE_MS, interval: 200 }).toBe(true);
  } catch (error) {
    throw new Error(`${JSON.stringify(status, undefined, 1)}\n${JSON.stringify(running?.log.lines)}`, { cause: error });
  }
  return status ?? {};
}

const edit = (name: string, spec: Partial<VirtualMachineBackupsDiscoverySpec>) =>
  client.mergePatch(virtualMachineBackupsDiscoveries, { namespace: NAMESPACE, name }, { spec });

function outcome({ validBackups, invalidBackups }: VirtualMachineBackupsDiscoveryStatus) {
  tally("backups judged", (validBackups?.length ?? 0) + (invalidBackups?.length ?? 0));
  return {
    valid: validBackups?.map(({ name }) => name) ?? [],
    invalid: Object.fromEntries((invalidBackups ?? []).map(({ name, reason }) => [name, reason])),
  };
}

async function countDownloadRequests(): Promise<number> {
  return (await client.listPage(downloadRequests, { namespace: NAMESPACE })).items.length;
}

test.each([DIRECT, BY_VELERO])("as $name: which backups hold the VM, and why the others do not", async (rights) => {
  running = await RunningDiscovery.start(cluster, NAMESPACE, rights);
  const before = bucket.server.usage.requests;
  const status = await discover(rights.name);
  expect(outcome(status)).toEqual({
    valid: ["with-vm"],
    invalid: { "by-label": "VM not found in backup", "without-vms": "VM not found in backup" },
  });
  expect(bucket.server.usage.requests).toBeGreaterThan(before);
  const states = ["Progressing", "Available", "Degraded", "Ready"].map(
    (type) => findCondition(status.conditions, type)?.status,
  );
  expect(states).toEqual(["False", "True", "False", "True"]);
  const backup = await client.get(veleroBackups, { namespace: NAMESPACE, name: "with-vm" });
  expect(status).toMatchObject({
    phase: "Completed",
    observedGeneration: 1,
    validBackups: [
      { namespace: NAMESPACE, createdAt: (backup.status as { completionTimestamp: string }).completionTimestamp },
    ],
    discoveryStats: { totalCandidates: 3, pending: 0, inProgress: 0, completed: 1, skipped: 2, failed: 0 },
  });
  expect(await countDownloadRequests()).toBe(0);
  const fellBack = running.log.lines.some(({ message }) => message.includes("asking Velero instead"));
  expect(fellBack).toBe(!rights.secrets);
});

test("requested backups each get an answer", async () => {
  running = await RunningDiscovery.start(cluster, NAMESPACE, DIRECT);
  const status = await discover("requested", { requestedBackups: ["with-vm", "other-namespace", "never-was"] });
  expect(outcome(status)).toEqual({
    valid: ["with-vm"],
    invalid: {
      "other-namespace": "Backup doesn't include target VM namespace",
      "never-was": "Backup not found in cluster",
    },
  });
  expect(status.phase).toBe("Completed");
});

test("an edit begins anew; what is found belongs to the generation that is observed", async () => {
  running = await RunningDiscovery.start(cluster, NAMESPACE, DIRECT);
  await discover("edited");
  await edit("edited", { virtualMachineName: "web-2" });
  const status = await statusOf("edited", (now) => now.observedGeneration === 2 && now.phase === "Completed");
  expect(outcome(status).valid).toEqual(["by-label", "with-vm"]);
});

test("backups that appear and vanish are noticed", async () => {
  running = await RunningDiscovery.start(cluster, NAMESPACE, DIRECT);
  const first = await discover("kept-current");
  await backUp("later", "--include-namespaces=demo");
  const second = await statusOf("kept-current", (now) => outcome(now).valid.includes("later"));
  expect(outcome(second).valid).toEqual(["later", "with-vm"]);
  expect(second.discoveryStats?.startTime).toBe(first.discoveryStats?.startTime);
  await velero.run("backup", "delete", "later", "--confirm");
  const third = await statusOf("kept-current", (now) => !outcome(now).valid.includes("later"));
  expect(outcome(third).valid).toEqual(["with-vm"]);
});

test("everything is looked at anew when its interval is over, with the results in sight", async () => {
  running = await RunningDiscovery.start(cluster, NAMESPACE, DIRECT);
  const { discoveryStats } = await discover("refreshed", { refreshInterval: "1h" });
  await running.stop();
  running = await RunningDiscovery.start(cluster, NAMESPACE, { ...DIRECT, aheadMs: 2 * 60 * 60_000 });
  const phases = new Set<string | undefined>();
  const again = await statusOf("refreshed", (now) => {
    phases.add(now.phase);
    return now.discoveryStats?.startTime !== discoveryStats?.startTime;
  });
  expect(outcome(again).valid).toEqual(["with-vm"]);
  expect([...phases]).toEqual(["Completed"]);
});

test("a bucket that cannot be read makes no backup valid; once it can, the next look tells", async () => {
  running = await RunningDiscovery.start(cluster, NAMESPACE, DIRECT);
  bucket.server.faults.forbidden = "with-vm";
  const status = await discover("unreadable");
  expect(outcome(status)).toMatchObject({ valid: [], invalid: { "by-label": "VM not found in backup" } });
  expect(outcome(status).invalid["with-vm"]).toMatch(/^Failed to check backup contents: /);
  expect(status).toMatchObject({ phase: "PartiallyFailed", discoveryStats: { completed: 0, skipped: 2, failed: 1 } });
  expect(findCondition(status.conditions, "Degraded")).toMatchObject({ status: "True", reason: "ChecksFailed" });
  delete bucket.server.faults.forbidden;
  // Any change among the Backups is an occasion.
  await backUp("occasion", "--include-namespaces=elsewhere");
  const later = await statusOf("unreadable", ({ phase }) => phase === "Completed");
  expect(outcome(later).valid).toEqual(["with-vm"]);
  expect(findCondition(later.conditions, "Degraded")?.status).toBe("False");
});

test("a bucket behind a private authority", async () => {
  const { hostname } = new URL(await node.urlForPods(bucket.server.endpoint));
  const tls = await createTestCertificates([hostname]);
  const directory = path.join(cluster.directory, "bucket-private");
  mkdirSync(directory);
  const server = await startS3Server({ directory, bucket: "private", writable: true, tls });
  try {
    const caCert = Buffer.from(tls.ca).toString("base64");
    const config = { region: "us-east-1", s3ForcePathStyle: "true", s3Url: await node.urlForPods(server.endpoint) };
    await cluster.apply({
      apiVersion: "velero.io/v1",
      kind: "BackupStorageLocation",
      metadata: { name: "private", namespace: NAMESPACE },
      spec: { provider: "aws", objectStorage: { bucket: "private", caCert }, config },
    });
    const location = "backupstoragelocation/private";
    await cluster.kubectl(
      "-n",
      NAMESPACE,
      "wait",
      "--for=jsonpath={.status.phase}=Available",
      location,
      "--timeout=120s",
    );
    await backUp("in-private", "--include-namespaces=demo", "--storage-location=private");
    for (const rights of [DIRECT, BY_VELERO]) {
      running = await RunningDiscovery.start(cluster, NAMESPACE, rights);
      const status = await discover(`private-${rights.name}`, { requestedBackups: ["in-private"] });
      expect(outcome(status)).toEqual({ valid: ["in-private"], invalid: {} });
      await running.stop();
    }
    await velero.run("backup", "delete", "in-private", "--confirm");
    const gone = () => client.find(veleroBackups, { namespace: NAMESPACE, name: "in-private" });
    await expect.poll(gone, { timeout: PATIENCE_MS }).toBeUndefined();
    await cluster.kubectl("-n", NAMESPACE, "delete", location);
  } finally {
    await server.close();
  }
});

test.each<[string, VirtualMachineBackupsDiscoveryStatus]>([
  ["new", { phase: "New" }],
  [
    "in-the-middle",
    {
      phase: "InProgress",
      discoveryStats: { totalCandidates: 9, pending: 8, inProgress: 1, completed: 0, skipped: 0, failed: 0 },
      backupDiscoveryProgress: [{ name: "without-vms", namespace: NAMESPACE, status: "InProgress" }],
    },
  ],
  [
    // It took what it could not look into for valid.
    "completed",
    {
      phase: "Completed",
      observedGeneration: 1,
      conditions: [
        {
          type: "Ready",
          status: "True",
          reason: "DiscoverySuccessful",
          message: "Successfully discovered 1 valid backups",
          lastTransitionTime: "2026-01-01T00:00:00Z",
        },
      ],
      validBackups: [{ name: "without-vms", namespace: NAMESPACE }],
      discoveryStats: { totalCandidates: 1, pending: 0, inProgress: 0, completed: 1, skipped: 0, failed: 0 },
    },
  ],
])("what the existing controller left behind, %s, ends well", async (left, status) => {
  const name = `left-${left}`;
  const created = await client.create(virtualMachineBackupsDiscoveries, {
    apiVersion: "oadp.openshift.io/v1alpha1",
    kind: "VirtualMachineBackupsDiscovery",
    metadata: { name, namespace: NAMESPACE },
    spec: { virtualMachineName: "web-1", virtualMachineNamespace: "demo" },
  });
  await client.replaceStatus(virtualMachineBackupsDiscoveries, { ...created, status });
  running = await RunningDiscovery.start(cluster, NAMESPACE, DIRECT);
  const ended = await statusOf(name, (now) => findCondition(now.conditions, "Available")?.status === "True");
  expect(outcome(ended).valid).toEqual(["with-vm"]);
  expect(ended.discoveryStats?.totalCandidates).toBe(3);
});

test("a day that does not exist fails for good, with the reason in every condition and an event", async () => {
  running = await RunningDiscovery.start(cluster, NAMESPACE, DIRECT);
  const spec = { virtualMachineName: "web-1", virtualMachineNamespace: "demo", startTime: "2026-02-30" };
  await client.create<VirtualMachineBackupsDiscovery>(virtualMachineBackupsDiscoveries, {
    apiVersion: "oadp.openshift.io/v1alpha1",
    kind: "VirtualMachineBackupsDiscovery",
    metadata: { name: "no-such-day", namespace: NAMESPACE },
    spec,
  });
  const failed = await statusOf("no-such-day", ({ phase }) => phase === "Failed");
  expect(findCondition(failed.conditions, "Degraded")).toMatchObject({
    status: "True",
    reason: "InvalidSpec",
    message: expect.stringMatching(/^invalid startTime format: /),
  });
  const recorded = async () =>
    (await client.listPage(events, { namespace: NAMESPACE })).items.some(
      ({ regarding, reason, type }) =>
        regarding?.name === "no-such-day" && reason === "InvalidSpec" && type === "Warning",
    );
  await expect.poll(recorded, { timeout: PATIENCE_MS }).toBe(true);
  await edit("no-such-day", { startTime: "2026-02-28" });
  const mended = await statusOf("no-such-day", ({ phase }) => phase === "Completed");
  expect(mended.observedGeneration).toBe(2);
});

test("a bucket full of an earlier cluster's backups, found by when they were made; a restart goes on, an edit begins anew", async () => {
  const days = Array.from({ length: 28 }, (_, index) => `2025-02-${String(index + 1).padStart(2, "0")}`);
  const vms = [{ namespace: "demo", name: "web-1", volumes: [] }];
  const other = [{ namespace: "demo", name: "db", volumes: [] }];
  for (const [index, day] of days.flatMap((each) => [each, each, each, each]).entries()) {
    const name = `old-${String(index).padStart(3, "0")}`;
    const times = { createdAt: `${day}T02:00:00Z`, completedAt: `${day}T02:05:00Z` };
    for (const [key, bytes] of encodeBackup(planBackup({ name, ...times, vms: index % 2 === 0 ? vms : other }))) {
      const file = path.join(bucket.directory, key);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, bytes);
    }
  }
  const imported = async () =>
    (await client.listPage(veleroBackups, { namespace: NAMESPACE })).items.filter(({ metadata }) =>
      metadata.name.startsWith("old-"),
    ).length;
  await expect.poll(imported, { timeout: 2 * PATIENCE_MS, interval: 1_000 }).toBe(112);

  bucket.server.faults.latencyMs = 150;
  running = await RunningDiscovery.start(cluster, NAMESPACE, DIRECT);
  await client.create(virtualMachineBackupsDiscoveries, {
    apiVersion: "oadp.openshift.io/v1alpha1",
    kind: "VirtualMachineBackupsDiscovery",
    metadata: { name: "old", namespace: NAMESPACE },
    spec: { virtualMachineName: "web-1", virtualMachineNamespace: "demo", endTime: "2025-02-27" },
  });
  const half = await statusOf("old", ({ phase, discoveryStats }) => {
    return phase === "InProgress" && (discoveryStats?.completed ?? 0) > 10;
  });
  expect(half.backupDiscoveryProgress).toHaveLength(108);
  await running.stop();

  delete bucket.server.faults.latencyMs;
  running = await RunningDiscovery.start(cluster, NAMESPACE, DIRECT);
  const ended = await statusOf("old", ({ phase }) => phase === "Completed");
  expect(ended.discoveryStats).toMatchObject({ totalCandidates: 108, completed: 54, skipped: 54, failed: 0 });
  expect(ended.discoveryStats?.startTime).toBe(half.discoveryStats?.startTime);
  // What had been found out was not begun anew.
  const before = half.backupDiscoveryProgress?.filter(({ status }) => status === "Completed" || status === "Skipped");
  expect(before?.length).toBeGreaterThan(10);
  expect(ended.backupDiscoveryProgress).toEqual(expect.arrayContaining(before ?? []));
  expect(ended.validBackups?.[0]).toMatchObject({ name: "old-106", createdAt: "2025-02-27T02:05:00Z" });

  bucket.server.faults.latencyMs = 150;
  await edit("old", { endTime: "2025-02-26" });
  await statusOf("old", ({ phase, discoveryStats }) => phase === "InProgress" && (discoveryStats?.completed ?? 0) > 5);
  await edit("old", { virtualMachineName: "db" });
  await statusOf("old", ({ observedGeneration }) => observedGeneration === 3);
  delete bucket.server.faults.latencyMs;
  const edited = await statusOf("old", ({ phase }) => phase === "Completed");
  expect(edited).toMatchObject({ observedGeneration: 3, discoveryStats: { totalCandidates: 104, completed: 52 } });
  expect(outcome(edited).valid[0]).toBe("old-103");
  expect(Object.keys(outcome(edited).invalid)).not.toContain("old-103");
});

test("a DownloadRequest that a process left behind is replaced; a Velero that does not answer is waited for once", async () => {
  const trust = {};
  const labels = {};
  const log = new RecordedLog();
  const options = { client, namespace: NAMESPACE, owner: "test", labels, trust, log, patienceMs: 3_000 };
  const key = "backups/with-vm/with-vm-resource-list.json.gz";
  const read = async (streams: DownloadRequestStreams, what = key) => {
    let length = 0;
    for await (const chunk of streams.stream(what)) length += chunk.length;
    return length;
  };
  const dying = {
    create: client.create.bind(client),
    find: client.find.bind(client),
    delete: () => Promise.reject(new ConfigError("the process ended")),
  };
  const length = await read(new DownloadRequestStreams({ ...options, client: dying }));
  expect(length).toBeGreaterThan(0);
  expect(await countDownloadRequests()).toBe(1);
  expect(await read(new DownloadRequestStreams(options))).toBe(length);
  expect(await countDownloadRequests()).toBe(0);
  const missing = read(new DownloadRequestStreams(options), "backups/with-vm/with-vm-podvolumebackups.json.gz");
  await expect(missing).rejects.toThrow(ObjectNotFoundError);

  // Nobody answers in a namespace that is not Velero's.
  const unanswered = new DownloadRequestStreams({ ...options, namespace: "default" });
  await expect(read(unanswered)).rejects.toThrow("Velero has not answered the DownloadRequest");
  const start = performance.now();
  await expect(read(unanswered, "backups/with-vm/with-vm.tar.gz")).rejects.toThrow("Velero has not answered");
  expect(performance.now() - start).toBeLessThan(1_000);
  expect((await client.listPage(downloadRequests, { namespace: "default" })).items).toEqual([]);
});
