/** A restore in a namespace that its user has already, and what an operator can be told: images, time limits, expiry. */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requireDebianPackages } from "../setup/debian-packages.ts";
import { tally } from "../setup/tally.ts";
import type { Cluster } from "./control-plane/cluster.ts";
import type { Image } from "./node-double/image.ts";
import { VMFR_IMAGE, vmfrImages } from "./node-double/vmfr-image.ts";
import { type FileRestore, FileRestores, namespaceOf } from "./operator/file-restores.ts";
import { InstalledOperator } from "./operator/installed-operator.ts";
import { ServedFiles } from "./operator/served-files.ts";
import { SEED_VM, type SeededBackup, seedBackups } from "./seed/seed-backups.ts";
import { startVeleroCluster, type VeleroCluster } from "./velero/velero-cluster.ts";

const NAMESPACE = "velero";
/** The user's. */
const TEAM = "team";
const FILE = "etc/nginx/nginx.conf";

/** As a registry behind a firewall has them, by the variable that names them. */
const MIRRORED = {
  VMFR_ACCESS_IMAGE: "mirror.test/access",
  VMFR_BROWSER_IMAGE: "mirror.test/browser",
  VMFR_SSH_IMAGE: "mirror.test/ssh",
};

let running: VeleroCluster;
let cluster: Cluster;
let operator: InstalledOperator;
let restores: FileRestores;
let backup: SeededBackup;
/** By Velero into PVCs of the user's namespace, and from the bucket. */
let restored: FileRestore;
let direct: FileRestore;

beforeAll(async () => {
  await requireDebianPackages("curl", "openssh-client");
  const images = vmfrImages();
  const image = images[VMFR_IMAGE] as Image;
  for (const name of Object.values(MIRRORED)) images[name] = image;
  running = await startVeleroCluster(images);
  const { node, velero } = running;
  cluster = running.cluster;
  operator = await InstalledOperator.install(cluster, node, NAMESPACE);
  restores = new FileRestores(cluster, operator);
  [backup] = (await seedBackups(cluster, node, velero, { backups: ["monday"] })) as [SeededBackup];
  await cluster.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: TEAM } }, ...USERS_OBJECTS);
  await cluster.kubectl("-n", TEAM, "wait", "--for=jsonpath={.status.phase}=Bound", "pvc/mine", "--timeout=120s");
  const fileAccess = { ssh: {}, fileBrowser: { credentialsSecretRef: { name: "web-login", namespace: TEAM } } };
  await restores.create("restored", SEED_VM, { restoreNamespace: TEAM, fileAccess });
  await restores.create("direct", SEED_VM, {
    restoreNamespace: TEAM,
    dataPath: "Direct",
    fileAccess: { ssh: {}, fileBrowser: {} },
  });
  restored = await restores.reach("Completed", "restored");
  direct = await restores.reach("Completed", "direct");
});
afterAll(() => running?.stop());

/** What must be there after every deletion. */
const USERS_OBJECTS = [
  {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "web-login", namespace: TEAM },
    stringData: { username: "alice", password: "correct-horse-battery" },
  },
  { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "mine", namespace: TEAM }, data: { a: "b" } },
  { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "mine", namespace: TEAM } },
  {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "mine", namespace: TEAM },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "8Mi" } } },
  },
];

const KINDS =
  "pods,services,persistentvolumeclaims,secrets,configmaps,serviceaccounts,networkpolicies,routes,rolebindings";

/** Everything in the user's namespace, sorted. */
async function objectsOfTeam(): Promise<string[]> {
  const names = await cluster.kubectl("-n", TEAM, "get", KINDS, "-o", "name");
  return names
    .split("\n")
    .filter((name) => name !== "")
    .sort();
}

interface PodSpec {
  readonly serviceAccountName: string;
  readonly initContainers: readonly { readonly image: string }[];
  readonly containers: readonly { readonly name: string; readonly image: string }[];
}

async function podOf(restore: FileRestore): Promise<{ spec: PodSpec; status: { podIP: string } }> {
  const name = restore.status.fileServingInfo?.podName ?? "";
  return JSON.parse(await cluster.kubectl("-n", namespaceOf(restore), "get", "pod", name, "-o", "json"));
}

/** One file, over HTTPS with the certificate verified. */
async function expectServed(restore: FileRestore): Promise<void> {
  const [disk, { files: seeded }] = [...backup.disks][0] as [string, { files: Record<string, string> }];
  const files = await ServedFiles.of(cluster, restore);
  const copy = await files.fetch("curl", `/backups/monday/${disk}/${FILE}`);
  expect(readFileSync(copy, "utf8")).toBe(seeded[FILE]);
}

test("in a user's namespace the pod has a ServiceAccount of its own, and every disk is served (D1)", async () => {
  expect(namespaceOf(restored)).toBe(TEAM);
  const { spec } = await podOf(restored);
  expect(spec.serviceAccountName).toBe("restored-fileserver");
  await cluster.kubectl("-n", TEAM, "get", "serviceaccount", spec.serviceAccountName);
  expect(await restores.claimsOf(restored)).toEqual(
    ["mine", ...[...backup.disks.keys()].map((disk) => `${disk}-monday`)].sort(),
  );
  const files = await ServedFiles.of(cluster, restored);
  for (const [disk, { files: seeded }] of backup.disks) {
    for (const client of ["curl", "sftp"] as const) {
      expect(readFileSync(await files.fetch(client, `/backups/monday/${disk}/${FILE}`), "utf8")).toBe(seeded[FILE]);
      tally("files fetched from a user's namespace equal to the source", 1);
    }
  }
});

test("a Secret that is in the restore's namespace already is found, copied under another name, and left alone (D9)", async () => {
  const copy = restored.status.fileServingInfo?.fileBrowser?.credentialsSecretRef;
  expect(copy).toEqual({ name: "restored-filebrowser", namespace: TEAM });
  const values = "jsonpath={.data.username} {.data.password} {.metadata.labels}";
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const login = `${base64("alice")} ${base64("correct-horse-battery")} `;
  expect(await cluster.kubectl("-n", TEAM, "get", "secret", "web-login", "-o", values)).toBe(login);
  expect(await cluster.kubectl("-n", TEAM, "get", "secret", copy?.name ?? "", "-o", values)).toContain(login);
});

test("two restores in one namespace have a certificate, credentials and a Service each (D21)", async () => {
  const infos = [restored, direct].map(({ status }) => status.fileServingInfo);
  const authorities = infos.map((info) => info?.fileBrowser?.certificateAuthority);
  expect(new Set(authorities).size).toBe(2);
  expect(new Set(infos.map((info) => info?.ssh?.hostKeyFingerprint)).size).toBe(2);
  expect(new Set(infos.map((info) => info?.fileBrowser?.clusterAccess)).size).toBe(2);
  for (const restore of [restored, direct]) {
    // Verifies the certificate with that restore's own authority.
    await expectServed(restore);
  }
  expect(await cluster.kubectl("-n", TEAM, "get", "secrets", "-o", "name")).toMatch(
    /secret\/direct-fileserver-tls\n(.*\n)*secret\/restored-fileserver-tls\n/,
  );
});

test("a Service has the ports that are asked for, and something answers on each (D19)", async () => {
  await restores.restore("ssh-only", "direct", { restoreNamespace: TEAM, dataPath: "Direct", fileAccess: { ssh: {} } });
  const sshOnly = await restores.reach("Completed", "ssh-only");
  const portsOf = (service: string) =>
    cluster.kubectl("-n", TEAM, "get", "service", service, "-o", "jsonpath={.spec.ports[*].port}");
  expect(await portsOf("ssh-only-fileserver-svc")).toBe("2222");
  expect(await portsOf("direct-fileserver-svc")).toBe("2222 8443");
  const answers = async (restore: FileRestore, port: number) => isOpen((await podOf(restore)).status.podIP, port);
  expect(await answers(direct, 8443)).toBe(true);
  expect(await answers(direct, 2222)).toBe(true);
  expect(await answers(sshOnly, 2222)).toBe(true);
  expect(await answers(sshOnly, 8443)).toBe(false);
  expect(await answers(sshOnly, 8080)).toBe(false);
  await restores.kubectl("delete", "vmfr/ssh-only", "--timeout=120s");
});

test("deletion takes pod, PVCs and Services out of a user's namespace, and leaves the namespace and what is the user's (D2)", async () => {
  const before = await objectsOfTeam();
  await restores.kubectl("delete", "vmfr/restored", "--timeout=120s");
  const without = before.filter((name) => !/\/(restored-|web-1-)/.test(name));
  expect(before.length - without.length).toBeGreaterThanOrEqual(9);
  expect(await objectsOfTeam()).toEqual(without);
  expect(await restores.veleroRestores()).toEqual([]);
  // The other restore of that namespace goes on.
  await expectServed(direct);
  await restores.kubectl("delete", "vmfr/direct", "--timeout=120s");
  const users = await objectsOfTeam();
  expect(users).toEqual([
    "configmap/kube-root-ca.crt",
    "configmap/mine",
    "persistentvolumeclaim/mine",
    "secret/web-login",
    "serviceaccount/default",
    "serviceaccount/mine",
  ]);
  tally("objects of a user left alone", users.length);
  const phase = await cluster.kubectl("get", "namespace", TEAM, "-o", "jsonpath={.status.phase}");
  expect(phase).toBe("Active");
});

test("a restore with ttl says when it expires, and then deletes itself and everything it made (D37)", async () => {
  await restores.restore("short-lived", "direct", { dataPath: "Direct", ttl: "20s" });
  await restores.reach("Completed", "short-lived").catch((error: unknown) => {
    // On a machine slow enough it is gone before anybody could look.
    if (!/NotFound/.test(String(error))) throw error;
  });
  const left = () => restores.kubectl("get", "vmfr/short-lived", "--ignore-not-found", "-o", "name");
  await expect.poll(left, { timeout: 240_000, interval: 1_000 }).toBe("");
  const temporary = "oadp.openshift.io/vmfr-temp-namespace=true";
  expect(await cluster.kubectl("get", "namespaces", "-l", temporary, "-o", "name")).toBe("");
  await restores.restore("long-lived", "direct", { dataPath: "Direct", ttl: "8h" });
  const { status, metadata } = await restores.reach("Completed", "long-lived");
  const { creationTimestamp } = metadata as unknown as { creationTimestamp: string };
  expect(Date.parse(String(status.expiresAt)) - Date.parse(creationTimestamp)).toBe(8 * 3_600_000);
});

test("the pod runs the images that the operator's variables name, one for each container (D43)", async () => {
  const variables = Object.entries(MIRRORED).map(([name, image]) => `${name}=${image}`);
  await setVariables(...variables);
  await restores.restore("mirrored", "direct", { dataPath: "Direct", fileAccess: { ssh: {}, fileBrowser: {} } });
  const { spec } = await podOf(await restores.reach("Completed", "mirrored"));
  const images = [...spec.initContainers, ...spec.containers].map(({ image }) => image).sort();
  expect(images).toEqual(Object.values(MIRRORED).sort());
});

test("a pod that does not get ready in time ends the restore with the reason (D37)", async () => {
  await operator.addFlags(["--pod-timeout=10s"]);
  await setVariables("VMFR_SSH_IMAGE=nowhere.test/ssh");
  await restores.restore("stuck", "direct", { dataPath: "Direct", fileAccess: { ssh: {} } });
  const { status } = await restores.reach("Failed", "stuck");
  const progressing = status.conditions?.find(({ type }) => type === "Progressing");
  expect(progressing).toMatchObject({ status: "False", reason: "FileServerNotReady" });
  expect(progressing?.message).toMatch(/no file could be read within 10s/);
});

/** Of the operator's container; it starts anew with them. */
async function setVariables(...variables: readonly string[]): Promise<void> {
  await restores.kubectl("set", "env", "deployment/oadp-vm-file-restore-controller-manager", ...variables);
  await operator.waitUntilReady();
}

function isOpen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
