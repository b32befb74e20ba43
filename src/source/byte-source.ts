/**
 * Random access to immutable bytes. A file, an object in a bucket, a Kopia object, a qcow2 image, a
 * partition, a logical volume and a file inside a guest are all one of these, so layers stack freely.
 */

/** A stretch of a source. Holes read as zeros and need no I/O. Lengths and offsets are bytes. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
  readonly kind: "data" | "hole";
}

export interface ByteSource {
  /** Length in bytes; constant for the life of the source. */
  readonly size: number;

  /**
   * Returns exactly `length` bytes from `offset`, or throws; never fewer.
   * The result is read-only for the caller (it may alias a cache) and stays valid for ever.
   * @throws SourceError when the range lies outside the source or the bytes cannot be fetched,
   *         CorruptDataError when a checksum on the way does not match.
   */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>;

  /**
   * Where data and holes are, in ascending order, contiguous, covering [from, size).
   * Absent when the source cannot tell; then everything is data.
   */
  extents?(from?: number, signal?: AbortSignal): AsyncIterable<Extent>;

  /** Releases what the source owns. Reading afterwards throws SourceError. Idempotent. */
  close(): Promise<void>;
}

/** A source that always knows its holes, as a file inside a file system does. */
export interface SparseSource extends ByteSource {
  extents(from?: number, signal?: AbortSignal): AsyncIterable<Extent>;
}
