/**
 * Names of index blobs (kopia: internal/epoch, internal/completeset). All that decides which indexes are
 * live is written in names: epoch numbers, the set a blob belongs to, and how many blobs the set has.
 */

/** `xn<epoch>_<hash>-s<session>-c<count>`, also `xs…` and `xr<min>_<max>_…`. */
export interface EpochBlobName {
  readonly id: string;
  readonly kind: "uncompacted" | "single-epoch" | "range";
  /** First and last epoch it covers; equal except for ranges. */
  readonly firstEpoch: number;
  readonly lastEpoch: number;
}

/** `xe<epoch>` advances the write epoch; `xw<unix seconds>` moves the deletion watermark. */
export type EpochMarker =
  | { readonly kind: "epoch"; readonly epoch: number }
  | { readonly kind: "watermark"; readonly seconds: number };

const EPOCH_BLOB = /^x([nsr])(\d+)_(?:(\d+)_)?[^_]*$/;
const MARKER = /^x([ew])(\d+)$/;

export function parseEpochBlobName(id: string): EpochBlobName | undefined {
  const [, letter, first, last] = EPOCH_BLOB.exec(id) ?? [];
  if (letter === undefined || (letter === "r") !== (last !== undefined)) return undefined;
  const firstEpoch = Number(first);
  const lastEpoch = last === undefined ? firstEpoch : Number(last);
  const kind = letter === "n" ? "uncompacted" : letter === "s" ? "single-epoch" : "range";
  return { id, kind, firstEpoch, lastEpoch };
}

export function parseEpochMarker(id: string): EpochMarker | undefined {
  const [, letter, digits] = MARKER.exec(id) ?? [];
  if (letter === undefined) return undefined;
  return letter === "e" ? { kind: "epoch", epoch: Number(digits) } : { kind: "watermark", seconds: Number(digits) };
}

/**
 * The blobs of the first set of which all are present, or undefined. A set shares the second part of its
 * names (`s…`) and states its size in the third (`c<count>`); a name without them is a set of its own.
 */
export function firstCompleteSet(ids: readonly string[]): readonly string[] | undefined {
  const sets = new Map<string, string[]>();
  for (const id of ids) {
    const [, set, count] = /^[^-]*-([^-]*)-c(\d+)$/.exec(id) ?? [];
    if (set === undefined) return [id];
    const members = sets.get(set) ?? [];
    sets.set(set, members);
    members.push(id);
    if (members.length === Number(count)) return members;
  }
  return undefined;
}

/**
 * The keyed hash of the blob's plaintext that its name carries, or undefined: the hexadecimal end of the
 * part before the first `-`.
 */
export function hashInBlobName(id: string, hashLength: number): Uint8Array | undefined {
  const [name = ""] = id.split("-", 1);
  const hex = name.slice(-2 * hashLength);
  return hex.length === 2 * hashLength && /^[0-9a-f]+$/.test(hex) ? Buffer.from(hex, "hex") : undefined;
}
