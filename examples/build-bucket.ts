/**
 * Builds examples/bucket, a backup storage location as Velero leaves it: real file systems, a repository
 * written by the real Kopia, Velero's objects in their exact shapes. Run with `npx tsx examples/build-bucket.ts`.
 * File contents are the same in every build; Kopia's keys and ids are not.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { displayName, nameFromKey } from "../src/bytes/byte-name.ts";
import { requireDebianPackages } from "../test/setup/debian-packages.ts";
import { KopiaWorkspace } from "../test/setup/kopia-workspace.ts";
import type { PlannedBackup, PlannedVm, VolumeData } from "../test/setup/velero-objects/backup-plan.ts";
import { encodeBackup, planBackup } from "../test/setup/velero-objects/velero-backup.ts";
import { dataUploadUid } from "../test/setup/velero-objects/volume-evidence.ts";
import { changeExt4, createExt4 } from "./guest/ext4-image.ts";
import { type GuestFile, type GuestTree, sha256 } from "./guest/guest-file.ts";
import { BOOT, createPartitionTable, ROOT, ROOT_DISK_SIZE, writePartition } from "./guest/root-disk.ts";
import { BOOT_UUID, contentsOn, DATA_UUID, DAYS, type Day, type DiskContents, ROOT_UUID } from "./guest/web-1.ts";

const MIB = 1024 * 1024;
const DATA_DISK_SIZE = 24 * MIB;
const NAMESPACE = "demo";
const VM = "web-1";
const bucket = path.join(import.meta.dirname, "bucket");

interface DayImages {
  readonly day: Day;
  readonly contents: DiskContents;
  readonly rootDisk: string;
  readonly dataDisk: string;
}

async function build(): Promise<void> {
  await requireDebianPackages("e2fsprogs", "fdisk");
  const scratch = mkdtempSync(path.join(tmpdir(), "vmfr-example-"));
  try {
    const images = makeImages(scratch);
    rmSync(bucket, { recursive: true, force: true });
    // A smaller splitter than Velero's (whose chunks start at 2 MiB) keeps the example small enough to commit.
    const kopia = await KopiaWorkspace.create(path.join(scratch, "kopia"), [
      "--object-splitter",
      "DYNAMIC-512K-BUZHASH",
    ]);
    for (const each of images) writeBackup(await backUp(kopia, each));
    writeBackup(snapshotOnlyBackup());
    writeBackup(otherVmBackup());
    writeRepository(kopia);
    writeFileSync(
      path.join(import.meta.dirname, "expected.json"),
      `${JSON.stringify(expectations(images), undefined, 2)}\n`,
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Each day's file systems are the day before's with the changes made in place. */
function makeImages(scratch: string): DayImages[] {
  const file = (name: string) => path.join(scratch, `${name}.ext4`);
  let before: DiskContents | undefined;
  return DAYS.map((day) => {
    const contents = contentsOn(day);
    const time = Date.parse(`${day}T01:59:00Z`) / 1000;
    if (before === undefined) {
      createExt4(file("boot"), contents.boot, { uuid: BOOT_UUID, label: "boot", size: BOOT.size, time });
      createExt4(file("root"), contents.root, { uuid: ROOT_UUID, label: "root", size: ROOT.size, time });
      createExt4(file("data"), contents.data, { uuid: DATA_UUID, label: "shop", size: DATA_DISK_SIZE, time });
    } else {
      changeExt4(file("root"), before.root, contents.root, time);
      changeExt4(file("data"), before.data, contents.data, time);
    }
    before = contents;
    const directory = path.join(scratch, day);
    mkdirSync(directory);
    const rootDisk = path.join(directory, "disk.img");
    createPartitionTable(rootDisk);
    writePartition(rootDisk, file("boot"), BOOT.offset);
    writePartition(rootDisk, file("root"), ROOT.offset);
    const dataDisk = path.join(scratch, `${day}.data`);
    copyFileSync(file("data"), dataDisk);
    return { day, contents, rootDisk, dataDisk };
  });
}

async function backUp(kopia: KopiaWorkspace, { day, rootDisk, dataDisk }: DayImages): Promise<PlannedBackup> {
  const name = backupName(day);
  const times = ["--start-time", `${day} 02:00:20 UTC`, "--end-time", `${day} 02:01:40 UTC`];
  const root = await kopia.snapshotDirectory(
    path.dirname(rootDisk),
    KopiaWorkspace.sourceOf(NAMESPACE, "web-1-root"),
    times,
  );
  const uid = dataUploadUid(name, NAMESPACE, "web-1-data");
  const data = await kopia.snapshotBlockDevice(dataDisk, KopiaWorkspace.sourceOf(NAMESPACE, "web-1-data"), uid, times);
  return planned(day, name, [
    webServer(
      { kind: "moved", manifestId: root.id, bytes: ROOT_DISK_SIZE },
      { kind: "moved", manifestId: data.id, bytes: DATA_DISK_SIZE },
    ),
  ]);
}

function backupName(day: Day): string {
  return `web-1-${day}`;
}

function planned(day: string, name: string, vms: readonly PlannedVm[]): PlannedBackup {
  const labels = { "velero.io/schedule-name": "nightly" };
  return {
    name,
    createdAt: `${day}T02:00:05Z`,
    completedAt: `${day}T02:02:10Z`,
    labels,
    includedNamespaces: [NAMESPACE],
    vms,
    status: { hookStatus: { hooksAttempted: 2 } },
  };
}

function webServer(root: VolumeData, data: VolumeData): PlannedVm {
  return {
    namespace: NAMESPACE,
    name: VM,
    running: { agentConnected: true, freezeHooks: true },
    volumes: [
      { pvcName: "web-1-root", volumeName: "root", capacity: "70Mi", bootOrder: 1, dataVolume: true, data: root },
      { pvcName: "web-1-data", volumeName: "data", capacity: "24Mi", mode: "Block", data },
    ],
    otherVolumes: [{ name: "cloudinit", cloudInitNoCloud: { userData: "#cloud-config\nhostname: web-1\n" } }],
  };
}

/** A backup that found the VM but left its data in the storage system. */
function snapshotOnlyBackup(): PlannedBackup {
  const snapshot = (handle: string): VolumeData => ({ kind: "csi-snapshot", driver: "rbd.csi.ceph.com", handle });
  const name = "before-upgrade-2026-11-14";
  return planned("2026-11-14", name, [
    webServer(snapshot("0001-0009-rook-ceph-a1"), snapshot("0001-0009-rook-ceph-a2")),
  ]);
}

/** A backup of the same namespace that holds another VM only. */
function otherVmBackup(): PlannedBackup {
  return planned("2026-11-15", "db-1-2026-11-15", [
    { namespace: NAMESPACE, name: "db-1", volumes: [{ pvcName: "db-1-root", data: { kind: "description-only" } }] },
  ]);
}

function writeBackup(plan: PlannedBackup): void {
  for (const [key, content] of encodeBackup(planBackup(plan))) {
    const file = path.join(bucket, key);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}

/** Without Kopia's own logs, which tell of the machine this was built on and of nothing else. */
function writeRepository(kopia: KopiaWorkspace): void {
  const repository = path.join(bucket, "kopia", NAMESPACE);
  kopia.copyAsBucket(repository);
  for (const blob of readdirSync(repository)) if (blob.startsWith("_log_")) rmSync(path.join(repository, blob));
}

/** What a reader must find: by backup, disk and volume, every path with its attributes. */
function expectations(images: readonly DayImages[]): unknown {
  return Object.fromEntries(
    images.map(({ day, contents }) => [
      backupName(day),
      {
        "web-1-root": { "2-boot": listing(contents.boot), "3-root": listing(contents.root) },
        "web-1-data": { "whole-shop": listing(contents.data) },
      },
    ]),
  );
}

function listing(tree: GuestTree): Record<string, string> {
  return Object.fromEntries(
    [...tree].map(([name, file]) => {
      const node = file.type === "hard-link" ? (tree.get(file.target) ?? file) : file;
      const attributes = `${node.mode.toString(8).padStart(4, "0")} ${node.uid}:${node.gid} ${new Date(node.mtime * 1000).toISOString().slice(0, 19)}Z`;
      return [displayName(nameFromKey(name)), `${node.type} ${attributes} ${contentOf(node)}`.trim()];
    }),
  );
}

function contentOf(file: GuestFile): string {
  if (file.type === "file") return `${file.size ?? file.content.length} sha256:${sha256(file.content, file.size)}`;
  return file.type === "symlink" ? `-> ${file.target}` : "";
}

await build();
