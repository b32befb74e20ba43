/** What vmfr says about file systems and files that it does not read whole. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { stampChecksum } from "../../../src/disk/filesystem/xfs/checksum.ts";
import { openXfs } from "../../../src/disk/filesystem/xfs/xfs-file-system.ts";
import { UnsupportedFeatureError } from "../../../src/errors.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { withLoopMount } from "../../setup/loop-mount.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { populate } from "../ext4/images.ts";
import { walkFileSystem } from "../listing/file-system-walk.ts";
import { dirtyCopies } from "./dirty-images.ts";
import { formatImage, tool, XFS_PACKAGES } from "./images.ts";

const SIZE = 64;
const read = (file: string): Uint8Array => Uint8Array.from(readFileSync(file));
const open = (bytes: Uint8Array) => openXfs(new MemorySource(bytes));

async function image(): Promise<string> {
  const file = path.join(scratchDirectory(), "image");
  await formatImage(file, SIZE, []);
  await withLoopMount(file, "", (mountPoint) => populate(mountPoint, 4096, ["several", "sizes"]));
  return file;
}

/** Changes bytes of the superblock and puts its checksum right. */
function withSuperblock(bytes: Uint8Array, offset: number, ...values: readonly number[]): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed.set(values, offset);
  stampChecksum(changed.subarray(0, 512), 224);
  return changed;
}

beforeAll(() => requireDebianPackages(...XFS_PACKAGES));

test("superblocks of other versions, with unknown features or unfinished are refused by name", async () => {
  const bytes = read(await image());
  await expect(open(withSuperblock(bytes, 216, 0x80))).rejects.toThrow(/incompatible feature bit 31/);
  await expect(open(withSuperblock(bytes, 126, 1))).rejects.toThrow(/mkfs did not finish/);
  await expect(open(withSuperblock(bytes, 100, 0x00, 0x03))).rejects.toThrow(/version 3 of the format/);
  await expect(open(withSuperblock(bytes, 100, 0x94, 0x04))).rejects.toThrow(/version 1 directories/);
  const repair = await open(withSuperblock(bytes, 219, (bytes[219] as number) | 0x10));
  expect(repair.info().warnings).toEqual([expect.stringMatching(/in need of repair/)]);
});

test("unknown read-only compatible features are none of a reader's business", async () => {
  const bytes = read(await image());
  expect((await walkFileSystem(await open(withSuperblock(bytes, 212, 0x80)))).size).toBeGreaterThan(300);
});

test("a realtime file is refused by name, its neighbours are served", async () => {
  const file = await image();
  const before = await open(read(file));
  const directory = await before.lookup(before.root, Buffer.from("sizes"));
  const entry = await before.lookup(directory?.node as number, Buffer.from("00004096"));
  await tool("xfs_db", "-x", "-c", `inode ${entry?.node}`, "-c", "write -d core.realtime 1", file);
  const after = await open(read(file));
  await expect(after.openFile(entry?.node as number)).rejects.toThrow(UnsupportedFeatureError);
  await expect(after.openFile(entry?.node as number)).rejects.toThrow(/realtime/);
  const refused = [...(await walkFileSystem(after)).values()].filter((each) => each.contentError !== undefined);
  expect(refused).toHaveLength(1);
});

test("a log on another device is said to be missing, and the disk is shown as it lies", async () => {
  const directory = scratchDirectory();
  const log = path.join(directory, "log");
  await tool("truncate", "-s", "16M", log);
  const file = path.join(directory, "image");
  await formatImage(file, SIZE, ["-l", `logdev=${log},size=16m`]);
  const fileSystem = await open(read(file));
  expect(fileSystem.info().consistency).toEqual({ state: "raw", detail: "the log lies on another device, raw view" });
  expect((await walkFileSystem(fileSystem)).size).toBe(1);
});

test("a log is left alone when asked, or when it has features nobody knows", async () => {
  const recipe = { name: "busy", mkfs: [], size: SIZE, workload: "metadata" } as const;
  const copy = (await dirtyCopies(recipe, scratchDirectory(), 2)).at(-1) ?? "";
  const bytes = read(copy);
  const asked = await openXfs(new MemorySource(bytes), { replay: false });
  expect(asked.info().consistency).toEqual({ state: "raw", detail: "the log was not replayed, as asked" });
  const unknown = await open(withSuperblock(bytes, 223, 0x40));
  expect(unknown.info().consistency.detail).toMatch(/raw view: xfs: not supported: log features 0x40/);
});
