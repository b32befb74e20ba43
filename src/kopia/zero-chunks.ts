import type { ContentHash } from "./content-hash.ts";
import type { SeekTable } from "./seek-table.ts";

/** Kopia's default splitter cuts stretches of zeros at its minimum, 2 MiB. */
const USUAL_ZERO_CHUNK = 2 * 1024 * 1024;

/** Hashing zeros of one length costs milliseconds; tables with more candidate lengths than this only lose speed. */
const MAX_CANDIDATE_LENGTHS = 16;

/** Longer chunks than any splitter of Kopia makes are not worth a buffer of zeros. */
const MAX_ZERO_CHUNK = 16 * 1024 * 1024;

/** Recognises chunks of zeros by their id, which is the keyed hash of as many zeros: no fetch, no proof needed. */
export class ZeroChunks {
  readonly #hash: ContentHash;
  /** Content key of that many zeros (format: content-id.ts). */
  readonly #keys = new Map<number, Uint8Array>();

  constructor(hash: ContentHash) {
    this.#hash = hash;
  }

  /** One bit a chunk: set when the chunk is zeros. */
  find(table: SeekTable): Uint8Array {
    const zeros = new Uint8Array(Math.ceil(table.count / 8));
    const keys = new Map([...candidateLengths(table)].map((length) => [length, this.#keyOf(length)]));
    for (let index = 0; index < table.count; index++) {
      const key = keys.get(table.startOf(index + 1) - table.startOf(index));
      if (key === undefined || table.isCompressed(index) || Buffer.compare(table.keyOf(index), key) !== 0) continue;
      zeros[index >> 3] = (zeros[index >> 3] as number) | (1 << (index & 7));
    }
    return zeros;
  }

  #keyOf(length: number): Uint8Array {
    const known = this.#keys.get(length);
    if (known !== undefined) return known;
    const key = Buffer.concat([Uint8Array.of(0), this.#hash(new Uint8Array(length))]);
    this.#keys.set(length, key);
    return key;
  }
}

/** Zeros longer than a chunk show as neighbours with the same content. */
function candidateLengths(table: SeekTable): Set<number> {
  const lengths = new Set<number>();
  for (let index = 0; index < table.count && lengths.size < MAX_CANDIDATE_LENGTHS; index++) {
    const length = table.startOf(index + 1) - table.startOf(index);
    if (lengths.has(length) || length > MAX_ZERO_CHUNK) continue;
    const repeats = index > 0 && Buffer.compare(table.keyOf(index), table.keyOf(index - 1)) === 0;
    if (repeats || length === USUAL_ZERO_CHUNK) lengths.add(length);
  }
  return lengths;
}
