import { CorruptDataError, SourceError, UnsupportedFeatureError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import { SliceSource } from "../../../source/slice-source.ts";
import { ChunkedSource, stripes } from "./chunked-source.ts";
import { type ArrayLayout, chunkCopies } from "./raid-layout.ts";

export interface RaidArray extends ArrayLayout {
  /** For people, in front of every message: `lvm2: logical volume root`. */
  readonly name: string;
  readonly format: string;
  /** Bytes of the array. */
  readonly size: number;
}

/**
 * An array over its devices, of which those that are missing or not up to date are undefined. Levels 0, 1, 4,
 * 5, 6 and 10; nothing is computed from parity, so a device that holds data must be there unless another one
 * has a copy of it.
 * @throws SourceError for missing devices, UnsupportedFeatureError for layouts that are not read, CorruptDataError
 */
export function openArray(array: RaidArray, devices: readonly (ByteSource | undefined)[]): ByteSource {
  const { name, level, size } = array;
  if (level === 1) {
    const leg = devices.find((device) => device !== undefined);
    if (leg === undefined) throw missing(array, "none of its devices is there and up to date");
    return new SliceSource(leg, 0, size, name);
  }
  if (array.chunkSize === 0)
    throw new CorruptDataError({ format: array.format, structure: name }, "has chunks of no size");
  const present = devices.map((device) => device !== undefined);
  const sources = devices.filter((device) => device !== undefined);
  const indexOf = present.map((_, index) => present.slice(0, index).filter(Boolean).length);
  if (level === 0) {
    if (sources.length < devices.length) throw missing(array, "a device is missing, and RAID 0 has no copy of it");
    return new ChunkedSource(sources, stripes(devices.length, array.chunkSize), size, name);
  }
  const copies = chunkCopies(array);
  if (copies === undefined)
    throw new UnsupportedFeatureError(array.format, [`RAID ${level} with layout ${array.layout}`]);
  if (level !== 10 && sources.length < devices.length) {
    throw missing(array, "a device is missing or not up to date, and nothing is computed from parity");
  }
  const place = (index: number) => {
    const found = copies(index).find(({ device }) => present[device] === true);
    if (found === undefined) throw missing(array, "all devices that hold a part of it are missing or not up to date");
    return { device: indexOf[found.device] as number, offset: found.offset };
  };
  return new ChunkedSource(sources, { chunkSize: array.chunkSize, place }, size, name);
}

function missing({ format, name }: RaidArray, problem: string): SourceError {
  return new SourceError(`${format}: ${name}: ${problem}`, { retryable: false });
}
