/** The operator with many objects: a real API server, the operator's own process, and no pod that runs. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Cluster, startCluster } from "../../test/cluster/control-plane/cluster.ts";
import { kubeconfig } from "../../test/cluster/control-plane/credentials.ts";
import { installCrds } from "../../test/cluster/crds/install-crds.ts";
import { VMFR_IMAGE } from "../../test/cluster/node-double/vmfr-image.ts";
import { DEPLOYMENT, InstalledOperator } from "../../test/cluster/operator/installed-operator.ts";
import { type S3Server, startS3Server } from "../../test/setup/s3-server/s3-server.ts";
import { BENCH_VM, DISCOVERY_BACKUPS, thousandBackupsBucket } from "../fixtures/bucket.ts";
import { CountingProxy } from "../peers/counting-proxy.ts";
import { freePort } from "../peers/free-port.ts";
import { ReadyMarker } from "../peers/ready-marker.ts";
import { vmfrArguments } from "../program.ts";
import type { Figure, Measurement } from "../result.ts";
import type { Row } from "../row.ts";

interface Scale {
  readonly restores: number;
  readonly backups: number;
}

const NAMESPACE = "velero";
const OURS = `/apis/oadp.openshift.io/v1alpha1/namespaces/${NAMESPACE}`;
const VELEROS = `/apis/velero.io/v1/namespaces/${NAMESPACE}`;
const BACKUPS_A_RESTORE = 5;
const PATIENCE_MS = 30 * 60_000;
const IDLE_MS = 30_000;
/** In every backup of the bucket. */
const DISK = "root";

async function operatorAtScale(scale: Scale): Promise<readonly Measurement[]> {
  const bucket = await startS3Server({ directory: await thousandBackupsBucket(), bucket: "backups" });
  const cluster = await startCluster();
  const proxy = await CountingProxy.start(cluster);
  const marker = new ReadyMarker(cluster, DISK);
  try {
    await installCrds(cluster);
    await cluster.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
    await InstalledOperator.applyManifests(cluster, NAMESPACE, 0);
    await addLocation(cluster, bucket);
    await inTurns(scale.backups, (index) => cluster.api.create(`${VELEROS}/backups`, backup(index)));
    const operator = await startOperator(cluster, proxy);
    await inTurns(scale.restores, (index) => addRestore(cluster, scale, index));
    const begun = performance.now();
    await allCompleted(cluster, scale.restores);
    const seconds = (performance.now() - begun) / 1000;
    const figures = [
      figure(`${scale.restores} restores Completed`, seconds, "s", 600),
      figure("requests a restore", proxy.total / scale.restores, "requests", 100),
      ...reconciliations(await (await fetch(operator.metrics)).text()),
    ];
    console.error("requests:", Object.fromEntries([...proxy.requests].sort(([, left], [, right]) => right - left)));
    // What is still to be written is written: events, the last status.
    await sleep(IDLE_MS / 4);
    const before = proxy.total;
    await sleep(IDLE_MS);
    figures.push(figure("requests when idle", ((proxy.total - before) * 60_000) / IDLE_MS, "a minute", 30));
    figures.push(figure(`memory with ${scale.backups} Backups`, mostMemory(operator.pid), "MiB", 256));
    return figures;
  } finally {
    await marker.stop();
    await proxy.close();
    await cluster.stop();
    await bucket.close();
  }
}

async function addLocation(cluster: Cluster, { bucket, credentials, endpoint }: S3Server): Promise<void> {
  const { accessKeyId, secretAccessKey } = credentials;
  const cloud = `[default]\naws_access_key_id=${accessKeyId}\naws_secret_access_key=${secretAccessKey}\n`;
  const config = { region: "us-east-1", s3ForcePathStyle: "true", s3Url: endpoint };
  const secret = (name: string, stringData: object) => {
    return { apiVersion: "v1", kind: "Secret", metadata: { name, namespace: NAMESPACE }, stringData };
  };
  await cluster.apply(
    secret("cloud-credentials", { cloud }),
    secret("velero-repo-credentials", { "repository-password": "bench" }),
    {
      apiVersion: "velero.io/v1",
      kind: "BackupStorageLocation",
      metadata: { name: "default", namespace: NAMESPACE },
      spec: { provider: "aws", objectStorage: { bucket }, config },
    },
  );
}

/** The first thousand are in the bucket; those beyond are of other namespaces, which nobody has to look into. */
function backup(index: number): object {
  const isInBucket = index < DISCOVERY_BACKUPS;
  return {
    apiVersion: "velero.io/v1",
    kind: "Backup",
    metadata: { name: `nightly-${index}`, namespace: NAMESPACE, labels: { "velero.io/storage-location": "default" } },
    spec: {
      includedNamespaces: [isInBucket ? BENCH_VM.split("/")[0] : `team-${index % 100}`],
      ttl: "720h0m0s",
      storageLocation: "default",
      snapshotMoveData: true,
    },
    status: {
      version: 1,
      formatVersion: "1.1.0",
      phase: "Completed",
      startTimestamp: "2026-11-16T02:00:00Z",
      completionTimestamp: "2026-11-16T02:00:00Z",
      backupItemOperationsAttempted: 1,
      backupItemOperationsCompleted: 1,
    },
  };
}

/** Every tenth backup of the bucket holds the machine; each restore takes some of them. */
async function addRestore(cluster: Cluster, scale: Scale, index: number): Promise<void> {
  const holding = Math.min(scale.backups, DISCOVERY_BACKUPS) / 10;
  const [virtualMachineNamespace, virtualMachineName] = BENCH_VM.split("/");
  const requestedBackups = Array.from(
    { length: BACKUPS_A_RESTORE },
    (_, offset) => `nightly-${((index + offset) % holding) * 10}`,
  );
  const name = `restore-${index}`;
  const object = (kind: string, spec: object) => {
    return { apiVersion: "oadp.openshift.io/v1alpha1", kind, metadata: { name, namespace: NAMESPACE }, spec };
  };
  const found = { virtualMachineNamespace, virtualMachineName, requestedBackups };
  const wanted = { backupsDiscoveryRef: name, dataPath: "Direct", fileAccess: { ssh: {}, fileBrowser: {} } };
  await cluster.api.create(`${OURS}/virtualmachinebackupsdiscoveries`, object("VirtualMachineBackupsDiscovery", found));
  await cluster.api.create(`${OURS}/virtualmachinefilerestores`, object("VirtualMachineFileRestore", wanted));
}

async function startOperator(cluster: Cluster, proxy: CountingProxy) {
  const token = await cluster.kubectl("--namespace", NAMESPACE, "create", "token", DEPLOYMENT);
  const file = path.join(cluster.directory, "operator.kubeconfig");
  writeFileSync(file, kubeconfig(proxy.url, proxy.certificateAuthority, token.trim()), { mode: 0o600 });
  const address = `127.0.0.1:${await freePort()}`;
  const flags = [`--kubeconfig=${file}`, `--metrics-bind-address=${address}`, "--metrics-secure=false"];
  const [command, ...args] = vmfrArguments("operator", ...flags, "--health-probe-bind-address=0");
  const environment = {
    PATH: process.env["PATH"],
    WATCH_NAMESPACE: NAMESPACE,
    POD_NAMESPACE: NAMESPACE,
    POD_NAME: "operator",
    VMFR_IMAGE,
  };
  const started = cluster.run({ name: "operator", command, args, environment });
  const metrics = `http://${address}/metrics`;
  await started.waitUntil(async () => (await fetch(metrics).catch(() => undefined))?.ok === true, 60_000);
  return { pid: started.pid ?? 0, metrics };
}

/** @throws with what the phases are when not all are in time */
async function allCompleted(cluster: Cluster, count: number): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const restores = await cluster.api.list<{ readonly status?: { readonly phase?: string } }>(
      `${OURS}/virtualmachinefilerestores`,
    );
    const phases = restores.map(({ status }) => status?.phase);
    if (phases.filter((phase) => phase === "Completed").length === count) return;
    if (performance.now() > deadline || phases.includes("Failed")) {
      throw new Error(`not all restores are Completed: ${JSON.stringify(restores[phases.indexOf("Failed")])}`);
    }
    await sleep(1_000);
  }
}

const HISTOGRAM = /^controller_runtime_reconcile_time_seconds_(sum|count|bucket)\{(.*)\} (\S+)$/gm;

/** Mean duration by controller, from the operator's metrics. */
function reconciliations(metrics: string): Figure[] {
  const totals = new Map<string, { sum: number; count: number }>();
  for (const [, part, labels = "", value] of metrics.matchAll(HISTOGRAM)) {
    const controller = /controller="([^"]*)"/.exec(labels)?.[1] ?? "";
    const total = totals.get(controller) ?? { sum: 0, count: 0 };
    if (part === "sum" || part === "count") total[part] = Number(value);
    totals.set(controller, total);
  }
  return [...totals].map(([controller, { sum, count }]) =>
    figure(`a reconciliation of ${controller}, mean of ${count}`, (sum / count) * 1000, "ms", 5_000),
  );
}

/** Since the process began, in MiB. */
function mostMemory(pid: number): number {
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) / 1024;
}

function figure(what: string, value: number, unit: string, atMost: number): Figure {
  return { kind: "figure", what, value, unit, atMost };
}

/** Eight at a time. */
async function inTurns(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

export const scaleRows: readonly Row[] = [
  { name: "scale", packages: [], measure: () => operatorAtScale({ restores: 200, backups: 5_000 }) },
  { name: "scale-tenth", packages: [], measure: () => operatorAtScale({ restores: 20, backups: 500 }) },
];
