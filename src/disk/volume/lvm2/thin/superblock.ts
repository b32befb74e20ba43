/** The superblock of a thin pool's metadata (kernel `drivers/md/dm-thin-metadata.c`). Little-endian. */
import { UnsupportedFeatureError } from "../../../../errors.ts";
import type { ByteSource } from "../../../../source/byte-source.ts";
import { METADATA_BLOCK, readMetadataBlock } from "./metadata-block.ts";

const SECTOR = 512;
const KIND = { name: "superblock", salt: 160_774 } as const;
const MAGIC = 27_022_010;
const FIELD = {
  magic: 32,
  version: 40,
  mappingRoot: 320,
  dataBlockSize: 336,
  metadataBlockSize: 340,
  incompatible: 360,
} as const;
const VERSIONS: readonly number[] = [1, 2];

export interface ThinSuperblock {
  /** Block of the tree from device to its own tree. */
  readonly mappingRoot: number;
  /** Bytes. */
  readonly dataBlockSize: number;
}

/** @throws CorruptDataError, UnsupportedFeatureError, SourceError */
export async function readThinSuperblock(metadata: ByteSource, signal?: AbortSignal): Promise<ThinSuperblock> {
  const cursor = await readMetadataBlock(metadata, 0, KIND, signal);
  if (cursor.u64le(FIELD.magic) !== MAGIC) throw cursor.corrupt("no magic number");
  const version = cursor.u32le(FIELD.version);
  if (!VERSIONS.includes(version)) throw new UnsupportedFeatureError("dm-thin", [`metadata version ${version}`]);
  const incompatible = cursor.u32le(FIELD.incompatible);
  if (incompatible !== 0)
    throw new UnsupportedFeatureError("dm-thin", [`incompatible features 0x${incompatible.toString(16)}`]);
  if (cursor.u32le(FIELD.metadataBlockSize) * SECTOR !== METADATA_BLOCK)
    throw cursor.corrupt("has an impossible block size");
  const dataBlockSize = cursor.u32le(FIELD.dataBlockSize) * SECTOR;
  if (dataBlockSize === 0) throw cursor.corrupt("has chunks of no size");
  return { mappingRoot: cursor.u64le(FIELD.mappingRoot), dataBlockSize };
}
