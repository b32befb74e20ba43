/** CRC-32 with the polynomial 0x04c11db7, most significant bit first: what jbd2's first checksums use. */

const TABLE = buildTable();

function buildTable(): Uint32Array {
  const table = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc < 0 ? 0x04c11db7 : 0);
    table[byte] = crc >>> 0;
  }
  return table;
}

/** Continues a raw register over `bytes`, without inversion, as the kernel's `crc32_be(register, …)`. */
export function crc32BigEndian(register: number, bytes: Uint8Array): number {
  let crc = register;
  for (const byte of bytes) crc = (crc << 8) ^ (TABLE[(crc >>> 24) ^ byte] as number);
  return crc >>> 0;
}
