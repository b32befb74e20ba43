/** CRC-32C (Castagnoli, reflected 0x82f63b78), the checksum of ext4 metadata_csum, jbd2 v2/v3 and XFS v5. */

// Slicing by eight: table[k][b] advances byte b by k further zero bytes.
const TABLES: readonly Uint32Array[] = buildTables();

function buildTables(): Uint32Array[] {
  const tables = Array.from({ length: 8 }, () => new Uint32Array(256));
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
    (tables[0] as Uint32Array)[byte] = crc;
  }
  const first = tables[0] as Uint32Array;
  for (let slice = 1; slice < 8; slice++) {
    const previous = tables[slice - 1] as Uint32Array;
    const table = tables[slice] as Uint32Array;
    for (let byte = 0; byte < 256; byte++) {
      const crc = previous[byte] as number;
      table[byte] = (crc >>> 8) ^ (first[crc & 0xff] as number);
    }
  }
  return tables;
}

const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as [
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
];

/**
 * Continues a raw CRC register over bytes [start, end): no inversion before or after, as the kernel's
 * `crc32c(seed, …)`. The conventional checksum of a message is `~crc32c(0xffffffff, message)`.
 */
export function crc32c(register: number, bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc = register >>> 0;
  let index = start;
  const wide = end - ((end - start) % 8);
  // biome-ignore format: one line a table keeps the eight steps readable
  for (; index < wide; index += 8) {
    const low = crc ^ ((bytes[index] as number) | ((bytes[index + 1] as number) << 8) | ((bytes[index + 2] as number) << 16) | ((bytes[index + 3] as number) << 24));
    crc = (T7[low & 0xff] as number) ^ (T6[(low >>> 8) & 0xff] as number) ^ (T5[(low >>> 16) & 0xff] as number) ^ (T4[low >>> 24] as number) ^
      (T3[bytes[index + 4] as number] as number) ^ (T2[bytes[index + 5] as number] as number) ^ (T1[bytes[index + 6] as number] as number) ^ (T0[bytes[index + 7] as number] as number);
  }
  for (; index < end; index++) crc = (crc >>> 8) ^ (T0[(crc ^ (bytes[index] as number)) & 0xff] as number);
  return crc >>> 0;
}
