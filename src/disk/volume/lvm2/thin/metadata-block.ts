/** Blocks of the device mapper's thin metadata and their checksums (kernel `drivers/md/persistent-data`). Little-endian. */
import { crc32c } from "../../../../bytes/crc32c.ts";
import { Cursor } from "../../../../bytes/cursor.ts";
import { CorruptDataError } from "../../../../errors.ts";
import type { ByteSource } from "../../../../source/byte-source.ts";

/** Bytes; the kernel knows no other size. */
export const METADATA_BLOCK = 4096;
const FIELD = { csum: 0, checked: 4, blockNumber: 8 } as const;

export interface BlockKind {
  /** For people: `superblock`, `btree node`. */
  readonly name: string;
  /** Each kind of block has its own, so that one is not taken for another. */
  readonly salt: number;
}

/**
 * Reads and verifies one block.
 * @throws CorruptDataError when it lies outside, its checksum does not match, or it is another block; SourceError
 */
export async function readMetadataBlock(
  source: ByteSource,
  number: number,
  { name, salt }: BlockKind,
  signal?: AbortSignal,
): Promise<Cursor> {
  const byteOffset = number * METADATA_BLOCK;
  const place = { format: "dm-thin", structure: `${name} in block ${number}`, byteOffset };
  if (!Number.isSafeInteger(byteOffset) || byteOffset + METADATA_BLOCK > source.size) {
    throw new CorruptDataError(place, "lies outside the metadata volume");
  }
  const cursor = new Cursor(await source.read(byteOffset, METADATA_BLOCK, signal), place);
  const computed = (crc32c(0xffffffff, cursor.slice(FIELD.checked, METADATA_BLOCK - FIELD.checked)) ^ salt) >>> 0;
  if (computed !== cursor.u32le(FIELD.csum)) throw cursor.corrupt("checksum does not match");
  if (cursor.u64le(FIELD.blockNumber) !== number) throw cursor.corrupt("says that it is another block");
  return cursor;
}
