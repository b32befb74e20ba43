/** A changed inode (xfs_inode_log_format, xfs_log_dinode; kernel fs/xfs/xfs_inode_item_recover.c). */
import { INODE_MAGIC } from "../inode.ts";
import type { Superblock } from "../superblock.ts";
import { LogDamage } from "./log-damage.ts";
import { NativeFields } from "./native-fields.ts";
import type { LogItem } from "./transaction.ts";

/** What was logged besides the core. */
const FIELD = {
  DATA: 0x2,
  DATA_EXTENTS: 0x4,
  DATA_ROOT: 0x8,
  DEVICE: 0x10,
  ATTRIBUTE: 0x40,
  ATTRIBUTE_EXTENTS: 0x80,
  ATTRIBUTE_ROOT: 0x100,
  OWNER: 0x200 | 0x400,
} as const;
const DATA_FORK = FIELD.DATA | FIELD.DATA_EXTENTS | FIELD.DATA_ROOT;
const ATTRIBUTE_FORK = FIELD.ATTRIBUTE | FIELD.ATTRIBUTE_EXTENTS | FIELD.ATTRIBUTE_ROOT;
/** Length of the format without the padding that 64-bit machines have. */
const UNPADDED = 52;
const CORE_V2 = 96;
const CORE_V3 = 176;
const FORKS_V2 = 100;

export interface InodeItem {
  readonly inode: number;
  /** The buffer it lies in, in basic blocks, and the bytes from its start. */
  readonly block: number;
  readonly blocks: number;
  readonly offset: number;
  readonly fields: number;
  readonly device: number;
  readonly core: Uint8Array;
  readonly data: Uint8Array | undefined;
  readonly attributes: Uint8Array | undefined;
}

/** The owner of all blocks of its extent tree changed with it. */
export const changesOwner = ({ fields }: InodeItem): boolean => (fields & FIELD.OWNER) !== 0;

/** @throws LogDamage when regions are missing or the core is impossible */
export function parseInodeItem({ regions }: LogItem): InodeItem {
  const [first = new Uint8Array(), core = new Uint8Array(), ...forks] = regions;
  const format = new NativeFields(first, "inode item");
  const shift = first.length === UNPADDED ? 4 : 0;
  const fields = format.u32(4);
  const hasData = (fields & DATA_FORK) !== 0;
  const hasAttributes = (fields & ATTRIBUTE_FORK) !== 0;
  const [data, attributes] = hasData ? [forks[0], forks[1]] : [undefined, forks[0]];
  if ((hasData && data === undefined) || (hasAttributes && attributes === undefined)) {
    throw new LogDamage(0, "an inode's fork is missing");
  }
  if (core.length < CORE_V2 || new NativeFields(core, "inode").u16(0) !== INODE_MAGIC) {
    throw new LogDamage(0, "an inode's magic number is missing");
  }
  return {
    ...{ inode: format.count(16 - shift), block: format.count(40 - shift), blocks: format.u32(48 - shift) },
    ...{ offset: format.u32(52 - shift), fields, device: format.u32(24 - shift), core },
    data,
    attributes: hasAttributes ? attributes : undefined,
  };
}

/** Widths of the core's fields in bytes; each is turned from the machine's byte order to the disk's. */
const CORE_WIDTHS: readonly number[] = [
  ...[2, 2, 1, 1, 2, 4, 4, 4, 2, 2, 8],
  // Three times, size, blocks.
  ...[8, 8, 8, 8, 8],
  ...[4, 4, 2, 1, 1, 4, 2, 2, 4],
];
const CORE_V3_WIDTHS: readonly number[] = [4, 4, 8, 8, 8, 4, 12, 8, 8, 16];
/** Where the three times and the time of creation lie. */
const TIMES: readonly number[] = [32, 40, 48, 144];
const BIGTIME = 0x8;

/** @returns whether the inode on the disk is the newer one */
export function isInodeAsNew(
  onDisk: Uint8Array,
  { core }: InodeItem,
  sequence: bigint,
  { version }: Superblock,
): boolean {
  const disk = new DataView(onDisk.buffer, onDisk.byteOffset, onDisk.byteLength);
  if (version === 5) {
    const written = disk.getBigInt64(112, false);
    return written > 0n && written > sequence;
  }
  // Version 4 counts how often an inode was written; the count wraps.
  const logged = new NativeFields(core, "inode").u16(30);
  const written = disk.getUint16(30, false);
  return logged < written && !(written === 0xffff && logged < 0x7fff);
}

/**
 * The inode's record as it is after the change. The checksum is the caller's to stamp.
 * @throws LogDamage when a fork does not fit
 */
export function applyInodeItem(
  onDisk: Uint8Array,
  item: InodeItem,
  sequence: bigint,
  superblock: Superblock,
): Uint8Array {
  const record = Uint8Array.from(onDisk);
  const v3 = superblock.version === 5;
  if (v3 && item.core.length < CORE_V3) throw new LogDamage(0, `inode ${item.inode} is cut short`);
  const nextUnlinked = record.slice(CORE_V2, FORKS_V2);
  record.set(diskCore(item.core, v3));
  record.set(nextUnlinked, CORE_V2);
  const view = new DataView(record.buffer);
  if (v3) view.setBigInt64(112, sequence, false);
  const forks = record.subarray(v3 ? CORE_V3 : FORKS_V2);
  const attributeStart = (record[82] as number) * 8;
  if (attributeStart >= forks.length) throw new LogDamage(0, `inode ${item.inode}: its forks do not fit`);
  const headerSize = v3 ? 72 : 24;
  const data = attributeStart === 0 ? forks : forks.subarray(0, attributeStart);
  if ((item.fields & FIELD.DEVICE) !== 0) new DataView(data.buffer, data.byteOffset).setUint32(0, item.device, false);
  putFork(data, item.data, { isRoot: (item.fields & FIELD.DATA_ROOT) !== 0, headerSize, inode: item.inode });
  if (item.attributes !== undefined && attributeStart === 0)
    throw new LogDamage(0, `inode ${item.inode} has no attribute fork`);
  const isRoot = (item.fields & FIELD.ATTRIBUTE_ROOT) !== 0;
  putFork(forks.subarray(attributeStart), item.attributes, { isRoot, headerSize, inode: item.inode });
  return record;
}

/** Big-endian; times of two words are turned word by word, other fields as a whole. */
function diskCore(core: Uint8Array, v3: boolean): Uint8Array {
  const disk = Uint8Array.from(core.subarray(0, v3 ? CORE_V3 : CORE_V2));
  const flags2 = v3 ? (core[120] as number) : 0;
  const widths = v3 ? [...CORE_WIDTHS, ...CORE_V3_WIDTHS] : CORE_WIDTHS;
  let offset = 0;
  for (const width of widths) {
    if (offset >= disk.length) break;
    if (width <= 8 && isOneField(offset, flags2, v3)) disk.subarray(offset, offset + width).reverse();
    else if (width === 8) turnParts(disk, offset, v3);
    offset += width;
  }
  return disk;
}

function isOneField(offset: number, flags2: number, v3: boolean): boolean {
  if (TIMES.includes(offset)) return (flags2 & BIGTIME) !== 0;
  return offset !== 24 || v3;
}

/** A time of seconds and nanoseconds; in version 2 inodes, six unused bytes and the count of writes. */
function turnParts(disk: Uint8Array, offset: number, v3: boolean): void {
  if (offset === 24 && !v3) {
    disk.subarray(30, 32).fill(0);
    return;
  }
  disk.subarray(offset, offset + 4).reverse();
  disk.subarray(offset + 4, offset + 8).reverse();
}

/** Forks are logged as they lie on the disk, except for roots of trees: those are logged as blocks in memory. */
function putFork(
  fork: Uint8Array,
  logged: Uint8Array | undefined,
  { isRoot, headerSize, inode }: { isRoot: boolean; headerSize: number; inode: number },
): void {
  if (logged === undefined) return;
  const bytes = isRoot ? diskRoot(logged, fork.length, headerSize) : logged;
  if (bytes === undefined || bytes.length > fork.length) throw new LogDamage(0, `inode ${inode}: a fork does not fit`);
  fork.set(bytes);
}

function diskRoot(block: Uint8Array, forkSize: number, headerSize: number): Uint8Array | undefined {
  if (block.length < headerSize) return undefined;
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const records = view.getUint16(6, false);
  const loggedCapacity = Math.floor((block.length - headerSize) / 16);
  const capacity = Math.floor((forkSize - 4) / 16);
  if (records > loggedCapacity || records > capacity) return undefined;
  const root = new Uint8Array(4 + capacity * 16);
  root.set(block.subarray(4, 8));
  root.set(block.subarray(headerSize, headerSize + records * 8), 4);
  const children = headerSize + loggedCapacity * 8;
  root.set(block.subarray(children, children + records * 8), 4 + capacity * 8);
  return root;
}
