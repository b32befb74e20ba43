/** CRC-32C as XFS v5 stores it: little-endian, over the whole structure with the field itself taken as zeros. */
import { crc32c } from "../../../bytes/crc32c.ts";

const ZEROS = new Uint8Array(4);

export function structureChecksum(bytes: Uint8Array, fieldOffset: number): number {
  const before = crc32c(0xffffffff, bytes, 0, fieldOffset);
  return ~crc32c(crc32c(before, ZEROS), bytes, fieldOffset + 4) >>> 0;
}

export function checksumMatches(bytes: Uint8Array, fieldOffset: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint32(fieldOffset, true) === structureChecksum(bytes, fieldOffset);
}

/** Stores the checksum that belongs to the bytes, as the kernel does when it writes a structure. */
export function stampChecksum(bytes: Uint8Array, fieldOffset: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(fieldOffset, structureChecksum(bytes, fieldOffset), true);
}
