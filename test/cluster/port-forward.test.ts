/** `kubectl vmfr open` by the real `kubectl port-forward`, through the real API server to a file-serving pod. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requireDebianPackages } from "../setup/debian-packages.ts";
import { runTool } from "../setup/run-tool.ts";
import { tally } from "../setup/tally.ts";
import { controlPlaneBinaries } from "./control-plane/binaries.ts";
import { vmfrImages } from "./node-double/vmfr-image.ts";
import { FileRestores } from "./operator/file-restores.ts";
import { InstalledOperator } from "./operator/installed-operator.ts";
import { SEED_VM, type SeededDisk, seedBackups } from "./seed/seed-backups.ts";
import type { SeedVm } from "./seed/virtual-machine.ts";
import { startVeleroCluster, type VeleroCluster } from "./velero/velero-cluster.ts";

const NAMESPACE = "velero";
const DISK = "web-1-root";
const VM: SeedVm = { ...SEED_VM, disks: SEED_VM.disks.filter(({ name }) => name === DISK) };
const root = path.resolve(import.meta.dirname, "../..");

let running: VeleroCluster;
let restores: FileRestores;
let seeded: SeededDisk;
/** With the real kubectl on it. */
let searchPath: string;

beforeAll(async () => {
  await requireDebianPackages("curl", "openssh-client");
  searchPath = `${path.dirname((await controlPlaneBinaries()).kubectl)}:${process.env["PATH"]}`;
  running = await startVeleroCluster(vmfrImages());
  const { cluster, node, velero } = running;
  restores = new FileRestores(cluster, await InstalledOperator.install(cluster, node, NAMESPACE));
  const [backup] = await seedBackups(cluster, node, velero, { vms: [VM], backups: ["monday"] });
  const disk = backup?.disks.get(DISK);
  if (disk === undefined) throw new Error(`${DISK} is not in the backup`);
  seeded = disk;
  const fileAccess = { ssh: {}, fileBrowser: {} };
  await restores.create("opened", VM, { dataPath: "Direct", fileAccess });
  await restores.reach("Completed", "opened");
});
afterAll(() => running?.stop());

/** The program of the sources, on the Node of the tests. */
function open(...options: string[]): ChildProcessWithoutNullStreams {
  const program = ["--import", "tsx", path.join(root, "src/bin/kubectl-vmfr.ts")];
  const connection = ["--kubeconfig", running.cluster.kubeconfigFile, "--namespace", NAMESPACE];
  const anyPorts = ["--https-port", "0", "--ssh-port", "0"];
  const all = [...program, "open", "opened", ...connection, ...anyPorts, ...options];
  return spawn(process.execPath, all, { cwd: root, env: { ...process.env, PATH: searchPath } });
}

/** What it prints, up to the line that the pattern matches. @throws with its complaints when it ends before */
async function printed(opened: ChildProcessWithoutNullStreams, last: RegExp): Promise<string[]> {
  let complaints = "";
  opened.stderr.on("data", (text: Buffer) => {
    complaints += text;
  });
  const lines: string[] = [];
  for await (const line of createInterface(opened.stdout)) {
    lines.push(line.trim());
    if (last.test(line)) return lines;
  }
  throw new Error(`kubectl vmfr open has ended: ${lines.join("\n")}\n${complaints}`);
}

async function endBySignal(opened: ChildProcessWithoutNullStreams): Promise<unknown> {
  const ended = once(opened, "close");
  opened.kill("SIGTERM");
  const [code] = await ended;
  return code;
}

const file = `/backups/monday/${DISK}/etc/nginx/nginx.conf`;
const large = "only-in-monday.txt";

test("the lines that open prints, pasted into a shell, fetch files of the guest until it is asked to end", async () => {
  const opened = open();
  const lines = await printed(opened, /^Ctrl\+C ends/);
  const lineOf = (program: string) => lines.find((line) => line.startsWith(`${program} `)) ?? "";
  const url = /https:\/\/127\.0\.0\.1:\d+\//.exec(lines.join("\n"))?.[0] ?? "";
  expect(await runTool("curl", ["-sk", "-o", "/dev/null", "-w", "%{http_code}", url])).toBe("200");

  const curl = lineOf("curl").replace("/METADATA.json", file).replace("curl ", "curl -sSf ");
  expect(await runTool("sh", ["-c", curl])).toBe(seeded.files["etc/nginx/nginx.conf"]);

  const target = path.join(running.cluster.directory, "fetched");
  const sftp = lineOf("sftp").replace("sftp ", "sftp -q -o StrictHostKeyChecking=accept-new ");
  await runTool("sh", ["-c", `${sftp.replace(/\/backups$/, `${file} ${target}`)}`]);
  expect(readFileSync(target, "utf8")).toBe(seeded.files["etc/nginx/nginx.conf"]);
  tally("files fetched through kubectl vmfr open equal to the source", 2);

  expect(await endBySignal(opened)).toBe(0);
  await expect(runTool("curl", ["-sk", url])).rejects.toThrow();
});

interface OpenLine {
  readonly https: Record<"url" | "user" | "password" | "host" | "caFile", string>;
}

test("many connections at once through one forwarding give the source's bytes; nothing of it stays on disk", async () => {
  const opened = open("--json");
  const [line = ""] = await printed(opened, /^\{/);
  const { url, user, password, host, caFile } = (JSON.parse(line) as OpenLine).https;
  const fetchLarge = () =>
    runTool("curl", [
      ...["-sSf", "--cacert", caFile, "--user", `${user}:${password}`],
      ...["--connect-to", `${host}:8443:${new URL(url).host}`],
      `https://${host}:8443/files/backups/monday/${DISK}/${large}`,
    ]);
  const copies = await Promise.all(Array.from({ length: 8 }, fetchLarge));
  for (const copy of copies) expect(copy === seeded.files[large]).toBe(true);
  tally("files fetched through kubectl vmfr open equal to the source", copies.length);
  expect(existsSync(caFile)).toBe(true);
  expect(await endBySignal(opened)).toBe(0);
  expect(existsSync(caFile)).toBe(false);
});

test("when the pod goes away open ends with its reason at the next connection", async () => {
  const opened = open("--json");
  let complaints = "";
  opened.stderr.on("data", (text: Buffer) => {
    complaints += text;
  });
  const ended = once(opened, "close");
  const [line = ""] = await printed(opened, /^\{/);
  await restores.expectNothingLeft(await restores.reach("Completed", "opened"));
  const { url } = (JSON.parse(line) as OpenLine).https;
  await expect(runTool("curl", ["-sk", url])).rejects.toThrow();
  expect(await ended).toEqual([6, null]);
  expect(complaints).toMatch(
    /the connection to pod opened-fileserver has ended: .*port 8443: the pod is gone.*lost connection to pod/s,
  );
});
