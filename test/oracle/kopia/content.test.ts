import { mkdirSync, truncateSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { ByteSource, Extent, SparseSource } from "../../../src/source/byte-source.ts";
import { KopiaWorkspace } from "../../setup/kopia-workspace.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { writeDiskImage } from "./disk-image.ts";
import { openAsBucket, readFileAt, sha256Of, sha256OfFile } from "./read-through.ts";

const SOURCE = KopiaWorkspace.sourceOf("demo", "vm1-disk");
const UID = "0f0e0d0c-1111-2222-3333-444455556666";

function diskFolder(seed?: number): { folder: string; image: string } {
  const folder = scratchDirectory();
  const image = path.join(folder, "disk.img");
  writeDiskImage(image, seed);
  mkdirSync(path.join(folder, "lost+found"));
  return { folder, image };
}

async function expectSameBytes(source: SparseSource, image: string): Promise<void> {
  expect(await sha256Of(source)).toBe(sha256OfFile(image));
  tally("Kopia bytes equal to their source", source.size);
}

async function expectSameRandomReads(source: ByteSource, image: string): Promise<void> {
  const ranges = fc.tuple(fc.nat(source.size - 1), fc.oneof(fc.nat(5000), fc.nat(9_000_000)));
  await fc.assert(
    fc.asyncProperty(ranges, async ([offset, wanted]) => {
      const length = Math.min(wanted, source.size - offset);
      const bytes = await source.read(offset, length);
      expect(Buffer.compare(bytes, readFileAt(image, offset, length))).toBe(0);
      tally("Kopia bytes equal to their source", length);
    }),
    { numRuns: 40 },
  );
}

const VARIANTS: readonly (readonly [string, readonly string[]])[] = [
  ["defaults", []],
  ["ChaCha20-Poly1305", ["--encryption", "CHACHA20-POLY1305-HMAC-SHA256"]],
  ["format 2", ["--format-version", "2"]],
  ["format 1", ["--format-version", "1"]],
  ["fixed 1 MiB chunks", ["--object-splitter", "FIXED-1M"]],
  ...[
    "BLAKE2B-256",
    "BLAKE2S-128",
    "BLAKE2S-256",
    "BLAKE3-256",
    "BLAKE3-256-128",
    "HMAC-SHA224",
    "HMAC-SHA256",
    "HMAC-SHA256-128",
    "HMAC-SHA3-224",
    "HMAC-SHA3-256",
  ].map((hash) => [`hash ${hash}`, ["--block-hash", hash]] as const),
];

test.each(VARIANTS)("a disk image in a repository with %s", async (_name, flags) => {
  const { folder, image } = diskFolder();
  const workspace = await KopiaWorkspace.create(scratchDirectory(), flags);
  const { id } = await workspace.snapshotDirectory(folder, SOURCE);
  const repository = await openAsBucket(workspace);
  const disk = await repository.openDiskOf(await repository.snapshot(id));
  expect([disk.layout, disk.fileName]).toEqual(["filesystem", "disk.img"]);
  await expectSameBytes(disk.source, image);
  await expectSameRandomReads(disk.source, image);
});

const COMPRESSIONS = [
  "gzip",
  "gzip-best-speed",
  "pgzip",
  "zstd",
  "zstd-fastest",
  "zstd-better-compression",
  "zstd-best-compression",
  "deflate-default",
  "s2-default",
  "s2-better",
  "s2-parallel-4",
];

test.each(COMPRESSIONS)("a disk image compressed with %s", async (compression) => {
  const { folder, image } = diskFolder();
  const workspace = await KopiaWorkspace.create(scratchDirectory());
  await workspace.run(["policy", "set", "--global", "--compression", compression]);
  const { id } = await workspace.snapshotDirectory(folder, SOURCE);
  const contents = await workspace.run(["content", "list", "--compression"]);
  expect(contents).toContain(compression);
  const repository = await openAsBucket(workspace);
  await expectSameBytes((await repository.openDiskOf(await repository.snapshot(id))).source, image);
});

test.each(["gzip", "zstd", "s2-default"])("a disk image in format 1 compressed with %s", async (compression) => {
  const { folder, image } = diskFolder();
  const workspace = await KopiaWorkspace.create(scratchDirectory(), ["--format-version", "1"]);
  await workspace.run(["policy", "set", "--global", "--compression", compression]);
  const { id } = await workspace.snapshotDirectory(folder, SOURCE);
  const repository = await openAsBucket(workspace);
  await expectSameBytes((await repository.openDiskOf(await repository.snapshot(id))).source, image);
});

test("a block device, its zeros as holes", async () => {
  const { image } = diskFolder();
  const workspace = await KopiaWorkspace.create(scratchDirectory());
  const { id } = await workspace.snapshotBlockDevice(image, SOURCE, UID);
  const repository = await openAsBucket(workspace);
  const disk = await repository.openDiskOf(await repository.snapshot(id));
  expect([disk.layout, disk.fileName]).toEqual(["block", `/${UID}`]);
  await expectSameBytes(disk.source, image);
  const extents: Extent[] = [];
  for await (const extent of disk.source.extents()) extents.push(extent);
  let end = 0;
  for (const { offset, length, kind } of extents) {
    expect(offset).toBe(end);
    end += length;
    if (kind === "hole") expect(readFileAt(image, offset, length).every((byte) => byte === 0)).toBe(true);
  }
  expect(end).toBe(disk.source.size);
  const holes = extents.filter((extent) => extent.kind === "hole").reduce((sum, extent) => sum + extent.length, 0);
  expect(holes).toBeGreaterThan(8 * 1024 * 1024);
});

test("a large file uploaded in parts, the last of them empty", async () => {
  const folder = scratchDirectory();
  const image = path.join(folder, "disk.img");
  writeDiskImage(image);
  const workspace = await KopiaWorkspace.create(scratchDirectory());
  await workspace.run(["policy", "set", "--global", "--parallel-upload-above-size-mib", "7"]);
  const { id } = await workspace.snapshotDirectory(folder, SOURCE);
  const repository = await openAsBucket(workspace);
  const { source } = await repository.openDiskOf(await repository.snapshot(id));
  await expectSameBytes(source, image);
  await expectSameRandomReads(source, image);
});

test("seek tables of seek tables", async () => {
  const { image } = diskFolder();
  const workspace = await KopiaWorkspace.create(scratchDirectory(), ["--object-splitter", "FIXED-128K"]);
  // 70 bytes an entry: chunks of 128 KiB need a table of two chunks from 250 MiB; zeros make that cheap.
  truncateSync(image, 400 * 1024 * 1024);
  const { id } = await workspace.snapshotBlockDevice(image, SOURCE, UID);
  const repository = await openAsBucket(workspace);
  const snapshot = await repository.snapshot(id);
  const [entry] = await repository.readDirectory(snapshot.root.objectId);
  expect(entry?.objectId).toMatch(/^IIx/);
  const { source } = await repository.openDiskOf(snapshot);
  await expectSameBytes(source, image);
});

test("snapshots by path and tag; unfinished, deleted and other ones are not offered", async () => {
  const { folder } = diskFolder();
  const workspace = await KopiaWorkspace.create(scratchDirectory());
  const other = KopiaWorkspace.sourceOf("demo", "vm1-other");
  const first = await workspace.snapshotDirectory(folder, SOURCE, ["--tags", "velero.io/async-operation-id:du-1"]);
  const second = await workspace.snapshotDirectory(folder, SOURCE, ["--tags", "velero.io/async-operation-id:du-2"]);
  const third = await workspace.snapshotDirectory(folder, other);
  const gone = await workspace.snapshotDirectory(folder, SOURCE);
  await workspace.run(["snapshot", "delete", gone.id, "--delete"]);
  const repository = await openAsBucket(workspace);
  const ids = async (query: Parameters<typeof repository.findSnapshots>[0]) =>
    (await repository.findSnapshots(query)).map((snapshot) => snapshot.id);
  expect(await ids({})).toEqual([first.id, second.id, third.id]);
  expect(await ids({ path: "snapshot-data-upload-download/kopia/demo/vm1-other" })).toEqual([third.id]);
  expect(await ids({ tags: { "velero.io/async-operation-id": "du-2" } })).toEqual([second.id]);
  await expect(repository.snapshot(gone.id)).rejects.toThrow(/there is no snapshot .* deleted meanwhile/);
});
