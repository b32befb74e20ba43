import { deflateRawSync } from "node:zlib";

/** Cluster size of the images made here. */
export const CLUSTER = 512;

export interface SmallImageOptions {
  readonly version?: 2 | 3;
  readonly virtualSize?: number;
  readonly backingName?: string;
  /** Entries of the only L2 table, in order; each a host cluster number with its flags, or a whole entry. */
  readonly l2?: readonly bigint[];
  /** Written over the header's fields: offset and 32-bit value. */
  readonly header?: readonly (readonly [offset: number, value: number])[];
  readonly l1?: bigint;
}

/** Cluster 0 header, 1 L1 table, 2 L2 table, 3 all 0x33, 4 all 0x44, 5 deflated 0x55, 6 the end. */
export function smallImage(options: SmallImageOptions = {}): Uint8Array {
  const { version = 3, virtualSize = 8 * CLUSTER, backingName = "" } = options;
  const image = Buffer.alloc(6 * CLUSTER + 100);
  image.write("QFI\xfb", 0, "latin1");
  image.writeUInt32BE(version, 4);
  image.writeUInt32BE(9, 20);
  image.writeBigUInt64BE(BigInt(virtualSize), 24);
  image.writeUInt32BE(1, 36);
  image.writeBigUInt64BE(BigInt(CLUSTER), 40);
  if (version === 3) {
    image.writeUInt32BE(4, 96);
    image.writeUInt32BE(104, 100);
  }
  if (backingName !== "") {
    image.writeBigUInt64BE(200n, 8);
    image.writeUInt32BE(image.write(backingName, 200), 16);
  }
  for (const [offset, value] of options.header ?? []) image.writeUInt32BE(value, offset);
  image.writeBigUInt64BE(options.l1 ?? BigInt(2 * CLUSTER), CLUSTER);
  for (const [index, entry] of (options.l2 ?? DEFAULT_L2).entries())
    image.writeBigUInt64BE(entry, 2 * CLUSTER + index * 8);
  image.fill(0x33, 3 * CLUSTER, 4 * CLUSTER);
  image.fill(0x44, 4 * CLUSTER, 5 * CLUSTER);
  deflateRawSync(Buffer.alloc(CLUSTER, 0x55)).copy(image, 5 * CLUSTER + 7);
  return image;
}

/** Compressed cluster at an odd place, with one sector more than the file has. */
export const COMPRESSED_ENTRY = (1n << 62n) | (1n << 61n) | BigInt(5 * CLUSTER + 7);
const DEFAULT_L2 = [BigInt(3 * CLUSTER), 0n, 1n, BigInt(4 * CLUSTER), COMPRESSED_ENTRY];
