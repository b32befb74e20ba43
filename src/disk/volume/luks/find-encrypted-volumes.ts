/** LUKS volumes, opened with the keys at hand. */

import { Cursor } from "../../../bytes/cursor.ts";
import type { Limits } from "../../../bytes/limits.ts";
import { AccessError, CorruptDataError, SourceError, UnsupportedFeatureError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import { SliceSource } from "../../../source/slice-source.ts";
import type { FindVolumesOptions, FoundSets, VolumeSet } from "../inner-volume.ts";
import { DecryptingSource } from "./decrypting-source.ts";
import type { LuksHeader } from "./luks-header.ts";
import { parseLuks1Header } from "./luks1-header.ts";
import { PRIMARY_MAGIC, readLuks2Header } from "./luks2-header.ts";
import { parseLuks2Metadata } from "./luks2-metadata.ts";

/**
 * @param sources what looks like LUKS
 * @throws SourceError when it may pass, and the signal's reason
 */
export async function findEncryptedVolumes(
  sources: readonly ByteSource[],
  options: FindVolumesOptions,
): Promise<FoundSets> {
  const others = new Map<ByteSource, { what: string } | { error: unknown }>();
  const sets: VolumeSet[] = [];
  for (const source of sources) {
    try {
      sets.push(await openContainer(source, options));
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof SourceError && error.retryable) throw error;
      others.set(source, { error });
    }
  }
  return { sets, others };
}

async function openContainer(source: ByteSource, { limits, keys, signal }: FindVolumesOptions): Promise<VolumeSet> {
  const header = await readLuksHeader(source, limits, signal);
  const { version, uuid, segment, warnings } = header;
  if (keys === undefined) throw new AccessError("encrypted; give the passphrase with --passphrase-file");
  const key = await keys.volumeKey(header, source, signal);
  const cipher = segment.encryption.withKey(key, segment.sectorSize);
  const encrypted = new SliceSource(source, segment.offset, segment.size, "encrypted segment");
  // The name that installers and systemd give it.
  const name = uuid === undefined ? "luks" : `luks-${uuid.toLowerCase()}`;
  const volume = {
    name,
    devices: [`/dev/mapper/${name}`, `/dev/disk/by-id/dm-name-${name}`],
    size: segment.size,
    open: async () => new DecryptingSource(encrypted, cipher, segment.firstIv),
  };
  const said = warnings.map((warning) => `volume ${name}: ${warning}`);
  return { memberOf: `LUKS${version} encryption of ${name}`, members: [source], volumes: [volume], warnings: said };
}

/** Enough for everything that tells the versions apart, and for all of LUKS1's. */
const FIRST_BYTES = 4096;

/** @throws CorruptDataError, UnsupportedFeatureError or LimitError when no key can open the volume; SourceError */
export async function readLuksHeader(source: ByteSource, limits: Limits, signal?: AbortSignal): Promise<LuksHeader> {
  const place = { format: "luks", structure: "header", byteOffset: 0 };
  if (source.size < FIRST_BYTES) throw new CorruptDataError(place, "lies beyond the volume's end");
  const first = await source.read(0, FIRST_BYTES, signal);
  const cursor = new Cursor(first, place);
  const version = cursor.ascii(0, PRIMARY_MAGIC.length) === PRIMARY_MAGIC ? cursor.u16be(6) : undefined;
  if (version === 1) return parseLuks1Header(first, source.size, limits);
  try {
    return parseLuks2Metadata(await readLuks2Header(source, signal), source.size, limits);
  } catch (error) {
    if (version === undefined || version === 2 || !(error instanceof CorruptDataError)) throw error;
    throw new UnsupportedFeatureError("luks", [`version ${version}`]);
  }
}
