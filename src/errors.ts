/**
 * The few kinds of failure vmfr distinguishes. Cores throw these and know nothing of HTTP, SFTP or exit
 * codes; every edge (serve/http, serve/ssh, cli) owns one exhaustive table that translates `kind`.
 *
 * Messages are written for the person who has lost a file: they name the thing and, where there is one,
 * the way out. They never hold passwords, keys or signed URLs.
 */

export type ErrorKind = "path" | "corrupt-data" | "unsupported-feature" | "source" | "limit" | "config" | "access";

/** Base of every error vmfr throws on purpose. Anything else that surfaces is a bug. */
export abstract class VmfrError extends Error {
  abstract readonly kind: ErrorKind;

  override get name(): string {
    return this.constructor.name;
  }
}

export type PathFailure =
  | "not-found"
  | "not-a-directory"
  | "is-a-directory"
  | "not-a-symlink"
  | "not-a-file"
  | "too-many-symlinks"
  | "invalid-path";

const PATH_SENTENCES: Record<PathFailure, string> = {
  "not-found": "no such file or directory",
  "not-a-directory": "not a directory",
  "is-a-directory": "is a directory",
  "not-a-symlink": "not a symbolic link",
  "not-a-file": "not a regular file",
  "too-many-symlinks": "too many levels of symbolic links",
  "invalid-path": "not a valid path",
};

/** A path does not lead where the caller asked. `path` is already escaped for display. */
export class PathError extends VmfrError {
  readonly kind = "path";
  readonly failure: PathFailure;
  readonly path: string;

  constructor(failure: PathFailure, path: string, detail?: string) {
    super(`${path}: ${PATH_SENTENCES[failure]}${detail === undefined ? "" : ` (${detail})`}`);
    this.failure = failure;
    this.path = path;
  }
}

export interface CorruptionPlace {
  /** Short lower-case format name: `ext4`, `qcow2`, `gpt`, `kopia`. */
  readonly format: string;
  /** Structure and its number, in the format's own words: `inode 12`, `L1 table`, `index blob xn0_…`. */
  readonly structure: string;
  /** Where the structure starts, in bytes from the start of the source being parsed, when known. */
  readonly byteOffset?: number;
}

/** Bytes contradict their format or their checksum. */
export class CorruptDataError extends VmfrError {
  readonly kind = "corrupt-data";
  readonly place: CorruptionPlace;

  constructor(place: CorruptionPlace, problem: string, options?: ErrorOptions) {
    const at = place.byteOffset === undefined ? "" : ` at byte ${place.byteOffset}`;
    super(`${place.format}: ${place.structure}${at}: ${problem}`, options);
    this.place = place;
  }
}

/** The data is valid, but uses something vmfr does not read (encrypted, external data file, …). */
export class UnsupportedFeatureError extends VmfrError {
  readonly kind = "unsupported-feature";
  readonly format: string;
  readonly features: readonly string[];

  constructor(format: string, features: readonly string[], advice?: string) {
    super(`${format}: not supported: ${features.join(", ")}${advice === undefined ? "" : `; ${advice}`}`);
    this.format = format;
    this.features = features;
  }
}

export interface SourceErrorOptions extends ErrorOptions {
  /** True when the same call may succeed later (timeouts, 503); false when it cannot (404, 403, EIO, short file). */
  readonly retryable: boolean;
}

/** Bytes could not be fetched from where they lie: file, bucket, repository. */
export class SourceError extends VmfrError {
  readonly kind = "source";
  readonly retryable: boolean;

  constructor(message: string, options: SourceErrorOptions) {
    super(message, options);
    this.retryable = options.retryable;
  }
}

/** A bound of `bytes/limits.ts` was reached; the data may be hostile or merely larger than foreseen. */
export class LimitError extends VmfrError {
  readonly kind = "limit";
  readonly limit: string;

  constructor(limit: string, maximum: number | bigint, what: string) {
    super(`${what}: exceeds the limit of ${maximum} (${limit})`);
    this.limit = limit;
  }
}

/** What the user asked for or configured cannot work as given. */
export class ConfigError extends VmfrError {
  readonly kind = "config";
}

/** The password, key or credential was refused. */
export class AccessError extends VmfrError {
  readonly kind = "access";
}

/** One line for people: own errors speak for themselves, anything else is named as unexpected. */
export function describeError(error: unknown): string {
  if (error instanceof VmfrError) return error.message;
  if (error instanceof Error) return `unexpected ${error.name}: ${error.message}`;
  return `unexpected failure: ${String(error)}`;
}
