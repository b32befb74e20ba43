import { expect, test } from "vitest";
import { BLOCK, TinyImage } from "../../../../test/fixtures/ext4/tiny-image.ts";
import { CorruptDataError, UnsupportedFeatureError } from "../../../errors.ts";
import { MemorySource } from "../../../source/memory-source.ts";
import { openExt4 } from "./ext4-file-system.ts";
import { probeExt4 } from "./superblock.ts";

function sealed(change: (image: TinyImage) => void): MemorySource {
  const image = new TinyImage();
  change(image);
  image.sealSuperblock();
  return image.source();
}

const u32 = (offset: number, value: number) => (image: TinyImage) => image.view.setUint32(BLOCK + offset, value, true);
const u16 = (offset: number, value: number) => (image: TinyImage) => image.view.setUint16(BLOCK + offset, value, true);

type Change = (image: TinyImage) => void;

function all(...changes: readonly Change[]): Change {
  return (image) => {
    for (const change of changes) change(image);
  };
}

test("says what the file system is", async () => {
  const info = (await openExt4(new TinyImage().source())).info();
  expect(info).toEqual({
    type: "ext4",
    uuid: "01020304-0506-0708-090a-0b0c0d0e0f10",
    blockSize: 1024,
    size: 64 * 1024,
    features: ["ext_attr", "dir_index", "filetype", "extent", "ea_inode", "inline_data", "metadata_csum"],
    consistency: { state: "clean", detail: "clean" },
    warnings: [],
  });
});

const BROKEN: readonly [string, (image: TinyImage) => void, RegExp][] = [
  ["magic", u16(0x38, 0), /magic number missing/],
  ["block size", u32(0x18, 7), /block size 2\^17 is impossible/],
  ["block count", u32(0x4, 0), /first data block 1 is impossible/],
  ["first data block", u32(0x14, 2), /first data block 2 is impossible/],
  ["blocks per group", u32(0x20, 0), /0 blocks in a group/],
  ["too many blocks per group", u32(0x20, 8200), /8200 blocks in a group/],
  ["inode size", u16(0x58, 192), /inode size 192/],
  ["inode size over the block's", u16(0x58, 2048), /inode size 2048/],
  ["inodes per group", u32(0x28, 0), /0 inodes in a group/],
  ["inode count", u32(0x0, 17), /17 inodes do not fit in 1 groups/],
  ["descriptor size", all(u32(0x60, 0xc2), u16(0xfe, 48)), /descriptor size 48/],
  ["64-bit block count", all(u32(0x60, 0xc2), u16(0xfe, 64), u32(0x150, 0xffffffff)), /implausibly many/],
  ["cluster size", all(u32(0x64, 0x600), u32(0x1c, 30)), /cluster size 2\^40/],
];

test.each(BROKEN)("refuses an impossible %s", async (_what, change, problem) => {
  await expect(openExt4(sealed(change))).rejects.toThrow(problem);
  await expect(openExt4(sealed(change))).rejects.toBeInstanceOf(CorruptDataError);
});

test("a wrong checksum is damage, also when it makes features look unknown", async () => {
  const image = new TinyImage();
  image.bytes[BLOCK + 0x63] = 0x80;
  await expect(openExt4(image.source())).rejects.toThrow("ext4: superblock at byte 1024: checksum does not match");
});

test("a volume that ends before the superblock", async () => {
  await expect(openExt4(new MemorySource(new Uint8Array(1500)))).rejects.toThrow(/volume ends at byte 1500/);
});

const UNKNOWN: readonly [string, (image: TinyImage) => void, RegExp][] = [
  ["incompatible features", u32(0x60, 0x80001042), /not supported: dirdata, FEATURE_I31/],
  ["compression", u32(0x60, 0x43), /not supported: compression/],
  ["journal devices", u32(0x60, 0x8), /journal_dev; this is a journal of another file system/],
  ["checksum types", (image) => image.bytes.fill(2, BLOCK + 0x175, BLOCK + 0x176), /metadata checksum type 2/],
];

test.each(UNKNOWN)("refuses unknown %s by name", async (_what, change, problem) => {
  await expect(openExt4(sealed(change))).rejects.toThrow(problem);
  await expect(openExt4(sealed(change))).rejects.toBeInstanceOf(UnsupportedFeatureError);
});

test("unknown read-only features do not matter to a reader", async () => {
  const fileSystem = await openExt4(sealed(u32(0x64, 0x80000400)));
  expect(fileSystem.info().features).toContain("FEATURE_R31");
});

test("states errors, missing bytes and unclean unmounting", async () => {
  const image = new TinyImage();
  u16(0x3a, 2)(image);
  u32(0x4, 80)(image);
  image.sealSuperblock();
  const { consistency, warnings } = (await openExt4(image.source())).info();
  expect(consistency).toEqual({ state: "raw", detail: "not cleanly unmounted, and there is no journal to replay" });
  expect(warnings).toEqual([
    "the guest's kernel has recorded errors in this file system",
    "the volume is 16384 bytes shorter than the file system; files there cannot be read",
  ]);
});

test("needs a journal it does not have: raw view with the reason", async () => {
  const needsRecovery = all(u32(0x5c, 0x4), u32(0x60, 0x46));
  const external = await openExt4(sealed(needsRecovery));
  expect(external.info().consistency).toEqual({ state: "raw", detail: "the journal lies on another device, raw view" });
  const damaged = all(needsRecovery, u32(0xe0, 8));
  const { consistency } = (await openExt4(sealed(damaged))).info();
  expect(consistency.state).toBe("raw");
  expect(consistency.detail).toMatch(/cannot be replayed, raw view: ext4: inode 8/);
  const unasked = await openExt4(sealed(damaged), { replay: false });
  expect(unasked.info().consistency).toEqual({ state: "raw", detail: "the journal was not replayed, as asked" });
});

test("probing names the type by features as blkid does", () => {
  const probe = (compat: number, incompat: number, roCompat: number) => {
    const image = new TinyImage();
    for (const [offset, value] of [
      [0x5c, compat],
      [0x60, incompat],
      [0x64, roCompat],
    ] as const)
      u32(offset, value)(image);
    return probeExt4(image.bytes)?.type;
  };
  expect(probe(0, 0x2, 0x3)).toBe("ext2");
  expect(probe(4, 0x6, 0x3)).toBe("ext3");
  expect(probe(4, 0x42, 0x3)).toBe("ext4");
  expect(probe(0, 0x8, 0)).toBeUndefined();
  expect(probeExt4(new Uint8Array(4096))).toBeUndefined();
  expect(probeExt4(new TinyImage().bytes.subarray(0, 2047))).toBeUndefined();
});
