/**
 * Metadata checksums (kernel Documentation/filesystems/ext4/checksums.rst): CRC-32C chained from a seed that
 * stands for the file system, then from the inode that owns the block. Registers are raw, as the kernel's.
 */
import { crc32c } from "../../../bytes/crc32c.ts";

const word = new Uint8Array(8);
const wordView = new DataView(word.buffer);
const ZEROS = new Uint8Array(4);

/** Continues `register` over `value` as four little-endian bytes. */
export function crc32cOfU32(register: number, value: number): number {
  wordView.setUint32(0, value, true);
  return crc32c(register, word, 0, 4);
}

/** Continues `register` over `value` as eight little-endian bytes. */
export function crc32cOfU64(register: number, value: number): number {
  wordView.setBigUint64(0, BigInt(value), true);
  return crc32c(register, word);
}

/** Continues `register` over `bytes` from `start` on as if the `length` bytes (at most 4) at `offset` were zero. */
export function crc32cWithout(register: number, bytes: Uint8Array, offset: number, length: number, start = 0): number {
  const before = crc32c(register, bytes, start, offset);
  return crc32c(crc32c(before, ZEROS, 0, length), bytes, offset + length);
}

/** Seed of everything an inode owns: extent blocks, directory blocks, the inode itself. */
export function inodeChecksumSeed(fileSystemSeed: number, inode: number, generation: number): number {
  return crc32cOfU32(crc32cOfU32(fileSystemSeed, inode), generation);
}

const CRC16_TABLE = buildCrc16Table();

function buildCrc16Table(): Uint16Array {
  const table = new Uint16Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xa001 : 0);
    table[byte] = crc;
  }
  return table;
}

/** CRC-16 (reflected 0x8005) without inversion, the group descriptor checksum of `uninit_bg`. */
export function crc16(register: number, bytes: Uint8Array): number {
  let crc = register & 0xffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC16_TABLE[(crc ^ byte) & 0xff] as number);
  return crc;
}
