import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { displayName, joinPath } from "../../../src/bytes/byte-name.ts";
import type { FileSystem, NodeStat } from "../../../src/disk/filesystem/file-system.ts";
import { DirectoryStore } from "../../../src/object-store/directory-store.ts";
import { type BucketBackups, openBucketBackups } from "../../../src/restore-tree/bucket-backups.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { kopiaCli } from "../../setup/kopia-cli.ts";
import { VELERO_PASSWORD } from "../../setup/kopia-workspace.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";

const examples = path.resolve(import.meta.dirname, "../../../examples");
const bucket = path.join(examples, "bucket");

/** Backup, disk, volume, path: what a reader must find. */
type Expected = Record<string, Record<string, Record<string, Record<string, string>>>>;
const expected = JSON.parse(readFileSync(path.join(examples, "expected.json"), "utf8")) as Expected;
const vm = { namespace: "demo", name: "web-1" };

let store: DirectoryStore;
let opened: BucketBackups;

beforeAll(async () => {
  await requireDebianPackages("e2fsprogs");
  store = await DirectoryStore.open(bucket);
  opened = await openBucketBackups({ store, vm, repositoryPassword: VELERO_PASSWORD });
});

afterAll(async () => {
  await opened?.close();
  await store?.close();
});

test("the committed bucket is small, and flat as in an object store", () => {
  const files = readdirSync(bucket, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(path.join(bucket, name)).isFile(),
  );
  const bytes = files.reduce((sum, name) => sum + statSync(path.join(bucket, name)).size, 0);
  expect(bytes).toBeLessThan(10_000_000);
  expect(files.filter((name) => name.endsWith(".f") || name.includes("_log_"))).toEqual([]);
});

test("three backups are valid; the two others say why not", () => {
  expect(opened.discovery.validBackups.map(({ name }) => name)).toEqual(Object.keys(expected).reverse());
  expect(opened.discovery.validBackups.map(({ consistency }) => consistency?.state)).toEqual(
    Array(3).fill("file-system-consistent"),
  );
  const reasons = Object.fromEntries(opened.discovery.invalidBackups.map(({ name, reason }) => [name, reason]));
  expect(reasons).toEqual({
    "db-1-2026-11-15": "VM not found in backup",
    "before-upgrade-2026-11-14": expect.stringMatching(/^its data is in a CSI snapshot and not in the bucket/),
  });
});

test("every file of every volume is as the builder made it", async () => {
  let compared = 0;
  for (const backup of opened.backups) {
    const disks = expected[backup.name] ?? {};
    expect(backup.disks.map(({ name }) => name)).toEqual(Object.keys(disks));
    for (const each of backup.disks) {
      const disk = await each.open();
      const found: Record<string, Record<string, string>> = {};
      for (const { name, content } of disk.volumes) {
        if (content.kind !== "file-system") continue;
        expect(content.fileSystem.info().consistency.state).toBe("clean");
        found[name] = await listing(content.fileSystem);
        compared += Object.keys(found[name]).length;
      }
      expect(found).toEqual(disks[each.name]);
      await disk.close();
    }
  }
  expect(compared).toBeGreaterThan(150);
  tally("files of the example bucket equal to their source", compared);
});

async function listing(fileSystem: FileSystem): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const visit = async (node: number, names: readonly Uint8Array[]): Promise<void> => {
    const stat = await fileSystem.stat(node);
    found[displayName(joinPath(names))] = `${describe(stat)} ${await contentOf(fileSystem, stat)}`.trim();
    if (stat.type !== "directory") return;
    for await (const entries of fileSystem.readDirectory(node)) {
      for (const entry of entries) {
        if (Buffer.from(entry.name).toString() !== "lost+found") await visit(entry.node, [...names, entry.name]);
      }
    }
  };
  await visit(fileSystem.root, []);
  return found;
}

function describe({ type, mode, uid, gid, mtime }: NodeStat): string {
  const time = new Date(Number(mtime / 1_000_000n)).toISOString().slice(0, 19);
  return `${type} ${mode.toString(8).padStart(4, "0")} ${uid}:${gid} ${time}Z`;
}

async function contentOf(fileSystem: FileSystem, { type, node }: NodeStat): Promise<string> {
  if (type === "symlink") return `-> ${Buffer.from(await fileSystem.readLink(node)).toString()}`;
  if (type !== "file") return "";
  const file = await fileSystem.openFile(node);
  const hash = createHash("sha256").update(await file.read(0, file.size));
  return `${file.size} sha256:${hash.digest("hex")}`;
}

test("the disks are, byte for byte, what the real Kopia restores", async () => {
  const scratch = scratchDirectory();
  const kopia = await connectKopia(scratch);
  let bytes = 0;
  for (const backup of opened.discovery.validBackups) {
    for (const { pvcName, location } of backup.volumes ?? []) {
      if (location.kind !== "kopia" || !("manifestId" in location.snapshot))
        throw new Error(`${pvcName} has no snapshot`);
      const target = path.join(scratch, `${backup.name}-${pvcName}`);
      kopia("snapshot", "restore", location.snapshot.manifestId, target, "--no-progress");
      const image = readFileSync(onlyFileIn(target));
      const disk = await opened.backups
        .find(({ name }) => name === backup.name)
        ?.disks.find(({ name }) => name === pvcName)
        ?.open();
      expect(disk?.source.size).toBe(image.length);
      expect(image.equals((await disk?.source.read(0, image.length)) ?? Buffer.alloc(0)), pvcName).toBe(true);
      await disk?.close();
      bytes += image.length;
    }
  }
  tally("bytes of the example's disks equal to what Kopia restores", bytes);
});

/** Kopia's command line on a copy of the bucket's repository, with the suffix its file-system storage wants. */
async function connectKopia(scratch: string): Promise<(...args: string[]) => string> {
  const repository = path.join(scratch, "repository");
  mkdirSync(repository);
  const blobs = path.join(bucket, "kopia", vm.namespace);
  for (const blob of readdirSync(blobs)) copyFileSync(path.join(blobs, blob), path.join(repository, `${blob}.f`));
  const binary = await kopiaCli();
  const environment = {
    PATH: process.env["PATH"],
    HOME: scratch,
    KOPIA_PASSWORD: VELERO_PASSWORD,
    KOPIA_CHECK_FOR_UPDATES: "false",
  };
  const kopia = (...args: string[]) =>
    execFileSync(binary, args, { encoding: "utf8", env: environment, stdio: ["ignore", "pipe", "pipe"] });
  kopia("repository", "connect", "filesystem", "--path", repository, "--flat", "--readonly");
  return kopia;
}

function onlyFileIn(folder: string): string {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(path.join(folder, name)).isFile(),
  );
  expect(files).toHaveLength(1);
  return path.join(folder, files[0] ?? "");
}
