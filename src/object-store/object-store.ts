/** The part of a bucket vmfr needs: list and get. There is no way to write through this interface. */

export interface ObjectSummary {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  readonly modified?: Date;
}

/** One page-free listing step: an object, or with a delimiter a common prefix (which ends in the delimiter). */
export type ListedItem =
  | ({ readonly type: "object" } & ObjectSummary)
  | { readonly type: "prefix"; readonly prefix: string };

export interface ListOptions {
  /** Group keys behind this character into prefixes, as S3 does. */
  readonly delimiter?: "/";
  /** Only keys behind this one, in byte order; may be no key itself. */
  readonly after?: string;
  readonly signal?: AbortSignal;
}

/** Bytes `start` to `start + length - 1`. */
export interface ByteRange {
  readonly start: number;
  readonly length: number;
}

export interface GetOptions {
  readonly range?: ByteRange;
  readonly signal?: AbortSignal;
}

/** The least a reader of whole objects needs. */
export interface ObjectStreams {
  /** For messages: `s3://bucket/prefix`, `file:///dir`. Never holds credentials. */
  readonly name: string;

  /**
   * The object as a stream of chunks, for tarballs that are too large to hold.
   * @throws ObjectNotFoundError when the key does not exist; SourceError for everything else, also for a short answer.
   */
  stream(key: string, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

export interface ObjectStore extends ObjectStreams {
  /** Keys in ascending byte order that start with `prefix`; pages are fetched as the iteration proceeds. */
  list(prefix: string, options?: ListOptions): AsyncIterable<ListedItem>;

  /** Undefined when there is no such object. */
  head(key: string, signal?: AbortSignal): Promise<ObjectSummary | undefined>;

  /**
   * The whole object, or exactly the range.
   * @throws ObjectNotFoundError when the key does not exist; SourceError for everything else, also for a short answer.
   */
  get(key: string, options?: GetOptions): Promise<Uint8Array>;

  close(): Promise<void>;
}
