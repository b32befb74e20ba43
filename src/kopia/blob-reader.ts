import { CorruptDataError, SourceError } from "../errors.ts";
import type { ObjectNotFoundError } from "../object-store/object-not-found-error.ts";
import type { ByteRange, ObjectStore } from "../object-store/object-store.ts";
import type { ContentEncryption } from "./content-encryption.ts";
import type { ContentHash } from "./content-hash.ts";
import { hashInBlobName } from "./index-blob-name.ts";

/** The blobs of one repository: objects of a store below the repository's prefix. */
export class BlobReader {
  /** For messages: `s3://bucket/kopia/demo/`. */
  readonly name: string;
  readonly #store: ObjectStore;
  readonly #prefix: string;

  /** @param prefix the repository's folder in the store, with or without the slash at its end */
  constructor(store: ObjectStore, prefix: string) {
    this.#store = store;
    this.#prefix = prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
    this.name = `${store.name.replace(/\/$/, "")}/${this.#prefix}`;
  }

  /** Ids of all blobs that start with `idPrefix`, ascending. */
  async list(idPrefix: string, signal?: AbortSignal): Promise<string[]> {
    const ids: string[] = [];
    for await (const item of this.#store.list(this.#prefix + idPrefix, signal === undefined ? {} : { signal })) {
      if (item.type === "object") ids.push(item.key.slice(this.#prefix.length));
    }
    return ids;
  }

  /** @throws ObjectNotFoundError, SourceError */
  async get(id: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array> {
    return await this.#store.get(this.#prefix + id, {
      ...(range === undefined ? {} : { range }),
      ...(signal === undefined ? {} : { signal }),
    });
  }
}

/** Opens blobs whose name carries the keyed hash of their plaintext: indexes and compaction logs (kopia: internal/blobcrypto). */
export class SealedBlobReader {
  readonly #blobs: BlobReader;
  readonly #encryption: ContentEncryption;
  readonly #hash: ContentHash;
  readonly #hashLength: number;

  constructor(blobs: BlobReader, encryption: ContentEncryption, hash: ContentHash) {
    this.#blobs = blobs;
    this.#encryption = encryption;
    this.#hash = hash;
    this.#hashLength = hash(new Uint8Array(0)).length;
  }

  /** @throws ObjectNotFoundError, SourceError, CorruptDataError when it does not open or is not what its name says. */
  async get(id: string, signal?: AbortSignal): Promise<Uint8Array> {
    const place = { format: "kopia", structure: `blob ${id}` };
    const hash = hashInBlobName(id, this.#hashLength);
    if (hash === undefined) throw new CorruptDataError(place, "its name holds no hash");
    const plaintext = this.#encryption.open(await this.#blobs.get(id, undefined, signal), hash);
    if (plaintext === undefined) throw new CorruptDataError(place, "damaged: its authentication tag does not match");
    if (Buffer.compare(this.#hash(plaintext), hash) !== 0)
      throw new CorruptDataError(place, "its hash does not match its name");
    return plaintext;
  }
}

/** A blob that a listing or an index named is gone, even after looking again. */
export function missingBlobError(blobs: BlobReader, what: string, cause: ObjectNotFoundError): SourceError {
  return new SourceError(
    `${blobs.name}: ${what} is missing although the index names it; is this a torn copy of the bucket?`,
    { retryable: false, cause },
  );
}
