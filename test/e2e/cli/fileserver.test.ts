import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { generateHostKey, generateUserKey } from "../../../src/serve/ssh/server/ssh-keys.ts";
import { createSessionCertificate } from "../../../src/serve/tls/session-certificate.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { temporaryDirectory } from "../../setup/scratch-directory.ts";
import { exampleBucket, programCommand, vmfr } from "../setup/vmfr.ts";

const user = generateUserKey("tester");
const authority = { file: "" };
let pod = "";
let removeScratch = (): void => undefined;
afterAll(() => removeScratch());

/** An ext4 file system whose one file says where it is. */
function makeDisk(file: string, content: string): void {
  const root = path.join(pod, "root");
  mkdirSync(root, { recursive: true });
  writeFileSync(path.join(root, "where.txt"), content);
  execFileSync("mkfs.ext4", ["-q", "-d", root, file, "8M"]);
}

beforeAll(async () => {
  await requireDebianPackages("e2fsprogs", "qemu-utils", "curl", "openssh-client");
  const scratch = temporaryDirectory();
  removeScratch = scratch.remove;
  pod = scratch.path;
  for (const directory of ["tls", "web", "ssh", "host-key", "volume", "tricked"]) mkdirSync(path.join(pod, directory));
  const certificate = await createSessionCertificate();
  writeFileSync(path.join(pod, "tls/tls.crt"), certificate.certificateChain);
  writeFileSync(path.join(pod, "tls/tls.key"), certificate.privateKey);
  authority.file = path.join(pod, "ca.crt");
  writeFileSync(authority.file, certificate.authority ?? "");
  writeFileSync(path.join(pod, "web/password"), "a long pass phrase\n");
  writeFileSync(path.join(pod, "ssh/authorized_keys"), `${user.publicKey}\n`);
  writeFileSync(path.join(pod, "ssh/username"), "oadp");
  writeFileSync(path.join(pod, "host-key/ssh_host_ed25519_key"), generateHostKey().privateKey);
  writeFileSync(path.join(pod, "id"), user.privateKey, { mode: 0o600 });
  makeDisk(path.join(pod, "device"), "on the device\n");
  makeDisk(path.join(pod, "raw"), "in the image\n");
  execFileSync("qemu-img", ["convert", "-O", "qcow2", path.join(pod, "raw"), path.join(pod, "volume/disk.qcow2")]);
  renameSync(path.join(pod, "raw"), path.join(pod, "elsewhere.img"));
  symlinkSync("../elsewhere.img", path.join(pod, "tricked/disk.img"));
  writeFileSync(
    path.join(pod, "plan.json"),
    JSON.stringify({
      vm: { namespace: "demo", name: "web-1" },
      stores: [
        { name: "default", url: exampleBucket },
        { name: "elsewhere", url: path.join(pod, "no-bucket") },
      ],
      backups: [
        {
          name: "attached",
          completedAt: "2026-11-20T03:00:00Z",
          disks: [
            { name: "root", volumeMode: "Block", path: path.join(pod, "device") },
            { name: "data", volumeMode: "Filesystem", path: path.join(pod, "volume") },
            { name: "tricked", volumeMode: "Filesystem", path: path.join(pod, "tricked") },
            { name: "gone", unavailable: "the Velero restore failed" },
          ],
        },
        { name: "web-1-2026-11-18", store: "default" },
        { name: "out-of-reach", store: "elsewhere" },
      ],
    }),
  );
});

interface Container {
  readonly port: number;
  readonly healthPort: number;
  stop(): Promise<number | null>;
}

async function startContainer(args: readonly string[]): Promise<Container> {
  const common = ["--plan", path.join(pod, "plan.json"), "--inventory", path.join(pod, "inventory.json")];
  const [command, all] = programCommand(["fileserver", ...args, ...common, "--listen", "127.0.0.1", "--port", "0"]);
  const child = spawn(command, [...all, "--health-port", "0"], { stdio: ["ignore", "inherit", "pipe"] });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  let healthPort = 0;
  for await (const line of createInterface(child.stderr)) {
    const { msg, port } = JSON.parse(line) as { msg: string; port: number };
    if (msg === "answering probes") healthPort = port;
    if (msg.startsWith("serving ")) {
      child.stderr.resume();
      const stop = (): Promise<number | null> => {
        child.kill("SIGTERM");
        return exited;
      };
      return { port, healthPort, stop };
    }
  }
  throw new Error(`the container ended with ${await exited}`);
}

async function untilReady({ healthPort }: Container): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if ((await fetch(`http://127.0.0.1:${healthPort}/readyz`)).ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("the container did not become ready");
}

test("the containers of a pod inspect, serve over HTTPS and over SSH what is attached and what is in the bucket", async () => {
  const common = ["--plan", path.join(pod, "plan.json"), "--inventory", path.join(pod, "inventory.json")];
  expect(await vmfr(["fileserver", "inspect", ...common])).toMatchObject({ code: 0 });
  const web = await startContainer([
    "web",
    "--credentials",
    path.join(pod, "web"),
    "--certificate",
    path.join(pod, "tls"),
  ]);
  const ssh = await startContainer([
    "ssh",
    "--credentials",
    path.join(pod, "ssh"),
    "--host-key",
    path.join(pod, "host-key"),
  ]);
  try {
    await Promise.all([untilReady(web), untilReady(ssh)]);
    const fetched = (file: string): string =>
      execFileSync(
        "curl",
        [
          "-sSf",
          "--cacert",
          authority.file,
          "-u",
          "oadp:a long pass phrase",
          `https://localhost:${web.port}/files${file}`,
        ],
        { encoding: "utf8" },
      );
    expect(fetched("/backups/attached/root/where.txt")).toBe("on the device\n");
    expect(fetched("/restores/2026-11-20/attached/web-1/data/where.txt")).toBe("in the image\n");

    const target = path.join(pod, "fetched");
    execFileSync("sftp", [
      ...["-q", "-P", String(ssh.port), "-i", path.join(pod, "id"), "-o", "StrictHostKeyChecking=no"],
      ...["-o", `UserKnownHostsFile=${path.join(pod, "known_hosts")}`, "-o", "BatchMode=yes"],
      ...["oadp@127.0.0.1:/restores/2026-11-20/attached/root/where.txt", target],
    ]);
    expect(readFileSync(target, "utf8")).toBe("on the device\n");

    const inventory = await (await fetch(`http://127.0.0.1:${ssh.healthPort}/inventory`)).json();
    expect(inventory).toMatchObject({
      backups: [
        {
          disks: [
            { name: "root", state: "available", format: "raw", fileSystems: [{ type: "ext4" }] },
            { name: "data", state: "available", format: "qcow2", fileSystems: [{ type: "ext4" }] },
            { name: "tricked", state: "unavailable", reasons: [expect.stringContaining("without disk.img")] },
            { name: "gone", state: "unavailable", reasons: ["the Velero restore failed"] },
          ],
        },
        { name: "web-1-2026-11-18", disks: expect.arrayContaining([expect.objectContaining({ state: "available" })]) },
        {
          name: "out-of-reach",
          disks: [{ state: "unavailable", reasons: [expect.stringContaining("cannot be opened")] }],
        },
      ],
    });
    const metrics = await (await fetch(`http://127.0.0.1:${web.healthPort}/metrics`)).text();
    expect(metrics).toMatch(/^vmfr_disks\{state="available"\} \d+$/m);
  } finally {
    expect(await Promise.all([web.stop(), ssh.stop()])).toEqual([0, 0]);
  }
});

test("a plan that is not valid is refused by name", async () => {
  const plan = path.join(pod, "bad.json");
  writeFileSync(plan, JSON.stringify({ vm: { namespace: "demo", name: "web-1" }, backups: [{ name: "b" }] }));
  expect(await vmfr(["fileserver", "inspect", "--plan", plan])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("(stores)"),
  });
});
