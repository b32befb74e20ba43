import { expect, test } from "vitest";
import {
  BLOCK,
  extentRoot,
  FLAG,
  indexNode,
  inodeAttributeArea,
  MODE,
  TinyImage,
  type TinyInode,
} from "../../../../test/fixtures/ext4/tiny-image.ts";
import { UnsupportedFeatureError } from "../../../errors.ts";
import type { Extent } from "../../../source/byte-source.ts";
import { openExt4 } from "./ext4-file-system.ts";

const FILE = 12;
const PER_BLOCK = BLOCK / 4;

function imageWith(inode: Partial<TinyInode>, change: (image: TinyImage) => void = () => undefined): TinyImage {
  const image = new TinyImage();
  for (let block = 20; block < 40; block++) image.bytes.fill(block, block * BLOCK, (block + 1) * BLOCK);
  image.putInode(FILE, { mode: MODE.file, size: 4 * BLOCK, ...inode });
  change(image);
  return image;
}

const open = async (image: TinyImage) => (await openExt4(image.source())).openFile(FILE);

async function read(image: TinyImage): Promise<Uint8Array> {
  const source = await open(image);
  return source.read(0, source.size);
}

async function extents(image: TinyImage): Promise<Extent[]> {
  const found: Extent[] = [];
  for await (const extent of (await open(image)).extents()) found.push(extent);
  return found;
}

/** First byte of every block: what the image put there, 0 for zeros. */
const firstBytes = (bytes: Uint8Array) =>
  Array.from({ length: Math.ceil(bytes.length / BLOCK) }, (_, index) => bytes[index * BLOCK]);

const mapped = (blockArea: Uint8Array): Partial<TinyInode> => ({ flags: FLAG.extents, blockArea });

test("extents, holes and extents never written", async () => {
  const blockArea = extentRoot([
    [0, 1, 20],
    [2, 32768 + 1, 21],
    [3, 1, 22],
  ]);
  const image = imageWith(mapped(blockArea));
  expect(firstBytes(await read(image))).toEqual([20, 0, 0, 22]);
  expect(await extents(image)).toEqual([
    { offset: 0, length: 1024, kind: "data" },
    { offset: 1024, length: 2048, kind: "hole" },
    { offset: 3072, length: 1024, kind: "data" },
  ]);
});

test("a tree of two levels, read across its leaves, and what it leaves out in front and between", async () => {
  const image = imageWith(
    {
      ...mapped(
        indexNode(1, [
          [1, 30],
          [6, 31],
        ]),
      ),
      size: 10 * BLOCK,
    },
    (each) => {
      each.putExtentBlock(FILE, 30, extentRoot([[1, 2, 20]], 84));
      each.putExtentBlock(
        FILE,
        31,
        extentRoot(
          [
            [7, 1, 25],
            [8, 5, 26],
          ],
          84,
        ),
      );
    },
  );
  expect(firstBytes(await read(image))).toEqual([0, 20, 21, 0, 0, 0, 0, 25, 26, 27]);
  expect((await (await open(image)).read(2 * BLOCK - 1, 2))[1]).toBe(21);
  expect((await extents(image)).map(({ kind, length }) => [kind, length / BLOCK])).toEqual([
    ["hole", 1],
    ["data", 2],
    ["hole", 4],
    ["data", 3],
  ]);
});

function patched(node: Uint8Array, offset: number, value: number): Uint8Array {
  const copy = node.slice();
  new DataView(copy.buffer).setUint16(offset, value, true);
  return copy;
}

const ROOT = extentRoot([[0, 1, 20]]);
const child = (node: Uint8Array) => (image: TinyImage) => image.putExtentBlock(FILE, 30, node);
const INDEX = indexNode(1, [[0, 30]]);

const BROKEN: readonly [string, Uint8Array, (image: TinyImage) => void, RegExp][] = [
  ["without magic", patched(ROOT, 0, 0), () => undefined, /extent tree root: magic number missing/],
  ["deeper than any", patched(INDEX, 6, 6), () => undefined, /depth 6 is impossible/],
  ["with more entries than room", patched(ROOT, 2, 5), () => undefined, /5 of 4 entries do not fit/],
  ["with more room than there is", patched(ROOT, 4, 5), () => undefined, /1 of 5 entries do not fit/],
  ["with an empty index", indexNode(1, []), () => undefined, /index node is empty/],
  ["with a child outside", indexNode(1, [[0, 64]]), () => undefined, /child block 64 lies outside/],
  ["that contains itself", INDEX, child(indexNode(1, [[0, 30]], 84)), /extent block 30.*: depth 1 is impossible/],
  [
    "with a level left out",
    indexNode(2, [[0, 30]]),
    child(extentRoot([[0, 1, 20]], 84)),
    /depth 0 below a node of depth 2/,
  ],
  [
    "with entries out of order",
    indexNode(1, [
      [0, 30],
      [0, 30],
    ]),
    () => undefined,
    /out of order|checksum|magic/,
  ],
  [
    "with overlapping extents",
    extentRoot([
      [0, 2, 20],
      [1, 1, 22],
    ]),
    () => undefined,
    /extent 1 \(1\+1\) is out of order/,
  ],
  ["with an empty extent", extentRoot([[0, 0, 20]]), () => undefined, /extent 0 \(0\+0\) is out of order/],
  ["with an extent outside", extentRoot([[0, 2, 63]]), () => undefined, /block 63\+2\) lies outside/],
  ["with an extent at block 0", extentRoot([[0, 1, 0]]), () => undefined, /block 0\+1\) lies outside/],
  [
    "with a wrong checksum",
    INDEX,
    (image) => {
      child(extentRoot([[0, 1, 20]], 84))(image);
      image.bytes[30 * BLOCK + 8] = 1;
    },
    /extent block 30 at byte 30720: checksum does not match/,
  ],
];

test.each(BROKEN)("refuses an extent tree %s", async (_what, blockArea, change, problem) => {
  await expect(read(imageWith(mapped(blockArea), change))).rejects.toThrow(problem);
});

/** Fifteen pointers of a block map. */
function pointers(values: Readonly<Record<number, number>>): Uint8Array {
  const area = new Uint8Array(60);
  for (const [index, value] of Object.entries(values))
    new DataView(area.buffer).setUint32(Number(index) * 4, value, true);
  return area;
}

const put = (image: TinyImage, block: number, index: number, value: number) =>
  image.view.setUint32(block * BLOCK + index * 4, value, true);

const clear = (image: TinyImage, ...blocks: readonly number[]) => {
  for (const block of blocks) image.bytes.fill(0, block * BLOCK, (block + 1) * BLOCK);
};

test("direct to triple indirect blocks; neighbours are one extent", async () => {
  const [double, triple] = [12 + PER_BLOCK, 12 + PER_BLOCK + PER_BLOCK ** 2];
  const size = (triple + PER_BLOCK ** 2 + 2) * BLOCK;
  const blockArea = pointers({ 0: 20, 11: 21, 12: 40, 13: 41, 14: 43 });
  const image = imageWith({ size, blockArea }, (each) => {
    clear(each, 40, 41, 42, 43, 44, 45);
    put(each, 40, PER_BLOCK - 1, 22);
    put(each, 41, 0, 42);
    put(each, 42, 0, 23);
    put(each, 43, 1, 44);
    put(each, 44, 0, 45);
    put(each, 45, 1, 24);
  });
  const source = await open(image);
  const at = async (block: number) => (await source.read(block * BLOCK, 1))[0];
  const last = triple + PER_BLOCK ** 2 + 1;
  const blocks = [0, 1, 11, 12, double - 1, double, double + 1, triple, last - 1, last];
  expect(await Promise.all(blocks.map(at))).toEqual([20, 0, 21, 0, 22, 23, 0, 0, 0, 24]);
  expect((await extents(image)).filter(({ kind }) => kind === "data").map(({ offset }) => offset / BLOCK)).toEqual([
    0,
    11,
    double - 1,
    last,
  ]);
});

test.each([
  ["a block outside", { 0: 64 }, 0, /block map: block 64 lies outside/],
  ["an indirect block outside", { 12: 9999 }, 12 * BLOCK, /indirect block 9999 lies outside/],
  ["more than it can hold", {}, 2 ** 40, /is beyond what a block map can hold/],
])("refuses a block map with %s", async (_what, values, offset, problem) => {
  const image = imageWith({ size: 0, blockArea: pointers(values) }, (each) => {
    each.view.setUint32(each.inodeOffset(FILE) + 0x6c, 0x1000, true);
    each.sealInode(FILE);
  });
  await expect((await open(image)).read(offset, 1)).rejects.toThrow(problem);
});

test("inline content in both places, and less of it than the size says", async () => {
  const attributes = inodeAttributeArea([{ index: 7, name: "data", value: new Uint8Array(20).fill(2) }]);
  const inode = { flags: FLAG.inline, blockArea: new Uint8Array(60).fill(1), attributes };
  const image = imageWith({ ...inode, size: 79 });
  expect(await read(image)).toEqual(Buffer.concat([Buffer.alloc(60, 1), Buffer.alloc(19, 2)]));
  expect(await extents(image)).toEqual([{ offset: 0, length: 79, kind: "data" }]);
  await expect(open(imageWith({ ...inode, size: 81 }))).rejects.toThrow(/80 bytes of inline data for a size of 81/);
});

test("encrypted content is refused by name, other types by theirs", async () => {
  const encrypted = open(imageWith({ ...mapped(ROOT), flags: FLAG.extents | FLAG.encrypt }));
  await expect(encrypted).rejects.toThrow("ext4: not supported: encrypted file");
  await expect(encrypted).rejects.toBeInstanceOf(UnsupportedFeatureError);
  const fileSystem = await openExt4(imageWith({ mode: MODE.device }).source());
  await expect(fileSystem.openFile(2)).rejects.toThrow(/is a directory/);
  await expect(fileSystem.openFile(FILE)).rejects.toThrow(/not a regular file/);
});

const target = async (inode: Partial<TinyInode>) =>
  (await openExt4(imageWith({ mode: MODE.symlink, ...inode }).source())).readLink(FILE);
const letters = (length: number) => new Uint8Array(60).fill(0x61, 0, length);

test("link targets in the inode and in blocks", async () => {
  expect(Buffer.from(await target({ size: 3, blockArea: letters(3) })).toString()).toBe("aaa");
  expect((await target({ ...mapped(ROOT), size: 100 })).length).toBe(100);
});

test.each([
  ["empty", { size: 0 }, /link target is cut short/],
  ["shorter than its size", { size: 5, blockArea: letters(3) }, /link target is cut short/],
  ["huge", { ...mapped(ROOT), size: 1_000_000 }, /exceeds the limit of 65536 \(symlinkTarget\)/],
  ["encrypted", { size: 3, flags: FLAG.encrypt }, /not supported: encrypted symbolic link/],
  ["on a file", { mode: MODE.file }, /not a symbolic link/],
])("refuses a link target that is %s", async (_what, inode, problem) => {
  await expect(target(inode)).rejects.toThrow(problem);
});
