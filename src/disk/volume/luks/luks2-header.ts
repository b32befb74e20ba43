/**
 * The binary header of LUKS2 and which of its two copies counts: LUKS2 On-Disk Format Specification 1.1, section 2.
 * Each copy is 4096 bytes, big-endian, with the JSON area behind it; one checksum covers both.
 */
import { createHash } from "node:crypto";
import { Cursor } from "../../../bytes/cursor.ts";
import { CorruptDataError, VmfrError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import { hashFunction } from "./hash-function.ts";
import { uuidOrUndefined } from "./luks-uuid.ts";

export const PRIMARY_MAGIC = "LUKS\xba\xbe";
const SECONDARY_MAGIC = "SKUL\xba\xbe";

/** Bytes of the binary header. */
const BINARY_SIZE = 4096;
const CHECKSUM_OFFSET = 448;
const CHECKSUM_SIZE = 64;
/** Bytes a copy with its JSON area may have; the second copy begins where the first one ends. */
const HEADER_SIZES = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096].map((kibibytes) => kibibytes * 1024);

export interface Luks2Header {
  readonly uuid: string | undefined;
  /** Bytes of this copy with its JSON area. */
  readonly size: number;
  readonly json: string;
  /** Sentences. */
  readonly warnings: readonly string[];
}

interface Copy extends Omit<Luks2Header, "warnings"> {
  readonly sequence: bigint;
}

/**
 * The newer one of the valid copies.
 * @throws CorruptDataError or UnsupportedFeatureError saying what is wrong with the first copy, when neither is valid
 */
export async function readLuks2Header(source: ByteSource, signal?: AbortSignal): Promise<Luks2Header> {
  const primary = await tryCopy(source, 0, signal);
  const places = primary instanceof VmfrError ? HEADER_SIZES : [primary.size];
  let secondary: Copy | VmfrError | undefined;
  for (const offset of places) {
    secondary = await tryCopy(source, offset, signal);
    if (!(secondary instanceof VmfrError)) break;
  }
  if (secondary === undefined || secondary instanceof VmfrError) {
    if (primary instanceof VmfrError) throw primary;
    const reason = secondary === undefined ? "" : `: ${secondary.message}`;
    return { ...primary, warnings: [`the header's second copy is damaged${reason}`] };
  }
  if (primary instanceof VmfrError) {
    return { ...secondary, warnings: [`the header's first copy is damaged, the second is used: ${primary.message}`] };
  }
  if (primary.sequence >= secondary.sequence) return { ...primary, warnings: [] };
  return { ...secondary, warnings: ["the header's first copy is older than the second, which is used"] };
}

/** What is wrong with it, when it is not valid. @throws what is no fault of the copy */
async function tryCopy(source: ByteSource, offset: number, signal?: AbortSignal): Promise<Copy | VmfrError> {
  const structure = offset === 0 ? "LUKS2 header" : "second copy of the LUKS2 header";
  const place = { format: "luks", structure, byteOffset: offset };
  if (offset + BINARY_SIZE > source.size) return new CorruptDataError(place, "lies beyond the volume's end");
  const cursor = new Cursor(await source.read(offset, BINARY_SIZE, signal), place);
  const size = copySize(cursor, offset, source.size);
  if (size instanceof VmfrError) return size;
  const bytes = await source.read(offset, size, signal);
  try {
    return parseCopy(new Cursor(bytes, place));
  } catch (error) {
    if (error instanceof VmfrError) return error;
    throw error;
  }
}

function copySize(cursor: Cursor, offset: number, volumeSize: number): number | CorruptDataError {
  const magic = offset === 0 ? PRIMARY_MAGIC : SECONDARY_MAGIC;
  if (cursor.ascii(0, magic.length) !== magic) return cursor.corrupt("has not the magic number");
  if (cursor.u16be(6) !== 2) return cursor.corrupt(`is of version ${cursor.u16be(6)}`);
  const size = Number(cursor.u64beBig(8));
  if (!HEADER_SIZES.includes(size)) return cursor.corrupt(`claims a size of ${size} bytes`);
  if (cursor.u64beBig(256) !== BigInt(offset)) return cursor.corrupt(`claims to lie at byte ${cursor.u64beBig(256)}`);
  if (offset !== 0 && offset !== size) return cursor.corrupt("does not lie behind a first copy of its size");
  if (offset + size > volumeSize) return cursor.corrupt("reaches beyond the volume's end");
  return size;
}

function parseCopy(cursor: Cursor): Copy {
  const hash = hashFunction(cursor.ascii(72, 32));
  const checksum = createHash(hash.name)
    .update(cursor.slice(0, CHECKSUM_OFFSET))
    .update(Buffer.alloc(CHECKSUM_SIZE))
    .update(cursor.slice(CHECKSUM_OFFSET + CHECKSUM_SIZE, cursor.length - CHECKSUM_OFFSET - CHECKSUM_SIZE))
    .digest();
  if (hash.size > CHECKSUM_SIZE || !checksum.equals(cursor.slice(CHECKSUM_OFFSET, hash.size))) {
    throw cursor.corrupt("checksum does not match");
  }
  const area = cursor.slice(BINARY_SIZE, cursor.length - BINARY_SIZE);
  const end = area.indexOf(0);
  const text = end < 0 ? area : area.subarray(0, end);
  return {
    sequence: cursor.u64beBig(16),
    uuid: uuidOrUndefined(cursor.ascii(168, 40)),
    size: cursor.length,
    json: Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString("utf8"),
  };
}
