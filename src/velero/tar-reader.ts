/**
 * Reads a POSIX tar stream member by member (IEEE 1003.1 pax interchange, with GNU long names and base-256
 * sizes). Memory is bounded by one member; nothing is written anywhere, so names are mere labels.
 */
import { defaultLimits, type Limits } from "../bytes/limits.ts";
import { CorruptDataError, LimitError } from "../errors.ts";
import { ByteQueue } from "./byte-queue.ts";

const BLOCK = 512;

export interface TarMember {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Absent when the member is larger than `limits.tarballMember`. */
  readonly content?: Uint8Array;
}

export interface TarOptions {
  /** Asked with each regular file's path; others are skipped without being held. */
  readonly wants: (path: string) => boolean;
  readonly limits?: Limits;
}

interface Header {
  readonly path: string;
  readonly size: number;
  readonly type: string;
}

/** What an extension header changes in the member behind it. */
interface Override {
  readonly path?: string;
  readonly size?: number;
}

/**
 * The wanted regular files, in archive order.
 * @throws CorruptDataError for a bad header or an archive that ends before its end marker; LimitError when it
 *         is longer than `limits.tarball`.
 */
export async function* readTar(chunks: AsyncIterable<Uint8Array>, options: TarOptions): AsyncIterable<TarMember> {
  const limits = options.limits ?? defaultLimits;
  const queue = new ByteQueue(chunks, limits.tarball);
  let override: Override = {};
  for (;;) {
    const header = parseHeader(await queue.take(BLOCK), queue.offset - BLOCK);
    if (header === undefined) return queue.drain();
    if (header.type === "x" || header.type === "L") {
      override = { ...override, ...readExtension(header, await takeContent(queue, header.size, limits)) };
    } else if (header.type === "g" || header.type === "K") {
      await queue.skip(padded(header.size));
    } else {
      const path = override.path ?? header.path;
      const size = override.size ?? header.size;
      override = {};
      if (!isRegularFile(header) || !options.wants(path)) await queue.skip(padded(size));
      else if (size <= limits.tarballMember) yield { path, size, content: await takeContent(queue, size, limits) };
      else {
        await queue.skip(padded(size));
        yield { path, size };
      }
    }
  }
}

function isRegularFile({ type }: Header): boolean {
  return type === "0" || type === "\0" || type === "7";
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

async function takeContent(queue: ByteQueue, size: number, limits: Limits): Promise<Uint8Array> {
  if (size > limits.tarballMember) throw new LimitError("tarballMember", limits.tarballMember, "tar extension header");
  return (await queue.take(padded(size))).subarray(0, size);
}

/** Undefined for the zero block that ends the archive. */
function parseHeader(block: Uint8Array, byteOffset: number): Header | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  const place = { format: "tar", structure: "header", byteOffset };
  const stored = parseOctal(block.subarray(148, 156));
  // The checksum counts its own field as eight spaces.
  const sum = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte), 0);
  if (stored !== sum) throw new CorruptDataError(place, "checksum does not match");
  const size = parseSize(block.subarray(124, 136));
  if (size === undefined) throw new CorruptDataError(place, "size is not a number");
  const name = text(block.subarray(0, 100));
  const isUstar = text(block.subarray(257, 262)) === "ustar" && block[262] === 0;
  const prefix = isUstar ? text(block.subarray(345, 500)) : "";
  return { path: prefix === "" ? name : `${prefix}/${name}`, size, type: String.fromCharCode(block[156] ?? 0) };
}

function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString("utf8");
}

function parseOctal(field: Uint8Array): number | undefined {
  const digits = text(field).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
}

/** Octal, or GNU's base-256 when the first bit is set. */
function parseSize(field: Uint8Array): number | undefined {
  const first = field[0] ?? 0;
  const size =
    first & 0x80 ? field.subarray(1).reduce((value, byte) => value * 256 + byte, first & 0x7f) : parseOctal(field);
  return size !== undefined && Number.isSafeInteger(size) ? size : undefined;
}

function readExtension(header: Header, content: Uint8Array): Override {
  return header.type === "L" ? { path: text(content) } : parsePax(content);
}

/** Records `<length> <key>=<value>\n`, where the length counts the whole record. */
function parsePax(content: Uint8Array): Override {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  let path: string | undefined;
  let size: number | undefined;
  for (let start = 0; start < bytes.length; ) {
    const space = bytes.indexOf(0x20, start);
    const length = space < 0 ? Number.NaN : Number(bytes.toString("latin1", start, space));
    const end = start + length;
    if (!Number.isSafeInteger(length) || end <= space + 1 || end > bytes.length || bytes[end - 1] !== 0x0a) {
      throw new CorruptDataError({ format: "tar", structure: "pax header" }, "malformed record");
    }
    const [, key, value] = /^([^=]*)=(.*)$/s.exec(bytes.toString("utf8", space + 1, end - 1)) ?? [];
    if (key === "path") path = value;
    if (key === "size") size = paxSize(value ?? "");
    start = end;
  }
  return { ...(path === undefined ? {} : { path }), ...(size === undefined ? {} : { size }) };
}

function paxSize(value: string): number {
  const size = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(size)) return size;
  throw new CorruptDataError({ format: "tar", structure: "pax header" }, "size is not a number");
}
