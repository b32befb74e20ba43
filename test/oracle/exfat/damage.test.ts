import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { openExfat } from "../../../src/disk/filesystem/exfat/exfat-file-system.ts";
import { placeOf } from "../../../src/disk/filesystem/exfat/node.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { runTool } from "../../setup/run-tool.ts";
import { tally } from "../../setup/tally.ts";
import { type DamageSubject, entryPositions, failReads, flipBits, readDamaged } from "../damage/damaged-image.ts";
import { walkFileSystem } from "../listing/file-system-walk.ts";
import { EXFAT_PACKAGES, withExfatMount } from "./images.ts";

/** Seconds a normal run may spend on flips. */
const FLIP_SECONDS = 25;
const SECTOR = 512;
const BOOT_REGIONS = 24 * SECTOR;

let subject: DamageSubject;
let table: { start: number; end: number };

/** 1 MiB with clusters of 512 bytes: contiguous files, a file in pieces, two levels of directories. */
async function makeImage(directory: string): Promise<Uint8Array> {
  const image = path.join(directory, "image");
  writeFileSync(image, "");
  truncateSync(image, 1024 * 1024);
  await runTool("mkfs.exfat", ["-c", "512", "-b", "4K", image]);
  await withExfatMount(image, "rw", SECTOR, (root) => {
    const put = (name: string, size: number) => writeFileSync(path.join(root, name), Buffer.alloc(size, name));
    mkdirSync(path.join(root, "sub", "inner directory"), { recursive: true });
    put("empty", 0);
    for (let index = 0; index < 12; index++) put(`gap ${index}`, SECTOR);
    for (let index = 0; index < 12; index += 2) rmSync(path.join(root, `gap ${index}`));
    put("sub/several.bin", 9000);
    put("sub/inner directory/a name of more than thirty characters.txt", 700);
  });
  return Uint8Array.from(readFileSync(image));
}

/** Both boot regions, the table as far as it is used, and the clusters of directories. */
async function metadataOffsets(image: Uint8Array): Promise<number[]> {
  const fileSystem = await openExfat(new MemorySource(image));
  const positions = await entryPositions(fileSystem, (node) => placeOf(node).position);
  const sectors = new Set(positions.map((position) => position - (position % SECTOR)));
  const offsets = Array.from({ length: BOOT_REGIONS }, (_, offset) => offset);
  for (let offset = table.start; offset < table.end; offset++) offsets.push(offset);
  for (const start of sectors) offsets.push(...Array.from({ length: SECTOR }, (_, offset) => start + offset));
  return offsets.filter((offset) => image.subarray(offset & ~31, (offset & ~31) + 32).some((byte) => byte !== 0));
}

beforeAll(async () => {
  await requireDebianPackages(...EXFAT_PACKAGES);
  const directory = mkdtempSync(path.join(tmpdir(), "vmfr-test-"));
  try {
    const image = await makeImage(directory);
    const view = Buffer.from(image);
    const start = view.readUInt32LE(80) * SECTOR;
    table = { start, end: start + view.readUInt32LE(84) * SECTOR };
    const intact = await walkFileSystem(await openExfat(new MemorySource(image)));
    subject = { image, intact, open: (source) => openExfat(source), metadata: await metadataOffsets(image) };
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("a flipped bit: the same answer or a named error; only the allocation table has no checksum", async () => {
  const counts = await flipBits(subject, FLIP_SECONDS, async (_damaged, _listing, { offset, what }) => {
    expect(offset, what).toBeGreaterThanOrEqual(table.start);
    expect(offset, what).toBeLessThan(table.end);
  });
  expect(counts.named).toBeGreaterThan(10);
  tally("exFAT flipped bits: same answer", counts.equal);
  tally("exFAT flipped bits: named error", counts.named);
  tally("exFAT flipped bits: another answer, in the allocation table, which has no checksum", counts.different);
}, 3_600_000);

test("the k-th read failing is named where it struck, and forgotten afterwards", async () => {
  const tried = await failReads(subject);
  expect(tried).toBeGreaterThan(5);
  tally("exFAT k-th read failed: named, and right again afterwards", tried);
});

describe("truncated", () => {
  test.each([0.0001, 0.005, 0.01, 0.02])("to %d of its length", async (part) => {
    const length = Math.floor(subject.image.length * part);
    const { outcome } = await readDamaged(subject, new MemorySource(subject.image.subarray(0, length)));
    expect(outcome.kind, outcome.where).toBe("named error");
    tally("exFAT truncated images: named error", 1);
  });
});
