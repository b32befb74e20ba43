import type { ByteSource } from "../../../source/byte-source.ts";
import { checkRange } from "../../../source/check-range.ts";
import { inParallel } from "../../../source/in-parallel.ts";

/** Where a chunk lies. */
export interface ChunkPlace {
  /** Index of the device. */
  readonly device: number;
  /** Bytes from the start of the device. */
  readonly offset: number;
}

export interface ChunkMap {
  /** Bytes. */
  readonly chunkSize: number;
  /** Where chunk `index` of the array lies. */
  place(index: number): ChunkPlace;
}

/** A part of one read that lies in one piece on one device. */
interface Transfer {
  readonly device: number;
  readonly offset: number;
  length: number;
  /** Which stretches of the result it fills, in order. */
  readonly parts: { readonly at: number; readonly length: number }[];
}

const DEVICES_AT_ONCE = 8;

/** An array whose chunks lie on several devices in turn. Closing it leaves the devices open. */
export class ChunkedSource implements ByteSource {
  readonly size: number;
  readonly #devices: readonly ByteSource[];
  readonly #map: ChunkMap;
  readonly #name: string;

  /** @param name says in error messages what this is */
  constructor(devices: readonly ByteSource[], map: ChunkMap, size: number, name: string) {
    this.#devices = devices;
    this.#map = map;
    this.size = size;
    this.#name = name;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkRange(offset, length, this.size, this.#name);
    const transfers = this.#transfers(offset, length);
    const [only] = transfers;
    if (transfers.length === 1 && only !== undefined) return this.#fetch(only, signal);
    const bytes = new Uint8Array(length);
    await inParallel(transfers, DEVICES_AT_ONCE, async (transfer) => {
      const fetched = await this.#fetch(transfer, signal);
      let position = 0;
      for (const part of transfer.parts) {
        bytes.set(fetched.subarray(position, position + part.length), part.at);
        position += part.length;
      }
    });
    return bytes;
  }

  #fetch({ device, offset, length }: Transfer, signal: AbortSignal | undefined): Promise<Uint8Array> {
    return (this.#devices[device] as ByteSource).read(offset, length, signal);
  }

  /** Chunks that are neighbours on their device are read at once, even when others lie between them in the array. */
  #transfers(offset: number, length: number): Transfer[] {
    const { chunkSize } = this.#map;
    const transfers: Transfer[] = [];
    const latest = new Map<number, Transfer>();
    for (let position = offset; position < offset + length; ) {
      const index = Math.floor(position / chunkSize);
      const within = position - index * chunkSize;
      const part = { at: position - offset, length: Math.min(chunkSize - within, offset + length - position) };
      const place = this.#map.place(index);
      const start = place.offset + within;
      const before = latest.get(place.device);
      if (before !== undefined && before.offset + before.length === start) {
        before.length += part.length;
        before.parts.push(part);
      } else {
        const transfer = { device: place.device, offset: start, length: part.length, parts: [part] };
        latest.set(place.device, transfer);
        transfers.push(transfer);
      }
      position += part.length;
    }
    return transfers;
  }

  async close(): Promise<void> {}
}

/** RAID 0 over devices of equal size, and LVM's stripes. */
export function stripes(devices: number, chunkSize: number): ChunkMap {
  return {
    chunkSize,
    place: (index) => ({ device: index % devices, offset: Math.floor(index / devices) * chunkSize }),
  };
}
