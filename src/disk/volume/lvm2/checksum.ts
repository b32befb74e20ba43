import { crc32 } from "node:zlib";

/** LVM2 seeds its CRC with this in place of ones. */
const SEED = 0xf597a6cf;

/** LVM2's CRC-32: the usual polynomial (reflected 0xedb88320), its own seed, no inversion at the end. */
export function lvmChecksum(bytes: Uint8Array): number {
  // zlib inverts the register before and after.
  return ~crc32(bytes, ~SEED >>> 0) >>> 0;
}
