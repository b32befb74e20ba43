/** Puts members of Linux software RAID together by what their superblocks say. */
import { CorruptDataError, SourceError, UnsupportedFeatureError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import { ConcatSource } from "../../../source/concat-source.ts";
import { SliceSource } from "../../../source/slice-source.ts";
import type { FindVolumesOptions, FoundSets, InnerVolume, VolumeSet } from "../inner-volume.ts";
import { openArray } from "../raid/open-array.ts";
import { type MdSuperblock, readMdSuperblock } from "./superblock.ts";

interface Member {
  readonly source: ByteSource;
  readonly superblock: MdSuperblock;
}

/** More than md allows. */
const MOST_DEVICES = 4096;

/**
 * @param sources what looks like members
 * @throws SourceError when it may pass, and the signal's reason
 */
export async function findArrays(sources: readonly ByteSource[], { signal }: FindVolumesOptions): Promise<FoundSets> {
  const others = new Map<ByteSource, { what: string } | { error: unknown }>();
  const arrays = new Map<string, Member[]>();
  for (const source of sources) {
    try {
      const superblock = await readMdSuperblock(source, signal);
      if (superblock === undefined) others.set(source, { error: damagedMember() });
      else arrays.set(superblock.arrayId, [...(arrays.get(superblock.arrayId) ?? []), { source, superblock }]);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof SourceError && error.retryable) throw error;
      others.set(source, { error });
    }
  }
  return { sets: [...arrays.values()].map((members) => volumeSet(members)), others };
}

function damagedMember(): CorruptDataError {
  return new CorruptDataError({ format: "md", structure: "superblock" }, "there is none at the place it has to be");
}

function volumeSet(members: readonly Member[]): VolumeSet {
  const newest = members.reduce((best, each) =>
    each.superblock.events > best.superblock.events ? each : best,
  ).superblock;
  const current = currentMembers(members, newest);
  const name = arrayName(newest);
  const warnings: string[] = [];
  if (current.filter((member) => member !== undefined).length < newest.devices) {
    warnings.push(`array ${name}: not all of its ${newest.devices} devices are there and up to date`);
  }
  return {
    memberOf: `Linux software RAID member (md) of array ${name}`,
    members: members.map(({ source }) => source),
    volumes: [innerVolume(name, newest, current)],
    warnings,
  };
}

/**
 * By position in the array. One that is behind the newest by more than the change that was being written has
 * missed something; where two claim one position, nobody can say which the guest used.
 */
function currentMembers(members: readonly Member[], newest: MdSuperblock): (Member | undefined)[] {
  const positions = Math.min(newest.devices, MOST_DEVICES);
  return Array.from({ length: positions }, (_, position) => {
    const [only, ...others] = members.filter(({ superblock: { role, events, recovering } }) => {
      return role === position && !recovering && events + 1n >= newest.events;
    });
    return others.length === 0 ? only : undefined;
  });
}

/** `mdadm` names an array by what its creator called it, without the host; else by its number. */
function arrayName({ name, minor, arrayId }: MdSuperblock): string {
  const given = name?.replace(/^[^:]*:/, "").replaceAll("/", "_");
  if (given !== undefined && given !== "") return given;
  return minor === undefined ? arrayId.slice(0, 8) : String(minor);
}

function innerVolume(name: string, array: MdSuperblock, members: readonly (Member | undefined)[]): InnerVolume {
  const id = array.arrayId.replace(/(.{8})(?=.)/g, "$1:");
  const numbered = /^\d+$/.test(name) ? [`/dev/md${name}`] : [];
  return {
    name: `md-${name}`,
    devices: [...numbered, `/dev/md/${name}`, `/dev/disk/by-id/md-uuid-${id}`],
    size: 0,
    open: async () => openMembers(name, array, members),
  };
}

function openMembers(name: string, array: MdSuperblock, members: readonly (Member | undefined)[]): ByteSource {
  const { level, layout, chunkSize, usedSize } = array;
  const data = members.map((member) => (member === undefined ? undefined : dataOf(member)));
  if (level === -1 || level === 0) return openWithoutCopies(name, array, data);
  if (![1, 4, 5, 6, 10].includes(level)) throw new UnsupportedFeatureError("md", [`level ${level}`]);
  const size = usableSize(array, data.length);
  const raid = {
    format: "md",
    name: `array ${name}`,
    level,
    layout,
    chunkSize,
    devices: data.length,
    deviceSize: usedSize,
    size,
  };
  return openArray(raid, data);
}

function dataOf({ source, superblock: { dataOffset, dataSize } }: Member): ByteSource {
  return new SliceSource(source, dataOffset, dataSize, "array member");
}

function usableSize({ level, layout, chunkSize, usedSize }: MdSuperblock, devices: number): number {
  if (level === 1) return usedSize;
  const chunks = Math.floor(usedSize / chunkSize);
  if (level !== 10) return chunks * (devices - (level === 6 ? 2 : 1)) * chunkSize;
  const near = layout & 0xff;
  const far = (layout >> 8) & 0xff;
  return Math.floor((Math.floor(chunks / far) * devices) / near) * chunkSize;
}

/** Linear and level 0: every member is needed. */
function openWithoutCopies(name: string, array: MdSuperblock, data: readonly (ByteSource | undefined)[]): ByteSource {
  const { level, chunkSize } = array;
  const present = data.filter((source) => source !== undefined);
  if (present.length < data.length || present.length === 0) {
    throw new SourceError(`md: array ${name}: a device is missing, and there is no copy of it`, { retryable: false });
  }
  if (level === -1) return new ConcatSource(present);
  if (chunkSize === 0)
    throw new CorruptDataError({ format: "md", structure: `array ${name}` }, "has chunks of no size");
  const used = present.map(({ size }) => Math.floor(size / chunkSize) * chunkSize);
  const [deviceSize = 0] = used;
  if (used.some((size) => size !== deviceSize))
    throw new UnsupportedFeatureError("md", ["RAID 0 over devices of different size"]);
  const raid = { format: "md", name: `array ${name}`, level, layout: 0, chunkSize, devices: data.length, deviceSize };
  return openArray({ ...raid, size: deviceSize * data.length }, data);
}
