import { expect, test } from "vitest";
import { BLOCK, extentRoot, FLAG, MODE, TinyImage } from "../../../../test/fixtures/ext4/tiny-image.ts";
import type { DirectoryEntry } from "../file-system.ts";
import { openExt4 } from "./ext4-file-system.ts";

const DIRECTORY = 12;
const text = (entry: { readonly name: Uint8Array }) => Buffer.from(entry.name).toString("latin1");
const file = (name: string) => ({ inode: 13, name });

/** Two blocks: `one` and `two`, then `three`. */
function twoBlocks(flags: number = FLAG.extents): TinyImage {
  const image = new TinyImage();
  image.putInode(DIRECTORY, { mode: MODE.directory, size: 2 * BLOCK, flags, blockArea: extentRoot([[0, 2, 20]]) });
  image.putDirectoryBlock(DIRECTORY, 20, [file("one"), { inode: 2, name: "two", type: 2 }]);
  image.putDirectoryBlock(DIRECTORY, 21, [file("three")]);
  return image;
}

async function list(image: TinyImage, after?: number): Promise<DirectoryEntry[]> {
  const fileSystem = await openExt4(image.source());
  const entries: DirectoryEntry[] = [];
  for await (const batch of fileSystem.readDirectory(DIRECTORY, after === undefined ? {} : { after }))
    entries.push(...batch);
  return entries;
}

const lookup = async (image: TinyImage, name: string) =>
  (await openExt4(image.source())).lookup(DIRECTORY, Buffer.from(name, "latin1"));

test("entries in order, without . and .., resumed behind any", async () => {
  const entries = await list(twoBlocks());
  expect(entries.map((entry) => [text(entry), entry.node, entry.type])).toEqual([
    ["one", 13, "file"],
    ["two", 2, "directory"],
    ["three", 13, "file"],
  ]);
  for (const [index, { cursor }] of entries.entries()) {
    expect((await list(twoBlocks(), cursor)).map(text)).toEqual(entries.slice(index + 1).map(text));
  }
});

test("lookup by exact bytes", async () => {
  expect((await lookup(twoBlocks(), "three"))?.node).toBe(13);
  expect(await lookup(twoBlocks(), "Three")).toBeUndefined();
  expect(await lookup(twoBlocks(), "..")).toBeUndefined();
});

test("a hash tree that makes no sense only costs time", async () => {
  const image = twoBlocks(FLAG.extents | FLAG.index);
  expect((await lookup(image, "three"))?.node).toBe(13);
});

/** Block 0 of the directory broken at an offset, with its checksum made right. */
function broken(offset: number, bytes: readonly number[]): TinyImage {
  const image = twoBlocks();
  image.bytes.set(bytes, 20 * BLOCK + offset);
  image.sealDirectoryBlock(DIRECTORY, 20);
  return image;
}

/** `.` and `..` take 24 bytes; `one` follows. */
const ENTRY = 24;
const BROKEN: readonly [string, TinyImage, RegExp][] = [
  [
    "a length of nothing",
    broken(ENTRY + 4, [0, 0]),
    /inode 12, directory block 0 at byte 20480: entry at 24 has an impossible length of 0/,
  ],
  ["a length that is no multiple of four", broken(ENTRY + 4, [14, 0]), /impossible length of 14/],
  ["a length shorter than its name", broken(ENTRY + 6, [200]), /impossible length of 12/],
  ["a length past the block", broken(ENTRY + 4, [0, 8]), /impossible length of 2048/],
  ["a length that leaves a crumb", broken(ENTRY + 4, [0xe0, 3]), /impossible length of 992/],
  ["an inode outside", broken(ENTRY, [99]), /entry at 24 names inode 99 of 16/],
  ["an empty name", broken(ENTRY + 6, [0]), /a name of 0 bytes/],
];

test.each(BROKEN)("an entry with %s hides its block and no other", async (_what, image, problem) => {
  const seen: string[] = [];
  const fileSystem = await openExt4(image.source());
  const reading = (async () => {
    for await (const batch of fileSystem.readDirectory(DIRECTORY)) seen.push(...batch.map(text));
  })();
  await expect(reading).rejects.toThrow(problem);
  expect(seen).toEqual(["three"]);
  expect((await lookup(image, "three"))?.node).toBe(13);
  await expect(lookup(image, "absent")).rejects.toThrow(problem);
});

test("a wrong checksum, and one that is missing", async () => {
  const wrong = twoBlocks();
  wrong.bytes[20 * BLOCK + ENTRY + 8] = 0x4f;
  await expect(list(wrong)).rejects.toThrow(/directory block 0 at byte 20480: checksum does not match/);
  const missing = twoBlocks();
  missing.bytes[21 * BLOCK - 5] = 0;
  await expect(list(missing)).rejects.toThrow(/checksum missing/);
});

test("a block that is missing, and a directory larger than the disk", async () => {
  const hole = twoBlocks();
  hole.putInode(DIRECTORY, {
    mode: MODE.directory,
    size: 3 * BLOCK,
    flags: FLAG.extents,
    blockArea: extentRoot([
      [0, 1, 20],
      [2, 1, 21],
    ]),
  });
  await expect(list(hole)).rejects.toThrow("ext4: inode 12: directory block 1 is missing");
  expect((await lookup(hole, "three"))?.node).toBe(13);
  const huge = twoBlocks();
  huge.putInode(DIRECTORY, {
    mode: MODE.directory,
    size: 65 * BLOCK,
    flags: FLAG.extents,
    blockArea: extentRoot([[0, 2, 20]]),
  });
  await expect(list(huge)).rejects.toThrow(/directory of 65 blocks in a file system of 64/);
});

test("a directory that holds itself ends, and a file is not listed", async () => {
  const image = twoBlocks();
  image.putDirectoryBlock(DIRECTORY, 20, [{ inode: DIRECTORY, name: "self", type: 2 }]);
  expect((await lookup(image, "self"))?.node).toBe(DIRECTORY);
  image.putInode(DIRECTORY, { mode: MODE.file, size: 0 });
  await expect(list(image)).rejects.toThrow(/not a directory/);
});

test("names of encrypted directories are tokens that lead back to their entries", async () => {
  const image = twoBlocks(FLAG.extents | FLAG.encrypt);
  const [short, long] = ["\x80".repeat(16), "\x81".repeat(200)];
  image.putDirectoryBlock(DIRECTORY, 20, [file(short), file(long), file(`${long.slice(1)}\x82`)]);
  const entries = await list(image);
  expect(new Set(entries.map(text)).size).toBe(4);
  for (const entry of entries) {
    expect(text(entry)).toMatch(/^[\w-]{1,252}$/);
    expect((await lookup(image, text(entry)))?.cursor).toBe(entry.cursor);
  }
  expect(
    Buffer.from(text(entries[0] as DirectoryEntry), "base64url")
      .subarray(8)
      .toString("latin1"),
  ).toBe(short);
});

test("an inline directory has its entries in one or two pieces", async () => {
  const area = new Uint8Array(60);
  const view = new DataView(area.buffer);
  view.setUint32(0, 2, true);
  view.setUint32(4, 13, true);
  view.setUint16(8, 56, true);
  area.set([3, 1], 10);
  area.set(Buffer.from("one"), 12);
  const image = new TinyImage();
  image.putInode(DIRECTORY, { mode: MODE.directory, size: 60, flags: FLAG.inline, blockArea: area });
  const [entry] = await list(image);
  expect(entry && [text(entry), entry.node, entry.cursor]).toEqual(["one", 13, 60]);
  expect(await list(image, 60)).toEqual([]);
  view.setUint16(8, 52, true);
  image.putInode(DIRECTORY, { mode: MODE.directory, size: 60, flags: FLAG.inline, blockArea: area });
  await expect(list(image)).rejects.toThrow(/inline directory: entry at 0 has an impossible length of 52/);
});
