/** The custom resources' schemas before the only judge of structural schemas and CEL: a real API server. */
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ApiError } from "../../src/kube/api-error.ts";
import { findCondition } from "../../src/kube/conditions.ts";
import { kubeconfigCredentials } from "../../src/kube/credentials.ts";
import { KubeClient } from "../../src/kube/kube-client.ts";
import type { KubeObject, ResourceType } from "../../src/kube/resource-type.ts";
import {
  type VirtualMachineBackupsDiscovery,
  virtualMachineBackupsDiscoveries,
} from "../../src/operator/api/v1alpha1/virtual-machine-backups-discovery.ts";
import { virtualMachineFileRestores } from "../../src/operator/api/v1alpha1/virtual-machine-file-restore.ts";
import { tally } from "../setup/tally.ts";
import { type Cluster, startCluster } from "./control-plane/cluster.ts";
import { RunningDiscovery } from "./discovery/running-discovery.ts";

const CRDS = path.resolve(import.meta.dirname, "../../deploy/crd");

let cluster: Cluster;
let client: KubeClient;
let names = 0;

beforeAll(async () => {
  cluster = await startCluster();
  await cluster.kubectl("apply", "--server-side", "--filename", CRDS);
  await cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s");
  client = new KubeClient(await kubeconfigCredentials({ file: cluster.kubeconfigFile }));
});
afterAll(async () => {
  client?.close();
  await cluster?.stop();
});

interface Untyped extends KubeObject {
  spec?: unknown;
  status?: unknown;
}

function objectOf(type: ResourceType, spec: unknown): Untyped {
  const metadata = { namespace: "default", name: `o-${++names}` };
  return { apiVersion: `${type.group}/${type.version}`, kind: type.kind, metadata, spec };
}

/** "ok", or the API server's words. */
async function verdictOn(type: ResourceType, spec: unknown): Promise<string> {
  tally("specs", 1);
  return await client.create(type as ResourceType<Untyped>, objectOf(type, spec)).then(
    () => "ok",
    (error: ApiError) => error.message,
  );
}

const vm = { virtualMachineName: "web-1", virtualMachineNamespace: "demo" };
const TIME = /must be RFC 3339 \(2006-01-02T15:04:05Z\) or a date \(2006-01-02\)/;
const DURATION = /must be a duration such as 90m, 8h, 1h30m or 2d/;

test.each<[string, unknown, RegExp]>([
  ["basic-discovery", vm, /^ok$/],
  ["explicit-backup-list", { ...vm, requestedBackups: ["daily-1", "daily-2"] }, /^ok$/],
  ["time-range-discovery", { ...vm, startTime: "2024-01-01", endTime: "2024-01-31T23:59:59+02:00" }, /^ok$/],
  ["combined-criteria", { ...vm, startTime: "2024-01-01T00:00:00.5Z", requestedBackups: ["x"] }, /^ok$/],
  ["times left empty by a template", { ...vm, startTime: "", endTime: "" }, /^ok$/],
  ["the newer fields", { ...vm, includePartiallyFailed: true, refreshInterval: "1h30m" }, /^ok$/],
  ["a name with dots", { ...vm, virtualMachineName: "web.example.com" }, /^ok$/],
  ["empty VM name", { ...vm, virtualMachineName: "" }, /Invalid value/],
  ["empty VM namespace", { ...vm, virtualMachineNamespace: "" }, /Invalid value/],
  ["no VM name", { virtualMachineNamespace: "demo" }, /virtualMachineName: Required value/],
  ["no spec", undefined, /spec: Required value/],
  ["a name that is a path", { ...vm, virtualMachineName: "../x" }, /Invalid value/],
  ["a namespace with dots", { ...vm, virtualMachineNamespace: "a.b" }, /Invalid value/],
  ["a time in words", { ...vm, startTime: "yesterday" }, TIME],
  ["a time without offset", { ...vm, endTime: "2024-01-31T00:00:00" }, TIME],
  ["a 13th month", { ...vm, endTime: "2024-13-01" }, TIME],
  ["a number for a time", { ...vm, endTime: 20240131 }, /must be of type string/],
  ["an interval without unit", { ...vm, refreshInterval: "90" }, DURATION],
  ["an interval of nothing", { ...vm, refreshInterval: "0h0m" }, DURATION],
])("a discovery: %s", async (_what, spec, expected) => {
  expect(await verdictOn(virtualMachineBackupsDiscoveries, spec)).toMatch(expected);
});

const ref = { backupsDiscoveryRef: "web-1" };

test.each<[string, unknown, RegExp]>([
  ["without fileAccess: the web browser", ref, /^ok$/],
  ["ssh with a key made for it", { ...ref, fileAccess: { ssh: {} } }, /^ok$/],
  [
    "all there is",
    {
      ...ref,
      selectedBackups: ["a"],
      restoreNamespace: "restores",
      namespacePrefix: "restore",
      fileAccess: {
        ssh: { username: "u", publicKey: "ssh-ed25519 AAAA", credentialsSecretRef: { name: "s", namespace: "n" } },
        fileBrowser: { exposeExternally: true, credentialsSecretRef: { name: "s" } },
      },
      dataPath: "Auto",
      ttl: "8h",
    },
    /^ok$/,
  ],
  ["an empty restoreNamespace", { ...ref, restoreNamespace: "" }, /^ok$/],
  ["no access method", { ...ref, fileAccess: {} }, /At least one of ssh or fileBrowser must be specified/],
  ["an empty reference", { backupsDiscoveryRef: "" }, /Invalid value/],
  ["an empty spec", {}, /backupsDiscoveryRef: Required value/],
  ["a Secret without name", { ...ref, fileAccess: { ssh: { credentialsSecretRef: { name: "" } } } }, /Invalid value/],
  ["an unknown data path", { ...ref, dataPath: "Magic" }, /Unsupported value: "Magic"/],
  ["a lifetime of nothing", { ...ref, ttl: "0s" }, DURATION],
  ["a namespace that cannot be one", { ...ref, restoreNamespace: "Not_A_Name" }, /Invalid value/],
])("a file restore: %s", async (_what, spec, expected) => {
  expect(await verdictOn(virtualMachineFileRestores, spec)).toMatch(expected);
});

const condition = {
  type: "Ready",
  status: "True",
  reason: "DiscoverySuccessful",
  message: "",
  lastTransitionTime: "2024-01-01T00:00:00Z",
};

test.each<[string, ResourceType, unknown, object, RegExp]>([
  [
    "all of a discovery's",
    virtualMachineBackupsDiscoveries,
    vm,
    {
      phase: "PartiallyFailed",
      observedGeneration: 1,
      conditions: [condition],
      validBackups: [{ name: "a", namespace: "velero", createdAt: "2024-01-01T00:00:00Z", pvcs: [] }],
      invalidBackups: [{ name: "b", namespace: "velero", reason: "r" }],
      backupDiscoveryProgress: [{ name: "a", namespace: "velero", status: "Skipped", message: "m" }],
      discoveryStats: { totalCandidates: 2, pending: 0, inProgress: 0, completed: 1, skipped: 1, failed: 0 },
    },
    /^ok$/,
  ],
  ["an unknown phase", virtualMachineBackupsDiscoveries, vm, { phase: "Done" }, /Unsupported value: "Done"/],
  [
    "the same condition twice",
    virtualMachineBackupsDiscoveries,
    vm,
    { conditions: [condition, condition] },
    /Duplicate value/,
  ],
  [
    "a reason beyond its length",
    virtualMachineBackupsDiscoveries,
    vm,
    { invalidBackups: [{ name: "b", namespace: "velero", reason: "r".repeat(1025) }] },
    /Too long|may not be more than 1024/,
  ],
  [
    "all of a file restore's",
    virtualMachineFileRestores,
    ref,
    {
      phase: "Deleting",
      createdNamespace: "n",
      expiresAt: "2024-01-01T00:00:00Z",
      fileServingInfo: {
        podName: "p",
        ssh: { clusterAccess: "ssh://x:2222", hostKeyFingerprint: "SHA256:x", credentialsSecretRef: { name: "s" } },
        fileBrowser: { clusterAccess: "https://x:8443", publicAccess: "https://y" },
      },
      pvcRestores: [
        {
          pvcUID: "u",
          pvcName: "p",
          pvcNamespace: "n",
          size: "30Gi",
          restores: [
            {
              veleroBackupName: "a",
              veleroBackupNamespace: "velero",
              state: "available",
              phase: "FinalizingPartiallyFailed",
              fileSystems: [{ volume: "1-root", type: "ext4", sizeBytes: 1 }],
            },
          ],
        },
      ],
    },
    /^ok$/,
  ],
])("a status: %s", async (_what, type, spec, status, expected) => {
  const untyped = type as ResourceType<Untyped>;
  const created = await client.create(untyped, objectOf(type, spec));
  const verdict = await client.replaceStatus(untyped, { ...created, status }).then(
    (stored) => {
      // Nothing that we say may be pruned.
      expect(stored.status).toEqual(status);
      return "ok";
    },
    (error: ApiError) => error.message,
  );
  expect(verdict).toMatch(expected);
});

test("kubectl knows the short names, shows the columns and explains the fields", async () => {
  expect((await cluster.kubectl("get", "vmbd")).split("\n")[0]?.trim().split(/\s+/)).toEqual(
    "NAME VM VMNS PHASE VALID INVALID FAILED".split(" "),
  );
  expect((await cluster.kubectl("get", "vmfr", "--output=wide")).split("\n")[0]?.trim().split(/\s+/)).toEqual(
    "NAME PHASE DISCOVERY POD-NS POD EXPIRES".split(" "),
  );
  expect(await cluster.kubectl("explain", "vmfr.spec.fileAccess.ssh.publicKey")).toContain("authorized_keys");
});

test("without Velero a discovery fails, and says that there is no such kind", async () => {
  const running = await RunningDiscovery.start(cluster, "default", { name: "discovery", secrets: false });
  try {
    const { metadata } = await client.create(
      virtualMachineBackupsDiscoveries,
      objectOf(virtualMachineBackupsDiscoveries, vm) as VirtualMachineBackupsDiscovery,
    );
    const degraded = async () => {
      const { status } = await client.get(virtualMachineBackupsDiscoveries, { namespace: "default", ...metadata });
      return [status?.phase, findCondition(status?.conditions, "Degraded")?.message].join(": ");
    };
    const expected = /^Failed: Backups cannot be listed: no matches for kind "Backup" in version "velero.io\/v1"/;
    await expect.poll(degraded, { timeout: 90_000 }).toMatch(expected);
  } finally {
    await running.stop();
  }
});
