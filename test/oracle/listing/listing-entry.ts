/**
 * One entry of a tree in the form in which two readers are compared: every field a plain value, bytes in
 * hexadecimal, nanoseconds as decimal text.
 */
export interface ListingEntry {
  /** Names joined by `/`, relative to the root, in hexadecimal; empty for the root itself. */
  readonly path: string;
  readonly node: number;
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly allocated: number;
  readonly links: number;
  readonly mtime: string;
  readonly atime: string;
  readonly ctime: string;
  readonly birthtime?: string;
  readonly device?: string;
  readonly flags?: readonly string[];
  readonly target?: string;
  /** Pairs of name and value, sorted by name. */
  readonly xattrs?: readonly (readonly [string, string])[];
  /** Pairs of offset and length. */
  readonly data?: readonly (readonly [number, number])[];
  /** Of the whole content up to WHOLE_HASH_LIMIT, of the data ranges alone above it. */
  readonly sha256?: string;
  /** Why a part could not be read: an errno name from the kernel, an error's kind from vmfr. */
  readonly contentError?: string;
  readonly xattrsError?: string;
}

export type ListingField = Exclude<keyof ListingEntry, "path">;

/** Keyed by path. */
export type Listing = ReadonlyMap<string, ListingEntry>;

/** Up to this many bytes a file is hashed whole; must equal WHOLE_HASH_LIMIT in reference_walk.py. */
export const WHOLE_HASH_LIMIT = 256 * 1024 * 1024;

/** For people: the path as text, anything unprintable escaped. */
export function describeHexPath(path: string): string {
  return `/${Buffer.from(path, "hex")
    .toString("latin1")
    .replace(/[^\x20-\x7e]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`)}`;
}
