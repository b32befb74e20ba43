import { defaultLimits, type Limits } from "../bytes/limits.ts";
import { SourceError } from "../errors.ts";
import { ObjectNotFoundError } from "../object-store/object-not-found-error.ts";
import type { ObjectStore } from "../object-store/object-store.ts";
import { BlobReader, SealedBlobReader } from "./blob-reader.ts";
import { loadDecompression } from "./compression.ts";
import { ContentEncryption } from "./content-encryption.ts";
import { createContentHash } from "./content-hash.ts";
import { ContentIndex, type IndexProgress } from "./content-index.ts";
import { ContentStore } from "./content-store.ts";
import { type DirectoryEntry, parseDirectory } from "./directory.ts";
import { readSnapshots, type Snapshot } from "./manifests.ts";
import { ObjectReader } from "./object-reader.ts";
import { ObjectSource } from "./object-source.ts";
import { FORMAT_BLOB, openRepositoryFormat, type RepositoryFormat } from "./repository-format.ts";
import { openSnapshotDisk, type SnapshotDisk } from "./snapshot-disk.ts";
import { ZeroChunks } from "./zero-chunks.ts";

const DEFAULT_CACHE_BYTES = 64 * 1024 * 1024;

export interface KopiaOptions {
  /** Bytes of decrypted chunks kept in memory, for all objects together. */
  readonly cacheBytes?: number;
  readonly limits?: Limits;
  /** Called while the indexes load. */
  readonly onIndexProgress?: (progress: IndexProgress) => void;
  /** Stops the opening. */
  readonly signal?: AbortSignal;
}

export interface SnapshotQuery {
  /** The source's path, `snapshot-data-upload-download/kopia/<namespace>/<pvc>` for the data mover. */
  readonly path?: string;
  /** Tags that must all be there with these values. */
  readonly tags?: Readonly<Record<string, string>>;
}

/**
 * A Kopia repository, read only: formats 1 to 3 as the data mover and file-system backup of Velero write
 * them. Needs no lock, writes nothing, and follows maintenance that runs meanwhile.
 */
export class KopiaRepository {
  /** For messages: `s3://bucket/kopia/demo/`. */
  readonly name: string;
  readonly #format: RepositoryFormat;
  readonly #index: ContentIndex;
  readonly #contents: ContentStore;
  readonly #objects: ObjectReader;
  readonly #zeroChunks: ZeroChunks;
  readonly #limits: Limits;
  #snapshots: { readonly generation: number; readonly byId: Promise<ReadonlyMap<string, Snapshot>> } | undefined;
  #closed = false;

  private constructor(
    blobs: BlobReader,
    format: RepositoryFormat,
    index: ContentIndex,
    contents: ContentStore,
    options: KopiaOptions,
  ) {
    this.name = blobs.name;
    this.#format = format;
    this.#index = index;
    this.#contents = contents;
    this.#limits = options.limits ?? defaultLimits;
    this.#objects = new ObjectReader(contents, this.#limits);
    this.#zeroChunks = new ZeroChunks(contents.hash);
  }

  /**
   * @param prefix the repository's folder in the store: `kopia/<namespace>/`
   * @throws AccessError for a wrong password; SourceError when there is no repository; CorruptDataError;
   *         UnsupportedFeatureError.
   */
  static async open(
    store: ObjectStore,
    prefix: string,
    password: string,
    options: KopiaOptions = {},
  ): Promise<KopiaRepository> {
    const blobs = new BlobReader(store, prefix);
    const format = await openRepositoryFormat(await readFormatBlob(blobs, options.signal), password, blobs.name);
    const encryption = new ContentEncryption(format.encryption, format.masterKey);
    const hash = await createContentHash(format.hash, format.secret);
    const decompress = await loadDecompression();
    const sealed = new SealedBlobReader(blobs, encryption, hash);
    const index = await ContentIndex.open(
      {
        blobs,
        sealed,
        epochs: format.epochs,
        onProgress: options.onIndexProgress,
      },
      options.signal,
    );
    const cacheBytes = options.cacheBytes ?? DEFAULT_CACHE_BYTES;
    const contents = new ContentStore({ blobs, index, encryption, hash, decompress, cacheBytes });
    return new KopiaRepository(blobs, format, index, contents, options);
  }

  /** Sentences worth showing to who looks after the repository. */
  get warnings(): readonly string[] {
    return this.#format.warnings;
  }

  /** Ids of the index blobs in use, for diagnosis. */
  get indexBlobs(): readonly string[] {
    return this.#index.blobIds;
  }

  /**
   * The finished snapshot with that manifest id.
   * @throws SourceError when there is none, also not after looking again.
   */
  async snapshot(manifestId: string, signal?: AbortSignal): Promise<Snapshot> {
    const known = (await this.#readSnapshots(signal)).get(manifestId);
    if (known !== undefined) return known;
    await this.#index.refresh();
    const found = (await this.#readSnapshots(signal)).get(manifestId);
    if (found !== undefined) return found;
    throw new SourceError(
      `${this.name}: there is no snapshot ${manifestId}; it was deleted meanwhile, or this is another copy of the repository`,
      { retryable: false },
    );
  }

  /** Finished snapshots that match, oldest first. */
  async findSnapshots(query: SnapshotQuery, signal?: AbortSignal): Promise<Snapshot[]> {
    await this.#index.refreshWhenStale();
    const matching = [...(await this.#readSnapshots(signal)).values()].filter((snapshot) => matches(snapshot, query));
    return matching.sort((left, right) => (left.startTime < right.startTime ? -1 : 1));
  }

  /** @param objectId of a directory entry, or a snapshot's root */
  async readDirectory(objectId: string, signal?: AbortSignal): Promise<DirectoryEntry[]> {
    this.#checkOpen();
    return parseDirectory(await this.#objects.readWhole(objectId, signal), objectId);
  }

  /** The bytes of a file. Closing the source leaves the repository open. */
  async openObject(objectId: string, signal?: AbortSignal): Promise<ObjectSource> {
    this.#checkOpen();
    const table = await this.#objects.seekTable(objectId, signal);
    return new ObjectSource({
      name: `${this.name}: object ${objectId}`,
      objects: this.#objects,
      table,
      zeroChunks: this.#zeroChunks.find(table),
    });
  }

  /** The disk image that a snapshot of a VM's volume holds. */
  async openDiskOf(snapshot: Snapshot, signal?: AbortSignal): Promise<SnapshotDisk> {
    return await openSnapshotDisk(this, snapshot, signal);
  }

  /** Does not close the store. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#contents.close();
  }

  #checkOpen(): void {
    if (this.#closed) throw new SourceError(`${this.name}: already closed`, { retryable: false });
  }

  /** Read again only when the index has changed. */
  async #readSnapshots(signal: AbortSignal | undefined): Promise<ReadonlyMap<string, Snapshot>> {
    this.#checkOpen();
    signal?.throwIfAborted();
    const { generation } = this.#index;
    if (this.#snapshots?.generation === generation) return await this.#snapshots.byId;
    const reading = { generation, byId: readSnapshots(this.#index, this.#contents, this.#limits) };
    this.#snapshots = reading;
    try {
      return await reading.byId;
    } catch (error) {
      if (this.#snapshots === reading) this.#snapshots = undefined;
      // Maintenance merged the manifests meanwhile, which a refreshed index shows.
      if (this.#index.generation !== generation) return await this.#readSnapshots(signal);
      throw error;
    }
  }
}

async function readFormatBlob(blobs: BlobReader, signal: AbortSignal | undefined): Promise<Uint8Array> {
  try {
    return await blobs.get(FORMAT_BLOB, undefined, signal);
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError)) throw error;
    throw new SourceError(`${blobs.name}: not a Kopia repository (there is no ${FORMAT_BLOB})`, {
      retryable: false,
      cause: error,
    });
  }
}

function matches(snapshot: Snapshot, { path, tags = {} }: SnapshotQuery): boolean {
  const { labels } = snapshot;
  if (path !== undefined && labels["path"] !== path) return false;
  // Velero writes tags as labels; Kopia's command line puts "tag:" in front.
  return Object.entries(tags).every(([key, value]) => labels[key] === value || labels[`tag:${key}`] === value);
}
