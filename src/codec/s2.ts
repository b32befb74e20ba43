/**
 * S2 and Snappy streams: the Snappy framing format (github.com/google/snappy, framing_format.txt and
 * format_description.txt) with the repeat codes of S2 (github.com/klauspost/compress/s2).
 */
import { crc32c } from "../bytes/crc32c.ts";
import { Cursor } from "../bytes/cursor.ts";
import { LimitError } from "../errors.ts";

const CHUNK = { compressed: 0x00, uncompressed: 0x01, firstSkippable: 0x80 };
const CHUNK_HEADER = 4;
const CHECKSUM = 4;

/** Largest block of an S2 stream, in bytes; Snappy's are smaller. */
const MAX_BLOCK = 4 * 1024 * 1024;

/** @throws CorruptDataError for damage, LimitError when the result would have more than `maxOutput` bytes. */
export function decompressS2Stream(input: Uint8Array, maxOutput: number): Uint8Array {
  const cursor = new Cursor(input, { format: "s2", structure: "stream" });
  const blocks: Uint8Array[] = [];
  let length = 0;
  for (let offset = 0; offset < cursor.length; ) {
    const type = cursor.u8(offset);
    const body = cursor.slice(offset + CHUNK_HEADER, u24le(cursor, offset + 1));
    offset += CHUNK_HEADER + body.length;
    if (type > CHUNK.uncompressed) {
      if (type < CHUNK.firstSkippable) throw cursor.corrupt(`reserved chunk type ${type}`);
      continue;
    }
    const checksum = new Cursor(body, cursor.place).u32le(0);
    const block = type === CHUNK.compressed ? decodeS2Block(body.subarray(CHECKSUM)) : body.subarray(CHECKSUM);
    if (checksum !== maskedChecksum(block)) throw cursor.corrupt("checksum does not match");
    length += block.length;
    if (length > maxOutput) throw new LimitError("maxOutput", maxOutput, "s2 stream");
    blocks.push(block);
  }
  return Buffer.concat(blocks, length);
}

function u24le(cursor: Cursor, offset: number): number {
  return cursor.u16le(offset) + cursor.u8(offset + 2) * 2 ** 16;
}

/** Section 3 of the framing format. */
function maskedChecksum(bytes: Uint8Array): number {
  const crc = ~crc32c(0xffff_ffff, bytes) >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282_ead8) >>> 0;
}

type Element =
  /** `length` bytes follow at `next`. */
  | { readonly kind: "literal"; readonly length: number; readonly next: number }
  /** `length` bytes from `distance` bytes back. */
  | { readonly kind: "copy"; readonly length: number; readonly distance: number; readonly next: number }
  /** A copy from the last copy's distance. */
  | { readonly kind: "repeat"; readonly length: number; readonly next: number };

/** One block: its length as a varint, then elements. @throws CorruptDataError */
export function decodeS2Block(block: Uint8Array): Uint8Array {
  const cursor = new Cursor(block, { format: "s2", structure: "block" });
  const { length, next } = readBlockLength(cursor);
  const output = new Uint8Array(length);
  let written = 0;
  let distance = 0;
  for (let position = next; position < block.length; ) {
    const element = readElement(cursor, position);
    position = element.next;
    if (written + element.length > output.length) throw cursor.corrupt("elements exceed the block's length");
    if (element.kind === "literal") {
      output.set(cursor.slice(position, element.length), written);
      position += element.length;
    } else {
      if (element.kind === "copy") distance = element.distance;
      if (distance === 0 || distance > written) throw cursor.corrupt(`copy from ${distance} bytes back at ${written}`);
      copyForward(output, written, distance, element.length);
    }
    written += element.length;
  }
  if (written !== output.length) throw cursor.corrupt(`${written} bytes instead of ${output.length}`);
  return output;
}

function readBlockLength(cursor: Cursor): { length: number; next: number } {
  let length = 0;
  for (let index = 0; index < 5; index++) {
    const byte = cursor.u8(index);
    length += (byte & 0x7f) * 2 ** (7 * index);
    if (byte >= 0x80) continue;
    if (length > MAX_BLOCK) throw cursor.corrupt(`length ${length} exceeds 4 MiB`);
    return { length, next: index + 1 };
  }
  throw cursor.corrupt("length is not a varint");
}

function readElement(cursor: Cursor, offset: number): Element {
  const tag = cursor.u8(offset);
  const upper = tag >>> 2;
  switch (tag & 3) {
    case 0:
      return readLiteral(cursor, offset, upper);
    case 1: {
      const distance = (tag >>> 5) * 256 + cursor.u8(offset + 1);
      if (distance === 0) return readRepeat(cursor, offset + 2, upper & 7);
      return { kind: "copy", length: 4 + (upper & 7), distance, next: offset + 2 };
    }
    case 2:
      return { kind: "copy", length: 1 + upper, distance: cursor.u16le(offset + 1), next: offset + 3 };
    default:
      return { kind: "copy", length: 1 + upper, distance: cursor.u32le(offset + 1), next: offset + 5 };
  }
}

/** Lengths to 60 are in the tag; codes 60 to 63 say that one to four bytes of it follow. */
function readLiteral(cursor: Cursor, offset: number, code: number): Element {
  const extra = Math.max(0, code - 59);
  let length = extra === 0 ? code : 0;
  for (let index = 0; index < extra; index++) length += cursor.u8(offset + 1 + index) * 2 ** (8 * index);
  return { kind: "literal", length: length + 1, next: offset + 1 + extra };
}

/** S2's addition to Snappy, where distance 0 was invalid. */
function readRepeat(cursor: Cursor, offset: number, code: number): Element {
  if (code === 5) return { kind: "repeat", length: 8 + cursor.u8(offset), next: offset + 1 };
  if (code === 6) return { kind: "repeat", length: 260 + cursor.u16le(offset), next: offset + 2 };
  if (code === 7) return { kind: "repeat", length: 65_540 + u24le(cursor, offset), next: offset + 3 };
  return { kind: "repeat", length: 4 + code, next: offset };
}

/** When source and target overlap, bytes just written are read again: that is how runs are stored. */
function copyForward(output: Uint8Array, at: number, distance: number, length: number): void {
  if (distance >= length) {
    output.copyWithin(at, at - distance, at - distance + length);
    return;
  }
  for (let index = at; index < at + length; index++) output[index] = output[index - distance] as number;
}
