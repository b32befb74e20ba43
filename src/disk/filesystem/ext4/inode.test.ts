import { expect, test } from "vitest";
import { BLOCK, MODE, TinyImage } from "../../../../test/fixtures/ext4/tiny-image.ts";
import { openExt4 } from "./ext4-file-system.ts";

function withFile(change: (image: TinyImage, offset: number) => void): TinyImage {
  const image = new TinyImage();
  image.putInode(12, { mode: MODE.file, size: 0 });
  change(image, image.inodeOffset(12));
  image.sealInode(12);
  return image;
}

const statOf = async (image: TinyImage, node = 12) => (await openExt4(image.source())).stat(node);

test("32-bit owners, 64-bit size, times with nanoseconds beyond 2038", async () => {
  const stat = await statOf(
    withFile(({ view }, offset) => {
      view.setUint16(offset + 0x2, 0x1234, true);
      view.setUint16(offset + 0x78, 0xabcd, true);
      view.setUint16(offset + 0x18, 5, true);
      view.setUint16(offset + 0x7a, 1, true);
      view.setUint32(offset + 0x6c, 2, true);
      view.setInt32(offset + 0x10, -1, true);
      view.setUint32(offset + 0x88, (999_999_999 << 2) >>> 0, true);
      // The last second of the range: the epoch bits 3 stand for 3 * 2^32 seconds.
      view.setInt32(offset + 0x8, 0x7fffffff, true);
      view.setUint32(offset + 0x8c, 3, true);
      view.setInt32(offset + 0x90, 60, true);
    }),
  );
  expect(stat).toMatchObject({ uid: 0xabcd1234, gid: 0x10005, size: 2 * 2 ** 32, birthtime: 60_000_000_000n });
  expect(stat.mtime).toBe(-1n);
  expect(stat.atime).toBe(15_032_385_535n * 1_000_000_000n);
});

test("extra fields count although the inode claims none, as in Linux", async () => {
  const stat = await statOf(
    withFile(({ view }, offset) => {
      view.setUint16(offset + 0x80, 0, true);
      view.setUint32(offset + 0x88, 500 << 2, true);
      view.setInt32(offset + 0x10, 7, true);
      view.setInt32(offset + 0x90, 60, true);
    }),
  );
  expect(stat).toMatchObject({ mtime: 7_000_000_500n, birthtime: 60_000_000_000n });
});

test("device numbers of both encodings, and flags in words", async () => {
  const image = withFile(({ view }, offset) => {
    view.setUint16(offset, MODE.device, true);
    view.setUint32(offset + 0x28, (8 << 8) | 17, true);
    view.setUint32(offset + 0x20, 0x10 | 0x20 | 0x40, true);
  });
  expect(await statOf(image)).toMatchObject({
    type: "character-device",
    device: { major: 8, minor: 17 },
    flags: ["immutable", "append-only", "no-dump"],
  });
  image.view.setUint32(image.inodeOffset(12) + 0x28, 0, true);
  image.view.setUint32(image.inodeOffset(12) + 0x2c, 0x12345678, true);
  image.sealInode(12);
  expect((await statOf(image)).device).toEqual({ major: 0x456, minor: 0x12378 });
});

const BROKEN: readonly [string, (image: TinyImage, offset: number) => void, RegExp][] = [
  ["no mode", ({ view }, offset) => view.setUint16(offset, 0, true), /inode 12 at byte 7936: not in use/],
  ["no links", ({ view }, offset) => view.setUint16(offset + 0x1a, 0, true), /not in use/],
  ["an unknown type", ({ view }, offset) => view.setUint16(offset, 0x3000, true), /file type 3 is impossible/],
  ["extra fields past the record", ({ view }, offset) => view.setUint16(offset + 0x80, 132, true), /extra size 132/],
  ["an odd extra size", ({ view }, offset) => view.setUint16(offset + 0x80, 30, true), /extra size 30/],
  [
    "a size past 2^53",
    ({ view }, offset) => view.setUint32(offset + 0x6c, 0xffffffff, true),
    /size is implausibly large/,
  ],
];

test.each(BROKEN)("refuses an inode with %s", async (_what, change, problem) => {
  await expect(statOf(withFile(change))).rejects.toThrow(problem);
});

test("a wrong checksum spoils this inode only", async () => {
  const image = withFile(() => undefined);
  image.bytes[image.inodeOffset(12) + 0x10] = 1;
  await expect(statOf(image)).rejects.toThrow(/inode 12 at byte \d+: checksum does not match/);
  expect((await statOf(image, 2)).type).toBe("directory");
});

test.each([0, 17, -1, 1.5, 2 ** 40])("inode %d is outside the table", async (node) => {
  await expect(statOf(new TinyImage(), node)).rejects.toThrow(/the file system has 16 inodes/);
});

test("a damaged group descriptor is refused when no copy is left", async () => {
  const checksum = new TinyImage();
  checksum.bytes[2 * BLOCK + 0xc] = 1;
  await expect(statOf(checksum, 2)).rejects.toThrow(/group descriptor 0 at byte 2048: checksum does not match/);
  const outside = new TinyImage();
  outside.view.setUint32(2 * BLOCK + 0x8, 62, true);
  outside.sealDescriptor();
  await expect(statOf(outside, 2)).rejects.toThrow(/inode table at block 62 lies outside/);
});
