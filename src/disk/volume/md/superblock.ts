/**
 * The superblocks of Linux software RAID (kernel `include/uapi/linux/raid/md_p.h`, `drivers/md/md.c`). Version 1
 * is little-endian; 0.90 is in the order of the machine, and read where that was little-endian, too.
 */
import { Cursor } from "../../../bytes/cursor.ts";
import { UnsupportedFeatureError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";

const SECTOR = 512;
const MAGIC = 0xa92b4efc;

/** One member's view of its array. Sizes and offsets are bytes. */
export interface MdSuperblock {
  /** Hexadecimal, 32 digits. */
  readonly arrayId: string;
  /** `name` of `mdadm --create`, with the host in front: `vm:data`. */
  readonly name?: string;
  /** The number of `/dev/md<n>`, where the format has it. */
  readonly minor?: number;
  readonly level: number;
  readonly layout: number;
  readonly chunkSize: number;
  /** Devices of the array, missing ones included. */
  readonly devices: number;
  /** Counts changes; a member that is behind is out of date. */
  readonly events: bigint;
  /** Position in the array; undefined for a spare or one that failed. */
  readonly role?: number;
  /** Of this member. */
  readonly dataOffset: number;
  readonly dataSize: number;
  /** Bytes used of every member at levels above 0; 0 at those where members may differ. */
  readonly usedSize: number;
  /** Not all of this member has been rebuilt yet. */
  readonly recovering: boolean;
}

/** Bytes from the start where a superblock may lie, by version, in the order they are looked for. */
function places(size: number): readonly (readonly [version: string, offset: number])[] {
  const end090 = Math.floor(size / 65_536) * 65_536 - 65_536;
  const end10 = (Math.floor(size / SECTOR) - 16) * SECTOR;
  return [
    ["1.1", 0],
    ["1.2", 4096],
    ["1.0", end10 - (end10 % 4096)],
    ["0.90", end090],
  ];
}

/**
 * Undefined where none lies at its place.
 * @throws CorruptDataError when its checksum does not match, UnsupportedFeatureError, SourceError
 */
export async function readMdSuperblock(source: ByteSource, signal?: AbortSignal): Promise<MdSuperblock | undefined> {
  for (const [version, byteOffset] of places(source.size)) {
    if (byteOffset < 0 || byteOffset + 4096 > source.size) continue;
    const place = { format: "md", structure: `superblock ${version}`, byteOffset };
    const cursor = new Cursor(await source.read(byteOffset, 4096, signal), place);
    if (cursor.u32le(0) !== MAGIC) continue;
    if (version === "0.90" && cursor.u32le(4) === 0) return parse090(cursor, byteOffset);
    // The superblock names its own place, so that one of another version is not taken for it.
    if (version !== "0.90" && cursor.u32le(4) === 1 && cursor.u64le(V1.superOffset) * SECTOR === byteOffset)
      return parse1(cursor, source.size);
  }
  return undefined;
}

const V1 = {
  features: 8,
  arrayId: 16,
  name: 32,
  level: 72,
  layout: 76,
  size: 80,
  chunkSize: 88,
  devices: 92,
  dataOffset: 128,
  dataSize: 136,
  superOffset: 144,
  number: 160,
  events: 200,
  checksum: 216,
  maxDevices: 220,
  roles: 256,
} as const;

const FEATURE = {
  bitmap: 1,
  recovering: 2,
  badBlocks: 8,
  bitmapOfClusters: 0x100,
  journal: 0x200,
  ppl: 0x400,
  multiplePpl: 0x800,
  raid0Layout: 0x1000,
} as const;
/** None of these changes where data lies; a bitmap or journal only says what may be out of date. */
const KNOWN_FEATURES = Object.values(FEATURE).reduce((all, each) => all | each, 0) & ~FEATURE.journal;
const LARGEST_ROLE = 0xfeff;

function parse1(cursor: Cursor, sourceSize: number): MdSuperblock {
  const maxDevices = cursor.u32le(V1.maxDevices);
  if (V1.roles + maxDevices * 2 > cursor.length) throw cursor.corrupt("lists more devices than it has room for");
  if (checksum1(cursor, V1.roles + maxDevices * 2) !== cursor.u32le(V1.checksum))
    throw cursor.corrupt("checksum does not match");
  const features = cursor.u32le(V1.features);
  const unknown = features & ~KNOWN_FEATURES;
  if (unknown !== 0)
    throw new UnsupportedFeatureError("md", [
      `features 0x${(unknown >>> 0).toString(16)} (a reshape, a journal or a replacement)`,
    ]);
  const number = cursor.u32le(V1.number);
  const role = number < maxDevices ? cursor.u16le(V1.roles + number * 2) : LARGEST_ROLE + 1;
  const dataOffset = cursor.u64le(V1.dataOffset) * SECTOR;
  const dataSize = cursor.u64le(V1.dataSize) * SECTOR;
  if (dataOffset + dataSize > sourceSize) throw cursor.corrupt("says that its data reaches beyond the device's end");
  const level = cursor.i32le(V1.level);
  const name = cursor.ascii(V1.name, 32);
  return {
    arrayId: Buffer.from(cursor.slice(V1.arrayId, 16)).toString("hex"),
    ...(name === "" ? {} : { name }),
    level,
    layout: cursor.u32le(V1.layout),
    chunkSize: cursor.u32le(V1.chunkSize) * SECTOR,
    devices: cursor.u32le(V1.devices),
    events: cursor.u64leBig(V1.events),
    ...(role > LARGEST_ROLE ? {} : { role }),
    dataOffset,
    dataSize,
    usedSize: usedSize(cursor, level, cursor.u64le(V1.size) * SECTOR, dataSize),
    recovering: (features & FEATURE.recovering) !== 0,
  };
}

/** Levels above 0 use the same part of every member, which no member can be smaller than. */
function usedSize(cursor: Cursor, level: number, size: number, dataSize: number): number {
  if (level > 0 && size > dataSize) throw cursor.corrupt("says that the array uses more than there is");
  return size;
}

/** The sum of all words with the checksum itself as 0, its carry added once. */
function checksum1(cursor: Cursor, length: number): number {
  let sum = 0;
  for (let at = 0; at + 4 <= length; at += 4) if (at !== V1.checksum) sum += cursor.u32le(at);
  if (length % 4 === 2) sum += cursor.u16le(length - 2);
  return (sum + Math.floor(sum / 0x1_0000_0000)) >>> 0;
}

/** Words of 32 bits. */
const V0 = {
  minorVersion: 2,
  id0: 5,
  level: 7,
  size: 8,
  devices: 10,
  mdMinor: 11,
  id1: 13,
  checksum: 38,
  eventsLow: 39,
  eventsHigh: 40,
  layout: 64,
  chunkSize: 65,
  thisDevice: 992,
} as const;
const V0_DEVICE = { role: 3, state: 4 } as const;
const V0_ACTIVE = 1 << 1;
const V0_SYNC = 1 << 2;
const V0_FAULTY = 1;

function parse090(cursor: Cursor, byteOffset: number): MdSuperblock {
  const word = (index: number) => cursor.u32le(index * 4);
  let sum = 0;
  for (let index = 0; index < 1024; index++) if (index !== V0.checksum) sum += word(index);
  if ((sum + Math.floor(sum / 0x1_0000_0000)) >>> 0 !== word(V0.checksum))
    throw cursor.corrupt("checksum does not match");
  if (word(V0.minorVersion) !== 90) throw new UnsupportedFeatureError("md", [`superblock 0.${word(V0.minorVersion)}`]);
  const state = word(V0.thisDevice + V0_DEVICE.state);
  const isMember = (state & V0_FAULTY) === 0 && (state & V0_ACTIVE) !== 0 && (state & V0_SYNC) !== 0;
  const level = cursor.i32le(V0.level * 4);
  const ids = [V0.id0, V0.id1, V0.id1 + 1, V0.id1 + 2].map((index) => word(index).toString(16).padStart(8, "0"));
  return {
    arrayId: ids.join(""),
    minor: word(V0.mdMinor),
    level,
    layout: word(V0.layout),
    chunkSize: word(V0.chunkSize),
    devices: word(V0.devices),
    events: (BigInt(word(V0.eventsHigh)) << 32n) | BigInt(word(V0.eventsLow)),
    ...(isMember ? { role: word(V0.thisDevice + V0_DEVICE.role) } : {}),
    dataOffset: 0,
    dataSize: byteOffset,
    usedSize: usedSize(cursor, level, word(V0.size) * 1024, byteOffset),
    recovering: false,
  };
}
