import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { AccessError, CorruptDataError, SourceError, VmfrError } from "../../../src/errors.ts";
import { KopiaRepository } from "../../../src/kopia/kopia-repository.ts";
import { DirectoryStore } from "../../../src/object-store/directory-store.ts";
import { MeteredStore } from "../../../src/object-store/metered-store.ts";
import { RetryingStore } from "../../../src/object-store/retrying-store.ts";
import { S3Store } from "../../../src/object-store/s3-store.ts";
import { KopiaWorkspace } from "../../setup/kopia-workspace.ts";
import { startS3Server } from "../../setup/s3-server/s3-server.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { writeDiskImage } from "./disk-image.ts";
import { openBucket, sha256Of, sha256OfFile } from "./read-through.ts";

const PASSWORD = "a password of our own";
const pristine = { bucket: "", snapshot: "", sha256: "" };

beforeAll(async () => {
  const directory = mkdtempSync(path.join(tmpdir(), "vmfr-kopia-"));
  const folder = path.join(directory, "volume");
  mkdirSync(folder);
  writeDiskImage(path.join(folder, "disk.img"));
  const workspace = await KopiaWorkspace.create(path.join(directory, "workspace"), [], PASSWORD);
  pristine.snapshot = (await workspace.snapshotDirectory(folder, KopiaWorkspace.sourceOf("demo", "disk"))).id;
  pristine.sha256 = sha256OfFile(path.join(folder, "disk.img"));
  pristine.bucket = path.join(directory, "bucket");
  workspace.copyAsBucket(path.join(pristine.bucket, "kopia/demo"));
  return () => rmSync(directory, { recursive: true, force: true });
});

/** A copy to damage: its root, and its blobs' folder. */
function copyOfBucket(): { root: string; blobs: string } {
  const root = scratchDirectory();
  cpSync(pristine.bucket, root, { recursive: true });
  return { root, blobs: path.join(root, "kopia/demo") };
}

async function readAll(root: string, password = PASSWORD): Promise<string> {
  const repository = await openBucket(root, password);
  const disk = await repository.openDiskOf(await repository.snapshot(pristine.snapshot));
  return await sha256Of(disk.source);
}

/** The pack that holds most of the disk. */
function largestPack(blobs: string): string {
  const sizes = readdirSync(blobs)
    .filter((file) => file.startsWith("p"))
    .map((file) => ({ file, size: readFileSync(path.join(blobs, file)).length }));
  return sizes.sort((left, right) => right.size - left.size)[0]?.file ?? "";
}

function flipByte(file: string, offset: number): void {
  const bytes = readFileSync(file);
  bytes[offset] = (bytes[offset] as number) ^ 0x01;
  writeFileSync(file, bytes);
}

test("the pristine repository reads", async () => {
  expect(await readAll(pristine.bucket)).toBe(pristine.sha256);
});

test("a wrong password is called that, and not repeated", async () => {
  const failure = readAll(pristine.bucket, "a wrong guess");
  await expect(failure).rejects.toThrow(AccessError);
  await expect(failure).rejects.toThrow(/the repository password is wrong/);
  await expect(failure).rejects.not.toThrow(/guess/);
});

test("a folder without a repository", async () => {
  await expect(readAll(scratchDirectory())).rejects.toThrow(/not a Kopia repository \(there is no kopia.repository\)/);
});

test("one flipped byte in a pack", async () => {
  const { root, blobs } = copyOfBucket();
  const pack = largestPack(blobs);
  flipByte(path.join(blobs, pack), 1_000_000);
  const failure = readAll(root);
  await expect(failure).rejects.toThrow(CorruptDataError);
  await expect(failure).rejects.toThrow(new RegExp(`content [0-9a-f]{32} in pack blob ${pack} .*damaged`));
});

test("damage affects the chunk it is in, and no other", async () => {
  const { root, blobs } = copyOfBucket();
  flipByte(path.join(blobs, largestPack(blobs)), 1_000_000);
  const repository = await openBucket(root, PASSWORD);
  const { source } = await repository.openDiskOf(await repository.snapshot(pristine.snapshot));
  let failed = 0;
  for (let offset = 0; offset < source.size; offset += 65_536) {
    await source.read(offset, Math.min(65_536, source.size - offset)).catch(() => failed++);
  }
  expect(failed).toBeGreaterThan(0);
  expect(failed).toBeLessThan(140);
});

test("a truncated pack", async () => {
  const { root, blobs } = copyOfBucket();
  truncateSync(path.join(blobs, largestPack(blobs)), 500_000);
  await expect(readAll(root)).rejects.toThrow(/truncated: the pack blob ends before the content/);
});

test("a missing pack", async () => {
  const { root, blobs } = copyOfBucket();
  const pack = largestPack(blobs);
  rmSync(path.join(blobs, pack));
  const failure = readAll(root);
  await expect(failure).rejects.toThrow(SourceError);
  await expect(failure).rejects.toThrow(new RegExp(`pack blob ${pack} with content .* is missing .*torn copy`));
});

test("a damaged index blob is named", async () => {
  const { root, blobs } = copyOfBucket();
  const index = readdirSync(blobs).find((file) => file.startsWith("xn")) ?? "";
  flipByte(path.join(blobs, index), 50);
  await expect(readAll(root)).rejects.toThrow(`kopia: blob ${index}: damaged`);
});

test("missing index blobs never make wrong bytes", async () => {
  const indexes = readdirSync(path.join(pristine.bucket, "kopia/demo")).filter((file) => file.startsWith("xn"));
  expect(indexes.length).toBeGreaterThan(2);
  for (const index of indexes) {
    const { root, blobs } = copyOfBucket();
    rmSync(path.join(blobs, index));
    const outcome = await readAll(root).catch((error: unknown) => error);
    if (typeof outcome === "string") expect(outcome).toBe(pristine.sha256);
    else expect(String(outcome)).toMatch(/there is no snapshot|no index blob of .* torn copy/);
    tally("damaged Kopia repositories: same bytes or a named error", 1);
  }
});

test("one flipped byte anywhere: the same bytes or a named error", async () => {
  const { root, blobs } = copyOfBucket();
  for (const file of readdirSync(blobs).filter((name) => !name.startsWith("_log"))) {
    const original = readFileSync(path.join(blobs, file));
    for (const part of [0, 0.1, 0.5, 0.9]) {
      if (original.length === 0) continue;
      flipByte(path.join(blobs, file), Math.floor(part * original.length));
      const outcome = await readAll(root).catch((error: unknown) => error);
      if (typeof outcome === "string") expect(outcome).toBe(pristine.sha256);
      else expect(outcome).toBeInstanceOf(VmfrError);
      writeFileSync(path.join(blobs, file), original);
      tally("damaged Kopia repositories: same bytes or a named error", 1);
    }
  }
});

test("an S3 store that corrupts, breaks off and is busy gives the same bytes or a named error", async () => {
  const server = await startS3Server({
    directory: pristine.bucket,
    bucket: "b",
    busyEvery: 5,
    cutEvery: 7,
    pageSize: 4,
  });
  onTestFinished(() => server.close());
  const { endpoint, credentials } = server;
  const s3 = await S3Store.open({ bucket: "b", prefix: "", endpoint, credentials, pathStyle: true });
  const store = new RetryingStore(s3, { firstPauseMs: 1, attempts: 8 });
  const read = async () => {
    const repository = await KopiaRepository.open(store, "kopia/demo/", PASSWORD, { cacheBytes: 0 });
    const disk = await repository.openDiskOf(await repository.snapshot(pristine.snapshot));
    return await sha256Of(disk.source, 8 * 1024 * 1024);
  };
  expect(await read()).toBe(pristine.sha256);
  for (const corruptEvery of [1, 3, 9]) {
    server.faults.corruptEvery = corruptEvery;
    await expect(read()).rejects.toThrow(VmfrError);
  }
  await store.close();
});

test("zeros are not fetched, neighbours come together, and nothing is fetched twice", async () => {
  const store = new MeteredStore(await DirectoryStore.open(pristine.bucket));
  const repository = await KopiaRepository.open(store, "kopia/demo", PASSWORD);
  const { source } = await repository.openDiskOf(await repository.snapshot(pristine.snapshot));
  const before = store.usage;
  expect(await sha256Of(source)).toBe(pristine.sha256);
  const { gets, bytes } = store.usage;
  // 13 MiB of the 28 MiB are data, and chunks reach into the zeros around them.
  expect(bytes - before.bytes).toBeLessThan(22 * 1024 * 1024);
  expect(gets - before.gets).toBeLessThanOrEqual(6);
  await Promise.all(Array.from({ length: 50 }, (_, index) => source.read(index * 1000, 100)));
  expect(store.usage.gets).toBe(gets);
});
