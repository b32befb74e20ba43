/** Records of a zip archive: PKWARE APPNOTE 6.3.10, sections 4.3.7 to 4.3.16; extra fields of Info-ZIP's proginfo/extrafld.txt. Little-endian. */

export const LARGEST_32 = 0xffff_ffff;
const LARGEST_16 = 0xffff;

/** Bits of the general purpose flag. */
const FLAG_DESCRIPTOR = 1 << 3;
const FLAG_UTF8 = 1 << 11;

export type ZipMethod = "stored" | "deflated";
const METHODS: Record<ZipMethod, number> = { stored: 0, deflated: 8 };

/** 4.4.3: 2.0 for directories and deflate, 4.5 for zip64. */
const VERSION_DEFAULT = 20;
const VERSION_ZIP64 = 45;
/** 4.4.2: host 3 is Unix, so that the upper half of the external attributes is a mode. */
const MADE_BY = (3 << 8) | 63;

export interface ZipMember {
  readonly name: Uint8Array;
  readonly isUtf8: boolean;
  readonly method: ZipMethod;
  /** File type and permissions as in `st_mode`. */
  readonly mode: number;
  readonly isDirectory: boolean;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  readonly atime: bigint | undefined;
  /** Sizes and checksum follow the content; `zip64` then says how wide. */
  readonly streamed: boolean;
  readonly zip64: boolean;
}

export interface ZipSizes {
  readonly crc: number;
  readonly compressedSize: number;
  readonly size: number;
}

const NOT_KNOWN_YET: ZipSizes = { crc: 0, compressedSize: 0, size: 0 };

/** 4.3.7 */
export function localHeader(member: ZipMember, known: ZipSizes = NOT_KNOWN_YET): Uint8Array {
  const sizes64 = member.zip64 ? zip64Field([known.size, known.compressedSize]) : Buffer.alloc(0);
  const extra = Buffer.concat([sizes64, timeField(member, true), ownerField(member)]);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  writeCommon(header, 4, member);
  header.writeUInt32LE(known.crc, 14);
  header.writeUInt32LE(member.zip64 ? LARGEST_32 : known.compressedSize, 18);
  header.writeUInt32LE(member.zip64 ? LARGEST_32 : known.size, 22);
  header.writeUInt16LE(member.name.length, 26);
  header.writeUInt16LE(extra.length, 28);
  return Buffer.concat([header, member.name, extra]);
}

/** 4.3.9, with its customary signature. */
export function dataDescriptor(zip64: boolean, { crc, compressedSize, size }: ZipSizes): Uint8Array {
  const descriptor = Buffer.alloc(zip64 ? 24 : 16);
  descriptor.writeUInt32LE(0x08074b50, 0);
  descriptor.writeUInt32LE(crc, 4);
  if (zip64) {
    descriptor.writeBigUInt64LE(BigInt(compressedSize), 8);
    descriptor.writeBigUInt64LE(BigInt(size), 16);
  } else {
    descriptor.writeUInt32LE(compressedSize, 8);
    descriptor.writeUInt32LE(size, 12);
  }
  return descriptor;
}

/** 4.3.12; `offset` is where the local header starts. */
export function centralHeader(member: ZipMember, sizes: ZipSizes, offset: number): Uint8Array {
  const { compressedSize, size } = sizes;
  const sizesAre64 = member.zip64;
  const wide = [...(sizesAre64 ? [size, compressedSize] : []), ...(offset >= LARGEST_32 ? [offset] : [])];
  const extra = Buffer.concat([
    wide.length > 0 ? zip64Field(wide) : Buffer.alloc(0),
    timeField(member, false),
    ownerField(member),
  ]);
  const header = Buffer.alloc(46);
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt16LE(MADE_BY, 4);
  writeCommon(header, 6, member);
  if (wide.length > 0) header.writeUInt16LE(VERSION_ZIP64, 6);
  header.writeUInt32LE(sizes.crc, 16);
  header.writeUInt32LE(sizesAre64 ? LARGEST_32 : compressedSize, 20);
  header.writeUInt32LE(sizesAre64 ? LARGEST_32 : size, 24);
  header.writeUInt16LE(member.name.length, 28);
  header.writeUInt16LE(extra.length, 30);
  header.writeUInt32LE(externalAttributes(member), 38);
  header.writeUInt32LE(Math.min(offset, LARGEST_32), 42);
  return Buffer.concat([header, member.name, extra]);
}

/** 4.3.14 to 4.3.16: the zip64 end record and its locator come first, where needed. */
export function endOfCentralDirectory(count: number, offset: number, size: number): Uint8Array {
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Math.min(count, LARGEST_16), 8);
  end.writeUInt16LE(Math.min(count, LARGEST_16), 10);
  end.writeUInt32LE(Math.min(size, LARGEST_32), 12);
  end.writeUInt32LE(Math.min(offset, LARGEST_32), 16);
  if (count < LARGEST_16 && offset < LARGEST_32 && size < LARGEST_32) return end;
  const end64 = Buffer.alloc(56);
  end64.writeUInt32LE(0x06064b50, 0);
  end64.writeBigUInt64LE(BigInt(end64.length - 12), 4);
  end64.writeUInt16LE(MADE_BY, 12);
  end64.writeUInt16LE(VERSION_ZIP64, 14);
  end64.writeBigUInt64LE(BigInt(count), 24);
  end64.writeBigUInt64LE(BigInt(count), 32);
  end64.writeBigUInt64LE(BigInt(size), 40);
  end64.writeBigUInt64LE(BigInt(offset), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(offset + size), 8);
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([end64, locator, end]);
}

/** Version needed, flags, method, time, date: the same in both headers. */
function writeCommon(header: Buffer, at: number, member: ZipMember): void {
  const { time, date } = dosTime(member.mtime);
  header.writeUInt16LE(member.zip64 ? VERSION_ZIP64 : VERSION_DEFAULT, at);
  header.writeUInt16LE((member.streamed ? FLAG_DESCRIPTOR : 0) | (member.isUtf8 ? FLAG_UTF8 : 0), at + 2);
  header.writeUInt16LE(METHODS[member.method], at + 4);
  header.writeUInt16LE(time, at + 6);
  header.writeUInt16LE(date, at + 8);
}

/** Two-second steps from 1980 to 2107, in UTC since a zip knows no time zone. */
function dosTime(mtime: bigint): { readonly time: number; readonly date: number } {
  const first = Date.UTC(1980, 0, 1);
  const last = Date.UTC(2107, 11, 31, 23, 59, 58);
  const moment = new Date(Math.min(Math.max(Number(mtime / 1_000_000n), first), last));
  const seconds = moment.getUTCSeconds() >> 1;
  return {
    time: (moment.getUTCHours() << 11) | (moment.getUTCMinutes() << 5) | seconds,
    date: ((moment.getUTCFullYear() - 1980) << 9) | ((moment.getUTCMonth() + 1) << 5) | moment.getUTCDate(),
  };
}

/** The mode above; below what DOS knows of it: read-only, directory. */
function externalAttributes({ mode, isDirectory }: ZipMember): number {
  return ((mode << 16) | (isDirectory ? 0x10 : 0) | (mode & 0o200 ? 0 : 0x01)) >>> 0;
}

/** 4.5.3 */
function zip64Field(values: readonly number[]): Buffer {
  const field = extraField(0x0001, values.length * 8);
  for (const [index, value] of values.entries()) field.writeBigUInt64LE(BigInt(value), 4 + index * 8);
  return field;
}

/** Info-ZIP's "UT": whole seconds, signed 32 bits; nothing where that does not reach. The central one holds mtime only. */
function timeField({ mtime, atime }: ZipMember, isLocal: boolean): Buffer {
  const modified = wholeSeconds(mtime);
  if (modified === undefined) return Buffer.alloc(0);
  const accessed = atime === undefined ? undefined : wholeSeconds(atime);
  const field = extraField(0x5455, isLocal && accessed !== undefined ? 9 : 5);
  field.writeUInt8(accessed === undefined ? 1 : 3, 4);
  field.writeInt32LE(modified, 5);
  if (isLocal && accessed !== undefined) field.writeInt32LE(accessed, 9);
  return field;
}

function wholeSeconds(nanoseconds: bigint): number | undefined {
  const billion = 1_000_000_000n;
  // Rounded down, before 1970 too, as file systems with whole seconds do.
  const seconds = Number((nanoseconds - (((nanoseconds % billion) + billion) % billion)) / billion);
  return seconds >= -0x8000_0000 && seconds <= 0x7fff_ffff ? seconds : undefined;
}

/** Info-ZIP's "ux", version 1: uid and gid, four bytes each. */
function ownerField({ uid, gid }: ZipMember): Buffer {
  const field = extraField(0x7875, 11);
  field.writeUInt8(1, 4);
  field.writeUInt8(4, 5);
  field.writeUInt32LE(uid, 6);
  field.writeUInt8(4, 10);
  field.writeUInt32LE(gid, 11);
  return field;
}

function extraField(id: number, length: number): Buffer {
  const field = Buffer.alloc(4 + length);
  field.writeUInt16LE(id, 0);
  field.writeUInt16LE(length, 2);
  return field;
}
