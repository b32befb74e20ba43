/** dataPath Direct over backups in several BackupStorageLocations, on a real API server with a real Velero. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requireDebianPackages } from "../setup/debian-packages.ts";
import { tally } from "../setup/tally.ts";
import { vmfrImages } from "./node-double/vmfr-image.ts";
import { type FileRestore, FileRestores, namespaceOf } from "./operator/file-restores.ts";
import { InstalledOperator } from "./operator/installed-operator.ts";
import { ServedFiles } from "./operator/served-files.ts";
import { seedBackups } from "./seed/seed-backups.ts";
import type { SeedVm } from "./seed/virtual-machine.ts";
import { type Bucket, startBucket } from "./velero/velero.ts";
import { startVeleroCluster, type VeleroCluster } from "./velero/velero-cluster.ts";

const NAMESPACE = "velero";
const VM: SeedVm = {
  namespace: "guests",
  name: "web-1",
  disks: [{ name: "web-1-root", mode: "Block", bytes: 16 * 1024 * 1024 }],
};
const WEST = { accessKeyId: "western-access-key", secretAccessKey: "western-secret-key" };

let running: VeleroCluster;
let west: Bucket;
let restores: FileRestores;
beforeAll(async () => {
  await requireDebianPackages("curl", "openssh-client");
  running = await startVeleroCluster(vmfrImages());
  const { cluster, node, velero } = running;
  restores = new FileRestores(cluster, await InstalledOperator.install(cluster, node, NAMESPACE));
  west = await startBucket(cluster, "western-backups", WEST);
  await addLocation("west", west);
  await seedBackups(cluster, node, velero, { vms: [VM], backups: ["monday"] });
  await seedBackups(cluster, node, velero, { vms: [VM], backups: ["tuesday"], options: ["--storage-location=west"] });
});
afterAll(async () => {
  await west?.server.close();
  await running?.stop();
});

/** With a folder, and credentials of its own that open no other bucket. */
async function addLocation(name: string, { server }: Bucket): Promise<void> {
  const { cluster, node } = running;
  const { accessKeyId, secretAccessKey } = server.credentials;
  const keys = ["[default]", `aws_access_key_id=${accessKeyId}`, `aws_secret_access_key=${secretAccessKey}`, ""];
  const secret = { name: `${name}-credentials`, key: "cloud" };
  const config = { region: "us-east-1", s3ForcePathStyle: "true", s3Url: await node.urlForPods(server.endpoint) };
  await cluster.apply(
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: secret.name, namespace: NAMESPACE },
      stringData: { [secret.key]: keys.join("\n"), unrelated: "nobody's business" },
    },
    {
      apiVersion: "velero.io/v1",
      kind: "BackupStorageLocation",
      metadata: { name, namespace: NAMESPACE },
      spec: {
        provider: "aws",
        objectStorage: { bucket: server.bucket, prefix: "site-b" },
        config,
        credential: secret,
        validationFrequency: "5s",
      },
    },
  );
  const location = `backupstoragelocation/${name}`;
  await cluster.kubectl(
    ...["-n", NAMESPACE, "wait", "--for=jsonpath={.status.phase}=Available", location, "--timeout=120s"],
  );
}

async function expectFileOf(restored: FileRestore, backup: string): Promise<void> {
  const served = await ServedFiles.of(running.cluster, restored);
  const file = await served.fetch("curl", `/backups/${backup}/web-1-root/etc/nginx/nginx.conf`);
  expect(readFileSync(file, "utf8")).toContain(`# web-1-root at the time of ${backup}`);
  tally("files read from one of several storage locations equal to the source", 1);
}

/** What the status says of each disk, by backup. */
function entriesOf({ status }: FileRestore) {
  const entries = (status.pvcRestores ?? []).flatMap(({ restores: all = [] }) => all);
  return new Map(entries.map((entry) => [entry.veleroBackupName, entry]));
}

test("dataPath Direct reads each backup with exactly its location's credentials", async () => {
  await restores.create("both", VM, { dataPath: "Direct", fileAccess: { ssh: {}, fileBrowser: {} } });
  const restored = await restores.reach("Completed", "both");
  expect(entriesOf(restored).get("monday")).toMatchObject({ storageLocation: "default", dataPath: "Direct" });
  expect(entriesOf(restored).get("tuesday")).toMatchObject({ storageLocation: "west", dataPath: "Direct" });
  await expectFileOf(restored, "monday");
  await expectFileOf(restored, "tuesday");

  const namespace = namespaceOf(restored);
  const secret = await running.cluster.kubectl(
    "-n",
    namespace,
    "get",
    "secret",
    "both-fileserver-bucket",
    "-o",
    "json",
  );
  const { data } = JSON.parse(secret) as { data: Record<string, string> };
  expect(Object.keys(data).sort()).toEqual(["credentials", "repository-password"]);
  const east = running.bucket.server.credentials;
  expect(Buffer.from(data["credentials"] ?? "", "base64").toString("utf8")).toBe(
    [
      "[default]",
      `aws_access_key_id = ${east.accessKeyId}`,
      `aws_secret_access_key = ${east.secretAccessKey}`,
      "",
      "[west]",
      `aws_access_key_id = ${WEST.accessKeyId}`,
      `aws_secret_access_key = ${WEST.secretAccessKey}`,
      "",
    ].join("\n"),
  );

  await restores.restore("one", "both", { dataPath: "Direct", selectedBackups: ["tuesday"] });
  const one = await restores.reach("Completed", "one");
  const get = ["get", "secret", "one-fileserver-bucket", "-o", "jsonpath={.data.credentials}"];
  const only = Buffer.from(await running.cluster.kubectl("-n", namespaceOf(one), ...get), "base64").toString("utf8");
  expect(only).toContain("[west]");
  expect(only).not.toContain(east.accessKeyId);
});

test("a location that cannot be read fails only its own backups", async () => {
  await west.server.close();
  await restores.restore("half", "both", { dataPath: "Direct", fileAccess: { ssh: {}, fileBrowser: {} } });
  const restored = await restores.reach("PartiallyFailed", "half");
  expect(entriesOf(restored).get("tuesday")).toMatchObject({
    state: "backup-missing",
    failureReason: expect.stringContaining("BackupStorageLocation west is Unavailable"),
  });
  expect(entriesOf(restored).get("monday")).toMatchObject({ state: "available" });
  await expectFileOf(restored, "monday");
});
