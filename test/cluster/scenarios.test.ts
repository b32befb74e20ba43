/** The scenarios that file restores are for, each from the user's question to the user's answer, on real parts. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { VirtualMachineBackupsDiscoveryStatus } from "../../src/operator/api/v1alpha1/virtual-machine-backups-discovery.ts";
import { requireDebianPackages } from "../setup/debian-packages.ts";
import { runTool } from "../setup/run-tool.ts";
import { tally } from "../setup/tally.ts";
import type { Cluster } from "./control-plane/cluster.ts";
import { vmfrImages } from "./node-double/vmfr-image.ts";
import { FileRestores } from "./operator/file-restores.ts";
import { InstalledOperator } from "./operator/installed-operator.ts";
import { ServedFiles } from "./operator/served-files.ts";
import { type GuestFiles, sha256Of } from "./seed/guest-image.ts";
import { seedBackups } from "./seed/seed-backups.ts";
import type { SeedVm } from "./seed/virtual-machine.ts";
import { startVeleroCluster, type VeleroCluster } from "./velero/velero-cluster.ts";

const NAMESPACE = "velero";
const MEBIBYTE = 1024 * 1024;

const vmOf = (name: string): SeedVm => ({
  namespace: "shop",
  name,
  disks: [{ name: `${name}-root`, mode: "Block", bytes: 32 * MEBIBYTE }],
});
const WEB = vmOf("web");
const DATABASE = vmOf("database");

/** `database-only` is the nightly backup of one VM alone; the configuration breaks before `tuesday`, the documents go before `thursday`. */
const BACKUPS = ["monday", "tuesday", "database-only", "thursday"] as const;

const CONFIGURATION = "etc/nginx/nginx.conf";
const DOCUMENTS = ["srv/documents/contract 2026.txt", "srv/documents/invoices/november.csv"];

function filesOf(disk: string, backup: string): GuestFiles {
  if (disk === "database-root") {
    return { "etc/hostname": "database\n", "var/lib/orders.sql": `-- orders as of ${backup}\n`.repeat(5000) };
  }
  const documents = Object.fromEntries(DOCUMENTS.map((name) => [name, `${name}\n`.repeat(3000)]));
  return {
    "etc/hostname": "web\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    [CONFIGURATION]: `worker_processes ${backup === "monday" ? "auto" : "0"};\n`,
    ...(backup === "thursday" ? { "srv/report.txt": "written since\n" } : documents),
  };
}

let running: VeleroCluster;
let cluster: Cluster;
let restores: FileRestores;
beforeAll(async () => {
  await requireDebianPackages("curl", "openssh-client", "rsync", "tar", "diffutils");
  running = await startVeleroCluster(vmfrImages());
  const { node, velero } = running;
  cluster = running.cluster;
  restores = new FileRestores(cluster, await InstalledOperator.install(cluster, node, NAMESPACE));
  await seedBackups(cluster, node, velero, {
    vms: [WEB, DATABASE],
    backups: BACKUPS,
    filesOf,
    isIn: (vm, backup) => backup !== "database-only" || vm === DATABASE.name,
  });
});
afterAll(() => running?.stop());

const bothWays = { fileAccess: { ssh: {}, fileBrowser: {} } };

test("configuration issue investigation: the files of before and after the incident, side by side, and no VM restored", async () => {
  const selectedBackups = ["monday", "tuesday"];
  await restores.create("incident", WEB, { ...bothWays, dataPath: "Direct", selectedBackups });
  const restored = await restores.reach("Completed", "incident");
  const files = await ServedFiles.of(cluster, restored);
  const [before = "", after = ""] = await Promise.all(
    selectedBackups.map(async (backup) => {
      const archive = path.join(files.directory, `${backup}.tar`);
      await files.curl(`/archive/backups/${backup}/web-root/etc?format=tar`, "-o", archive);
      const folder = path.join(files.directory, backup);
      await runTool("mkdir", [folder]);
      await runTool("tar", ["-C", folder, "-xf", archive]);
      return folder;
    }),
  );
  const differing = await runTool("diff", ["-rq", before, after]).catch((error: { stdout: string }) => error.stdout);
  expect(differing.trim().split("\n")).toEqual([expect.stringMatching(/nginx\.conf .* differ$/)]);
  const configurations = await Promise.all(
    selectedBackups.map((backup) => files.curl(`/files/backups/${backup}/web-root/${CONFIGURATION}`)),
  );
  expect(configurations).toEqual(["worker_processes auto;\n", "worker_processes 0;\n"]);
  expect(await restores.veleroRestores()).toEqual([]);
  expect(await restores.claimsOf(restored)).toEqual([]);
  await restores.expectNothingLeft(restored);
  tally("scenarios of the mission", 1);
});

test("selective file recovery: deleted documents come back, the VM and what it wrote since stay as they are", async () => {
  const before = await stateOfVm(WEB);
  await restores.create("documents", WEB, { ...bothWays, selectedBackups: ["tuesday"] });
  const restored = await restores.reach("Completed", "documents");
  const files = await ServedFiles.of(cluster, restored);
  const seeded = filesOf("web-root", "tuesday");
  const date = restored.status.pvcRestores?.[0]?.restores?.[0]?.timestamp?.slice(0, 10);
  for (const directory of ["/backups/tuesday/web-root", `/restores/${date}/tuesday/web/web-root`]) {
    const recovered = await files.fetchDirectory(`${directory}/srv/documents`);
    expect(readdirSync(recovered).sort()).toEqual(["contract 2026.txt", "invoices"]);
    for (const name of DOCUMENTS) {
      const copy = path.join(recovered, path.relative("srv/documents", name));
      expect(readFileSync(copy, "utf8")).toBe(seeded[name]);
    }
  }
  expect(await stateOfVm(WEB)).toEqual(before);
  await restores.expectNothingLeft(restored);
  expect(await stateOfVm(WEB)).toEqual(before);
  tally("scenarios of the mission", 1);
});

test("multi-VM backup discovery: of a namespace's backups those that contain the VM are found, and the file in the right one", async () => {
  type Found = VirtualMachineBackupsDiscoveryStatus;
  await restores.discover("web", WEB);
  await restores.discover("database", DATABASE);
  const web = await restores.waitFor<Found>("vmbd/web", "Completed");
  const database = await restores.waitFor<Found>("vmbd/database", "Completed");
  const namesOf = (found: { name?: string }[] | undefined) => (found ?? []).map(({ name }) => name);
  expect(namesOf(web.status.validBackups)).toEqual(["thursday", "tuesday", "monday"]);
  expect(namesOf(web.status.invalidBackups)).toEqual(["database-only"]);
  expect(namesOf(database.status.validBackups)).toEqual([...BACKUPS].reverse());

  await restores.restore("database", "database", {
    ...bothWays,
    dataPath: "Direct",
    selectedBackups: ["database-only"],
  });
  const restored = await restores.reach("Completed", "database");
  const files = await ServedFiles.of(cluster, restored);
  const orders = "var/lib/orders.sql";
  const copy = await files.fetch("sftp", `/backups/database-only/database-root/${orders}`);
  expect(readFileSync(copy, "utf8")).toBe(filesOf("database-root", "database-only")[orders]);
  await restores.expectNothingLeft(restored);
  await restores.kubectl("delete", "vmbd/web");
  tally("scenarios of the mission", 1);
});

/** What restoring a VM would change: its objects and its disks' bytes. */
async function stateOfVm({ namespace, name, disks }: SeedVm): Promise<object> {
  const shown = "jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.uid} {.metadata.resourceVersion}\n{end}";
  const objects = await cluster.kubectl("-n", namespace, "get", "vm,dv,pvc", "-o", shown);
  const images = disks.map(async (disk) => sha256Of(await running.node.diskOf(namespace, disk.name)));
  return { name, objects, images: await Promise.all(images) };
}
