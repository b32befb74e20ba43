/** Attributes of an MFT record: headers and where their values are (libfsntfs, "The MFT attribute"). */
import type { Cursor } from "../../../bytes/cursor.ts";
import { utf16Text } from "./utf16-name.ts";

export const ATTRIBUTE = {
  STANDARD_INFORMATION: 0x10,
  ATTRIBUTE_LIST: 0x20,
  FILE_NAME: 0x30,
  SECURITY_DESCRIPTOR: 0x50,
  VOLUME_NAME: 0x60,
  VOLUME_INFORMATION: 0x70,
  DATA: 0x80,
  INDEX_ROOT: 0x90,
  INDEX_ALLOCATION: 0xa0,
  BITMAP: 0xb0,
  REPARSE_POINT: 0xc0,
  EA: 0xe0,
  END: 0xffff_ffff,
} as const;

export const ATTRIBUTE_FLAG = { COMPRESSION_MASK: 0x00ff, COMPRESSED: 0x0001, ENCRYPTED: 0x4000, SPARSE: 0x8000 };

interface AttributeHeader {
  readonly type: number;
  /** UTF-16 code units; empty for the unnamed one. */
  readonly name: string;
  readonly flags: number;
  /** Tells attributes of one record apart. */
  readonly instance: number;
}

export interface ResidentAttribute extends AttributeHeader {
  readonly resident: true;
  readonly value: Uint8Array;
}

/** One stretch of a value outside the record; the sizes are those of the whole value, in the first stretch only. */
export interface NonResidentAttribute extends AttributeHeader {
  readonly resident: false;
  readonly firstVcn: number;
  /** Behind the last cluster of this stretch. */
  readonly endVcn: number;
  /** Clusters of one compression unit as an exponent of two; 0 when the value is not kept in units. */
  readonly unitExponent: number;
  /** Bytes. */
  readonly allocatedSize: number;
  readonly dataSize: number;
  /** Bytes that were ever written; behind them the value reads as zeros. */
  readonly initializedSize: number;
  /** Bytes on the disk, when compressed or sparse. */
  readonly storedSize?: number;
  readonly mappingPairs: Uint8Array;
}

export type Attribute = ResidentAttribute | NonResidentAttribute;

/** Types are multiples of 16; behind $LOGGED_UTILITY_STREAM none is known. */
const TYPE_STEP = 0x10;
const LAST_TYPE = 0x100;
const RESIDENT_HEADER = 0x18;
const NON_RESIDENT_HEADER = 0x40;

/**
 * All attributes of a record.
 * @param end behind the last byte in use
 * @throws CorruptDataError
 */
export function parseAttributes(record: Cursor, first: number, end: number): Attribute[] {
  const attributes: Attribute[] = [];
  let before = 0;
  for (let offset = first; ; ) {
    if (offset + 4 > end) throw record.corrupt("attributes do not end");
    const type = record.u32le(offset);
    if (type === ATTRIBUTE.END) return attributes;
    const length = record.u32le(offset + 4);
    if (type === 0 || length < RESIDENT_HEADER || length % 8 !== 0 || offset + length > end) {
      throw record.corrupt(`attribute at ${offset}: type ${type}, length ${length}`);
    }
    if (type % TYPE_STEP !== 0 || type > LAST_TYPE) throw record.corrupt(`attribute at ${offset}: type ${type}`);
    if (type < before) throw record.corrupt(`attribute at ${offset}: type ${type} behind ${before}`);
    before = type;
    attributes.push(parseAttribute(record, offset, length));
    offset += length;
  }
}

function parseAttribute(record: Cursor, offset: number, length: number): Attribute {
  const form = record.u8(offset + 8);
  const nameLength = record.u8(offset + 9) * 2;
  const nameOffset = record.u16le(offset + 10);
  if (nameLength > 0 && (nameOffset < RESIDENT_HEADER || nameOffset + nameLength > length)) {
    throw record.corrupt(`attribute at ${offset}: name`);
  }
  const type = record.u32le(offset);
  const name = nameLength === 0 ? "" : utf16Text(record.slice(offset + nameOffset, nameLength));
  const flags = record.u16le(offset + 12);
  const instance = record.u16le(offset + 14);
  if (form > 1) throw record.corrupt(`attribute at ${offset}: form ${form}`);
  if (form === 1) return parseNonResident(record, offset, length, { type, name, flags, instance });
  const valueLength = record.u32le(offset + 16);
  const valueOffset = record.u16le(offset + 20);
  const nameEnd = nameLength === 0 ? RESIDENT_HEADER : nameOffset + nameLength;
  if (valueOffset < nameEnd) throw record.corrupt(`attribute at ${offset}: value lies within its header`);
  if (valueOffset + valueLength > length) throw record.corrupt(`attribute at ${offset}: value of ${valueLength} bytes`);
  const value = record.slice(offset + valueOffset, valueLength);
  return { type, name, flags, instance, resident: true, value };
}

function parseNonResident(
  record: Cursor,
  offset: number,
  length: number,
  header: AttributeHeader,
): NonResidentAttribute {
  const problem = (what: string) => record.corrupt(`attribute at ${offset}: ${what}`);
  if (length < NON_RESIDENT_HEADER) throw problem(`length ${length}`);
  const firstVcn = record.u64le(offset + 0x10);
  // -1 for an empty value.
  const endVcn = Number(BigInt.asUintN(64, record.u64leBig(offset + 0x18) + 1n));
  const mappingOffset = record.u16le(offset + 0x20);
  if (!Number.isSafeInteger(endVcn) || endVcn < firstVcn) throw problem("clusters out of order");
  if (mappingOffset < NON_RESIDENT_HEADER || mappingOffset > length) throw problem("mapping pairs lie outside");
  // Only the first stretch tells sizes; what the others hold there means nothing.
  const sizes = firstVcn === 0 ? parseSizes(record, offset) : { allocatedSize: 0, dataSize: 0, initializedSize: 0 };
  if (sizes.dataSize > sizes.allocatedSize || sizes.initializedSize > sizes.dataSize) throw problem("sizes contradict");
  const hasStoredSize = firstVcn === 0 && mappingOffset >= NON_RESIDENT_HEADER + 8 && header.flags !== 0;
  return {
    ...header,
    resident: false,
    firstVcn,
    endVcn,
    unitExponent: record.u8(offset + 0x22),
    ...sizes,
    ...(hasStoredSize ? { storedSize: record.u64le(offset + 0x40) } : {}),
    mappingPairs: record.slice(offset + mappingOffset, length - mappingOffset),
  };
}

function parseSizes(record: Cursor, offset: number) {
  return {
    allocatedSize: record.u64le(offset + 0x28),
    dataSize: record.u64le(offset + 0x30),
    initializedSize: record.u64le(offset + 0x38),
  };
}
