/**
 * Where the chunks of an array lie, level by level, without reading parity (kernel `drivers/md/raid5.c`
 * `raid5_compute_sector`, `raid10.c` `__raid10_find_phys`).
 */
import type { ChunkPlace } from "./chunked-source.ts";

export interface ArrayLayout {
  /** 4, 5, 6 or 10. */
  readonly level: number;
  /** As md numbers it: the algorithm of levels 5 and 6, the copies of level 10. */
  readonly layout: number;
  /** Devices of the array, missing ones included. */
  readonly devices: number;
  /** Bytes. */
  readonly chunkSize: number;
  /** Bytes of each device that hold data, for the far copies of level 10. */
  readonly deviceSize: number;
}

/** All places that hold a chunk's data, the one the kernel names first in front; undefined for a layout that is not read. */
export type ChunkCopies = (index: number) => readonly ChunkPlace[];

export function chunkCopies(array: ArrayLayout): ChunkCopies | undefined {
  if (array.level === 10) return mirroredStripes(array);
  const place = array.level === 6 ? doubleParity(array) : singleParity(array);
  if (place === undefined) return undefined;
  const dataDevices = array.devices - (array.level === 6 ? 2 : 1);
  if (dataDevices < 1) return undefined;
  return (index) => {
    const stripe = Math.floor(index / dataDevices);
    return [{ device: place(stripe, index % dataDevices), offset: stripe * array.chunkSize }];
  };
}

/** The device of data chunk `data` in a stripe. */
type Place = (stripe: number, data: number) => number;

const behind = (data: number, parity: number): number => (data >= parity ? data + 1 : data);

function singleParity({ level, layout, devices }: ArrayLayout): Place | undefined {
  const left = (stripe: number) => devices - 1 - (stripe % devices);
  const right = (stripe: number) => stripe % devices;
  const places: Readonly<Record<number, Place>> = {
    0: (stripe, data) => behind(data, left(stripe)),
    1: (stripe, data) => behind(data, right(stripe)),
    2: (stripe, data) => (left(stripe) + 1 + data) % devices,
    3: (stripe, data) => (right(stripe) + 1 + data) % devices,
    4: (_, data) => data + 1,
    5: (_, data) => data,
  };
  // Level 4 has its parity on the last device, whatever the field says.
  return level === 4 ? places[5] : places[layout];
}

function doubleParity({ layout, devices }: ArrayLayout): Place | undefined {
  const left = (stripe: number) => devices - 1 - (stripe % devices);
  const right = (stripe: number) => stripe % devices;
  /** The second parity lies behind the first, at the first device where the first is last. */
  const asymmetric = (parity: number, data: number) => {
    if (parity === devices - 1) return data + 1;
    return data >= parity ? data + 2 : data;
  };
  const last = devices - 1;
  const places: Readonly<Record<number, Place>> = {
    0: (stripe, data) => asymmetric(left(stripe), data),
    1: (stripe, data) => asymmetric(right(stripe), data),
    2: (stripe, data) => (left(stripe) + 2 + data) % devices,
    3: (stripe, data) => (right(stripe) + 2 + data) % devices,
    4: (_, data) => data + 2,
    5: (_, data) => data,
    8: (stripe, data) => asymmetric(right(stripe), data),
    9: (stripe, data) => asymmetric(left(stripe + 1), data),
    10: (stripe, data) => (left(stripe) + 1 + data) % devices,
    // A level 5 of all devices but the last, which has the second parity.
    16: (stripe, data) => behind(data, last - 1 - (stripe % last)),
    17: (stripe, data) => behind(data, stripe % last),
    18: (stripe, data) => (last - 1 - (stripe % last) + 1 + data) % last,
    19: (stripe, data) => ((stripe % last) + 1 + data) % last,
    20: (_, data) => data + 1,
  };
  return places[layout];
}

const FAR_OFFSET = 0x1_0000;
const KNOWN_BITS = 0x1_ffff;

/** Level 10: near copies in the same stripe, far ones further down and shifted by as many devices. */
function mirroredStripes({ layout, devices, chunkSize, deviceSize }: ArrayLayout): ChunkCopies | undefined {
  const near = layout & 0xff;
  const far = (layout >> 8) & 0xff;
  if (layout > KNOWN_BITS || near < 1 || far < 1 || near * far > devices) return undefined;
  const isOffset = (layout & FAR_OFFSET) !== 0;
  const farStride = isOffset ? 1 : Math.floor(deviceSize / far / chunkSize);
  return (index) => {
    const first = index * near;
    const row = Math.floor(first / devices) * (isOffset ? far : 1);
    const places: ChunkPlace[] = [];
    for (let copy = 0; copy < near; copy++) {
      const position = (first % devices) + copy;
      const wrapped = position >= devices ? 1 : 0;
      for (let distance = 0; distance < far; distance++) {
        const chunk = row + wrapped * (isOffset ? far : 1) + distance * farStride;
        places.push({ device: (position + distance * near) % devices, offset: chunk * chunkSize });
      }
    }
    return places;
  };
}
