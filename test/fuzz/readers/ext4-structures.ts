/** The structures of an ext4 image with metadata_csum, 64bit and extents, and how each is sealed. */
import { crc32c } from "../../../src/bytes/crc32c.ts";
import type { MutableImage } from "./mutable-image.ts";
import type { Structure } from "./mutate.ts";

const SUPERBLOCK = 1024;
const SUPERBLOCK_SIZE = 1024;
const DESCRIPTOR_SIZE = 64;
const EXTENT_MAGIC = 0xf30a;
const INDEX_FLAG = 0x1000;
const EXTENTS_FLAG = 0x80000;
const DIRECTORY = 0o040000;
const TYPE = 0o170000;
const TAIL_SIZE = 12;

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
};

interface Geometry {
  readonly bytes: Buffer;
  readonly blockSize: number;
  readonly inodeSize: number;
  readonly seed: number;
}

/** CRC-32C of `bytes` with the `width` bytes at `field` taken as zeros. */
function without(register: number, bytes: Uint8Array, field: number, width: number): number {
  const copy = Uint8Array.from(bytes);
  copy.fill(0, field, field + width);
  return crc32c(register, copy);
}

function superblock(): Structure {
  return {
    kind: "superblock",
    start: SUPERBLOCK,
    length: 0x280,
    seal: (image) => {
      const checked = image.bytes.subarray(SUPERBLOCK, SUPERBLOCK + SUPERBLOCK_SIZE - 4);
      image.write(SUPERBLOCK + SUPERBLOCK_SIZE - 4, u32(crc32c(0xffffffff, checked)));
    },
  };
}

function groupDescriptor({ blockSize, seed }: Geometry, group: number): Structure {
  const start = Math.max(2048, blockSize) + group * DESCRIPTOR_SIZE;
  return {
    kind: "group descriptor",
    start,
    length: DESCRIPTOR_SIZE,
    seal: (image) => {
      const descriptor = image.bytes.subarray(start, start + DESCRIPTOR_SIZE);
      const checksum = without(crc32c(seed, u32(group)), descriptor, 0x1e, 2);
      image.write(start + 0x1e, u32(checksum).subarray(0, 2));
    },
  };
}

/** The checksum of what inode `number` at `at` owns goes on from this. */
const ownerSeed = ({ seed }: Geometry, bytes: Buffer, number: number, at: number): number =>
  crc32c(crc32c(seed, u32(number)), bytes.subarray(at + 0x64, at + 0x68));

function inode(geometry: Geometry, number: number, start: number): Structure {
  const { inodeSize } = geometry;
  return {
    kind: "inode",
    start,
    length: inodeSize,
    seal: (image) => {
      const copy = Buffer.from(image.bytes.subarray(start, start + inodeSize));
      copy.fill(0, 0x7c, 0x7e);
      copy.fill(0, 0x82, 0x84);
      const checksum = u32(crc32c(ownerSeed(geometry, image.bytes, number, start), copy));
      image.write(start + 0x7c, checksum.subarray(0, 2));
      image.write(start + 0x82, checksum.subarray(2, 4));
    },
  };
}

/** A block that ends with the checksum of all before it. */
function blockWithTail(
  geometry: Geometry,
  kind: string,
  start: number,
  owner: { readonly number: number; readonly at: number },
  tail: { readonly checked: number; readonly field: number },
): Structure {
  return {
    kind,
    start,
    length: tail.checked,
    seal: (image) => {
      const register = ownerSeed(geometry, image.bytes, owner.number, owner.at);
      const checked = image.bytes.subarray(start, start + tail.checked);
      image.write(start + tail.field, u32(crc32c(register, checked)));
    },
  };
}

/** The checksum of a hash tree's node covers its count and entries in use, and the tail's first half. */
function hashTreeNode(
  geometry: Geometry,
  start: number,
  owner: { number: number; at: number },
  count: number,
): Structure {
  return {
    kind: "hash tree node",
    start,
    length: count + 128,
    seal: (image) => {
      const limit = image.bytes.readUInt16LE(start + count);
      const used = image.bytes.readUInt16LE(start + count + 2);
      const tail = count + limit * 8;
      if (tail + 8 > geometry.blockSize || used > limit) return;
      const block = image.bytes.subarray(start, start + geometry.blockSize);
      const entries = crc32c(ownerSeed(geometry, image.bytes, owner.number, owner.at), block, 0, count + used * 8);
      const reserved = crc32c(entries, block, tail, tail + 4);
      image.write(start + tail + 4, u32(crc32c(reserved, Buffer.alloc(4))));
    },
  };
}

/** An attribute block's checksum begins with where it lies. */
function attributeBlock({ blockSize, seed }: Geometry, block: number): Structure {
  const start = block * blockSize;
  return {
    kind: "attribute block",
    start,
    length: blockSize,
    seal: (image) => {
      const register = crc32c(crc32c(seed, u32(block)), u32(0));
      const bytes = image.bytes.subarray(start, start + blockSize);
      image.write(start + 0x10, u32(without(register, bytes, 0x10, 4)));
    },
  };
}

/** Pairs of first block and length that the tree below `at` leads to, and the blocks of the tree itself. */
function followExtents({ bytes, blockSize }: Geometry, at: number, tree: number[]): number[] {
  if (bytes.readUInt16LE(at) !== EXTENT_MAGIC) return [];
  const blocks: number[] = [];
  for (let index = 0; index < bytes.readUInt16LE(at + 2); index++) {
    const entry = at + 12 + index * 12;
    if (bytes.readUInt16LE(at + 6) > 0) {
      const child = bytes.readUInt32LE(entry + 4);
      tree.push(child);
      blocks.push(...followExtents({ bytes, blockSize, inodeSize: 0, seed: 0 }, child * blockSize, tree));
    } else {
      const first = bytes.readUInt32LE(entry + 8);
      const length = bytes.readUInt16LE(entry + 4) % 0x8000;
      blocks.push(...Array.from({ length }, (_, block) => first + block));
    }
  }
  return blocks;
}

function ownedBlocks(geometry: Geometry, number: number, at: number): Structure[] {
  const { bytes, blockSize } = geometry;
  const found: Structure[] = [];
  const attributes = bytes.readUInt32LE(at + 0x68);
  if (attributes !== 0) found.push(attributeBlock(geometry, attributes));
  if ((bytes.readUInt32LE(at + 0x20) & EXTENTS_FLAG) === 0) return found;
  const tree: number[] = [];
  const data = followExtents(geometry, at + 0x28, tree);
  const owner = { number, at };
  for (const block of tree) {
    const checked = 12 + bytes.readUInt16LE(block * blockSize + 4) * 12;
    const tail = { checked, field: checked };
    found.push(blockWithTail(geometry, "extent block", block * blockSize, owner, tail));
  }
  if ((bytes.readUInt16LE(at) & TYPE) !== DIRECTORY) return found;
  for (const [index, block] of data.entries()) {
    const start = block * blockSize;
    // The root of a hash tree may keep the tail of the leaf that it was.
    const isRoot = index === 0 && (bytes.readUInt32LE(at + 0x20) & INDEX_FLAG) !== 0;
    const isLeaf = !isRoot && bytes[start + blockSize - TAIL_SIZE + 7] === 0xde;
    const tail = { checked: blockSize - TAIL_SIZE, field: blockSize - 4 };
    if (isLeaf) found.push(blockWithTail(geometry, "directory block", start, owner, tail));
    else found.push(hashTreeNode(geometry, start, owner, index === 0 ? 0x20 : 8));
  }
  return found;
}

export function ext4Structures(image: MutableImage | Uint8Array): Structure[] {
  const bytes = image instanceof Uint8Array ? Buffer.from(image) : image.bytes;
  const seed = crc32c(0xffffffff, bytes.subarray(SUPERBLOCK + 0x68, SUPERBLOCK + 0x78));
  const blockSize = 1024 << bytes.readUInt32LE(SUPERBLOCK + 0x18);
  const geometry = { bytes, blockSize, inodeSize: bytes.readUInt16LE(SUPERBLOCK + 0x58), seed };
  const structures = [superblock(), groupDescriptor(geometry, 0)];
  const table = bytes.readUInt32LE(Math.max(2048, blockSize) + 8) * blockSize;
  for (let number = 1; number <= bytes.readUInt32LE(SUPERBLOCK + 0x28); number++) {
    const at = table + (number - 1) * geometry.inodeSize;
    if (bytes.readUInt16LE(at) === 0) continue;
    structures.push(inode(geometry, number, at), ...ownedBlocks(geometry, number, at));
  }
  return structures;
}
