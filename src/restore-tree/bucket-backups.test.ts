import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { MemoryStore } from "../../test/setup/velero-objects/memory-store.ts";
import { encodeBackup, planBackup } from "../../test/setup/velero-objects/velero-backup.ts";
import { AccessError, SourceError } from "../errors.ts";
import { DirectoryStore } from "../object-store/directory-store.ts";
import type { GetOptions, ListOptions, ObjectStore } from "../object-store/object-store.ts";
import { type BucketBackupsOptions, openBucketBackups } from "./bucket-backups.ts";

const vm = { namespace: "demo", name: "web-1" };
const PASSWORD = "static-passw0rd";

/** The example bucket, noting every key that is asked for. */
class RecordingStore implements ObjectStore {
  readonly name = "example";
  readonly keys: string[] = [];
  readonly #store: DirectoryStore;

  constructor(store: DirectoryStore) {
    this.#store = store;
  }

  list(prefix: string, options?: ListOptions) {
    this.keys.push(prefix);
    return this.#store.list(prefix, options);
  }
  head(key: string) {
    return this.#store.head(key);
  }
  get(key: string, options?: GetOptions) {
    this.keys.push(key);
    return this.#store.get(key, options);
  }
  stream(key: string, signal?: AbortSignal) {
    this.keys.push(key);
    return this.#store.stream(key, signal);
  }
  close() {
    return this.#store.close();
  }
}

async function openExample(options: Partial<BucketBackupsOptions> = {}) {
  const store = new RecordingStore(
    await DirectoryStore.open(path.resolve(import.meta.dirname, "../../examples/bucket")),
  );
  const bucket = await openBucketBackups({ store, vm, repositoryPassword: PASSWORD, ...options });
  onTestFinished(() => bucket.close());
  const disks = bucket.backups.flatMap((backup) => backup.disks);
  return { store, bucket, disks };
}

test("backups newest first, disks in boot order, and nothing of the repository is touched yet", async () => {
  const { store, bucket } = await openExample();
  expect(bucket.backups.map(({ name, completedAt }) => [name, completedAt?.toISOString()])).toEqual([
    ["web-1-2026-11-18", "2026-11-18T02:02:10.000Z"],
    ["web-1-2026-11-17", "2026-11-17T02:02:10.000Z"],
    ["web-1-2026-11-16", "2026-11-16T02:02:10.000Z"],
  ]);
  expect(bucket.backups[0]?.disks.map(({ name, size }) => [name, size])).toEqual([
    ["web-1-root", undefined],
    ["web-1-data", 24 * 1024 * 1024],
  ]);
  expect(store.keys.filter((key) => key.startsWith("kopia/"))).toEqual([]);
});

test("all disks at once open the repository once", async () => {
  const { store, disks } = await openExample();
  const opened = await Promise.all(disks.map((disk) => disk.open()));
  expect(opened.map(({ image, source }) => [image.format, source.size])).toEqual(
    Array.from({ length: 6 }, (_, index) => ["raw", (index % 2 === 0 ? 64 : 24) * 1024 * 1024]),
  );
  expect(store.keys.filter((key) => key === "kopia/demo/kopia.repository")).toHaveLength(1);
  await Promise.all(opened.map((disk) => disk.close()));
});

test("names and times choose among them", async () => {
  const chosen = async (options: Partial<BucketBackupsOptions>) =>
    (await openExample(options)).bucket.backups.map(({ name }) => name.slice(-2));
  expect(await chosen({ backups: ["web-1-2026-11-17"] })).toEqual(["17"]);
  expect(await chosen({ from: "2026-11-17", to: "2026-11-17" })).toEqual(["17"]);
  expect(await chosen({ backups: ["web-1-2026-11-16"], from: "2026-11-18" })).toEqual(["18", "16"]);
});

test("a wrong password is the disk's failure, each time it is tried", async () => {
  const { disks } = await openExample({ repositoryPassword: "wrong" });
  await expect(disks[0]?.open()).rejects.toThrow(AccessError);
  await expect(disks[0]?.open()).rejects.toThrow(AccessError);
});

test("after close nothing opens", async () => {
  const { bucket, disks } = await openExample();
  await bucket.close();
  await expect(disks[0]?.open()).rejects.toThrow("already closed");
});

test("a disk whose bytes are elsewhere says so before and when it is opened; the others are served", async () => {
  const plan = planBackup({
    name: "b1",
    createdAt: "2026-11-16T02:00:00Z",
    vms: [
      {
        ...vm,
        volumes: [
          { pvcName: "root", data: { kind: "moved", manifestId: "0".repeat(32) } },
          { pvcName: "data", data: { kind: "csi-snapshot", driver: "d", handle: "h" } },
        ],
      },
    ],
  });
  const store = new MemoryStore(encodeBackup(plan));
  const { backups } = await openBucketBackups({ store, vm, repositoryPassword: PASSWORD });
  const [root, data] = backups[0]?.disks ?? [];
  expect(root?.unavailable).toBeUndefined();
  expect(data?.unavailable).toBe(
    "its data is in a CSI snapshot of the storage system (driver d, handle h), not in the bucket",
  );
  await expect(data?.open()).rejects.toThrow(`data: ${data?.unavailable}`);
  await expect(root?.open()).rejects.toThrow(SourceError);
});
