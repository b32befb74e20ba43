import { expect, test } from "vitest";
import {
  attributeList,
  BLOCK,
  extentRoot,
  FLAG,
  inodeAttributeArea,
  MODE,
  type TinyAttribute,
  TinyImage,
} from "../../../../test/fixtures/ext4/tiny-image.ts";
import { openExt4 } from "./ext4-file-system.ts";

const FILE = 12;
const HOLDER = 13;
const bytes = (text: string) => Buffer.from(text, "latin1");
const attribute = (index: number, name: string, value: string): TinyAttribute => ({ index, name, value: bytes(value) });

function imageWith(inside: readonly TinyAttribute[], block: readonly TinyAttribute[] = []): TinyImage {
  const image = new TinyImage();
  image.putInode(FILE, {
    mode: MODE.file,
    size: 0,
    attributes: inodeAttributeArea(inside),
    attributeBlock: block.length === 0 ? 0 : 20,
  });
  if (block.length > 0) image.putAttributeBlock(20, attributeList(block, 32, BLOCK - 32));
  return image;
}

async function attributes(image: TinyImage): Promise<[string, string][]> {
  const found = await (await openExt4(image.source())).xattrs(FILE);
  return found.map(({ name, value }) => [Buffer.from(name).toString("latin1"), Buffer.from(value).toString("latin1")]);
}

test("names by index, the inode's before the block's, hidden ones left out", async () => {
  const image = imageWith(
    [attribute(1, "a", "1"), attribute(7, "data", "x"), attribute(9, "c", "x")],
    [attribute(1, "a", "older"), attribute(4, "t", ""), attribute(6, "capability", "\x01")],
  );
  expect(await attributes(image)).toEqual([
    ["user.a", "1"],
    ["trusted.t", ""],
    ["security.capability", "\x01"],
  ]);
});

test("access control lists as Linux hands them out", async () => {
  // Version 1; owner rwx, user 1000 r--, others ---.
  const stored = "\x01\0\0\0\x01\0\x07\0\x02\0\x04\0\xe8\x03\0\0\x20\0\0\0";
  const shown = "\x02\0\0\0\x01\0\x07\0\xff\xff\xff\xff\x02\0\x04\0\xe8\x03\0\0\x20\0\0\0\xff\xff\xff\xff";
  expect(await attributes(imageWith([attribute(2, "", stored)]))).toEqual([["system.posix_acl_access", shown]]);
  expect(await attributes(imageWith([attribute(3, "", stored)]))).toEqual([["system.posix_acl_default", shown]]);
  await expect(attributes(imageWith([attribute(2, "", "\x02\0\0\0")]))).rejects.toThrow(/list version 2/);
  await expect(attributes(imageWith([attribute(2, "", stored.slice(0, 15))]))).rejects.toThrow(
    /lies outside its 15 bytes/,
  );
});

test("a value in an inode of its own must carry its hash", async () => {
  const holder = { index: 1, name: "big", value: bytes("value"), holder: { inode: HOLDER, hash: 0 } };
  const image = imageWith([holder]);
  image.bytes.set(bytes("value"), 30 * BLOCK);
  const put = (flags: number, size = 5) =>
    image.putInode(HOLDER, { mode: MODE.file, size, flags, blockArea: extentRoot([[0, 1, 30]]) });
  put(FLAG.extents | FLAG.eaInode);
  await expect(attributes(image)).rejects.toThrow(/inode 12: attribute value in inode 13: hash does not match/);
  put(FLAG.extents);
  await expect(attributes(image)).rejects.toThrow(/not an attribute inode/);
  put(FLAG.extents | FLAG.eaInode, 6);
  await expect(attributes(image)).rejects.toThrow(/6 bytes instead of 5/);
  put(FLAG.extents | FLAG.eaInode);
  // Lustre's way: modification time is the owner's number, generations agree.
  image.view.setUint32(image.inodeOffset(HOLDER) + 0x10, FILE, true);
  image.sealInode(HOLDER);
  expect(await attributes(image)).toEqual([["user.big", "value"]]);
});

function patched(image: TinyImage, offset: number, value: number): TinyImage {
  image.view.setUint32(offset, value, true);
  image.sealInode(FILE);
  image.sealAttributeBlock(20);
  return image;
}

const one = () => imageWith([attribute(1, "a", "1")]);
const inBlock = () => imageWith([], [attribute(1, "a", "1")]);
const LIST = new TinyImage().inodeOffset(FILE) + 164;

const BROKEN: readonly [string, () => TinyImage, RegExp][] = [
  ["a value outside", () => patched(one(), LIST, 0x00ff_0101), /attribute value at 259 does not fit/],
  ["a value over its list", () => patched(one(), LIST, 0x0004_0101), /attribute value at 8 does not fit/],
  ["a value that is too long", () => patched(one(), LIST + 8, 200), /does not fit/],
  [
    "a name that leaves the list",
    () => patched(one(), LIST, 0x0000_01ff),
    /attribute list leaves its 96 bytes|does not fit/,
  ],
  ["a value over the limit", () => patched(one(), LIST + 8, 70_000), /does not fit/],
  ["a block outside", () => patched(inBlock(), LIST - 164 + 0x68, 64), /attribute block 64 lies outside/],
  ["a block without magic", () => patched(inBlock(), 20 * BLOCK, 1), /header is not one of an attribute block/],
  ["a block of two", () => patched(inBlock(), 20 * BLOCK + 8, 2), /header is not one of an attribute block/],
];

test.each(BROKEN)("refuses %s", async (_what, image, problem) => {
  await expect(attributes(image())).rejects.toThrow(problem);
});

test("a wrong checksum of the block", async () => {
  const image = inBlock();
  image.bytes[21 * BLOCK - 4] = 0x32;
  await expect(attributes(image)).rejects.toThrow(/attribute block 20 at byte 20480: checksum does not match/);
});

test("values over the limit are refused, not cut", async () => {
  const large = { index: 1, name: "big", value: new Uint8Array(65_537), holder: { inode: HOLDER, hash: 0 } };
  await expect(attributes(imageWith([large]))).rejects.toThrow(/exceeds the limit of 65536 \(xattrValue\)/);
});
