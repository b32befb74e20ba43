/** The store of an old-style snapshot: chunks that changed since, here or in the origin (kernel `drivers/md/dm-snap-persistent.c`). Little-endian. */
import { Cursor } from "../../../bytes/cursor.ts";
import type { Limits } from "../../../bytes/limits.ts";
import { LimitError, SourceError, UnsupportedFeatureError } from "../../../errors.ts";
import type { ByteSource, SparseSource } from "../../../source/byte-source.ts";
import { RunListSource } from "../../../source/run-list-source.ts";

const SECTOR = 512;
const MAGIC = 0x70416e53;
const VERSION = 1;
const HEADER = { magic: 0, valid: 4, version: 8, chunkSize: 12 } as const;
const HEADER_SIZE = 16;
/** Of an exception: the chunk of the origin, the chunk of the store. */
const EXCEPTION_SIZE = 16;

/**
 * What the snapshot holds instead of the origin's chunks; holes show the origin.
 * @param size bytes of the origin
 * @param chunkSize bytes, as LVM's own metadata says
 * @throws CorruptDataError, SourceError when the snapshot ran full and was given up by the guest
 */
export async function openSnapshotStore(
  store: ByteSource,
  size: number,
  chunkSize: number,
  limits: Pick<Limits, "mapRuns">,
  signal?: AbortSignal,
): Promise<SparseSource> {
  const place = { format: "lvm2", structure: "snapshot header" };
  const header = new Cursor(await store.read(0, HEADER_SIZE, signal), place);
  if (header.u32le(HEADER.magic) !== MAGIC) throw header.corrupt("no magic number");
  if (header.u32le(HEADER.valid) !== 1) {
    throw new SourceError("lvm2: the snapshot ran full, so that the guest itself gave it up", { retryable: false });
  }
  if (header.u32le(HEADER.version) !== VERSION) {
    throw new UnsupportedFeatureError("lvm2", [`snapshot version ${header.u32le(HEADER.version)}`]);
  }
  if (header.u32le(HEADER.chunkSize) * SECTOR !== chunkSize || chunkSize === 0)
    throw header.corrupt("has another chunk size than the volume group says");
  const exceptions = await readExceptions(store, chunkSize, limits, signal);
  const runs = [...exceptions]
    .filter(([origin]) => origin * chunkSize < size)
    .toSorted(([left], [right]) => left - right)
    .map(([origin, stored]) => ({
      fileOffset: origin * chunkSize,
      length: chunkSize,
      sourceOffset: stored * chunkSize,
    }));
  return new RunListSource(store, runs, size, "snapshot");
}

/** Areas of one chunk each, as far apart as what they describe is long; the first empty exception ends them. */
async function readExceptions(
  store: ByteSource,
  chunkSize: number,
  limits: Pick<Limits, "mapRuns">,
  signal?: AbortSignal,
): Promise<Map<number, number>> {
  const perArea = chunkSize / EXCEPTION_SIZE;
  const chunks = Math.floor(store.size / chunkSize);
  const exceptions = new Map<number, number>();
  for (let area = 1; area < chunks; area += perArea + 1) {
    const place = { format: "lvm2", structure: "snapshot exceptions", byteOffset: area * chunkSize };
    const cursor = new Cursor(await store.read(area * chunkSize, chunkSize, signal), place);
    for (let at = 0; at < chunkSize; at += EXCEPTION_SIZE) {
      const stored = cursor.u64le(at + 8);
      if (stored === 0) return exceptions;
      if (stored >= chunks) throw cursor.corrupt(`chunk ${stored} lies outside the store`);
      exceptions.set(cursor.u64le(at), stored);
      if (exceptions.size > limits.mapRuns) throw new LimitError("mapRuns", limits.mapRuns, "lvm2: snapshot");
    }
  }
  return exceptions;
}
