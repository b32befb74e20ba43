import type { GetObjectCommandOutput, ListObjectsV2CommandOutput, S3Client } from "@aws-sdk/client-s3";
import { SourceError } from "../errors.ts";
import type { ByteRange, GetOptions, ListedItem, ListOptions, ObjectStore, ObjectSummary } from "./object-store.ts";
import { ObjectTooShortError } from "./object-too-short-error.ts";
import { createS3Client } from "./s3-client.ts";
import { translateS3Error } from "./s3-error.ts";
import type { S3Options } from "./s3-options.ts";

type Sdk = typeof import("@aws-sdk/client-s3");

/** A bucket, or a folder of it, that speaks S3. Needs permission to list and to get, nothing else. */
export class S3Store implements ObjectStore {
  readonly name: string;
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  private constructor(sdk: Sdk, client: S3Client, { bucket, prefix }: S3Options) {
    this.#sdk = sdk;
    this.#client = client;
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.name = `s3://${bucket}/${prefix}`.replace(/\/$/, "");
  }

  /** Sends nothing yet. @throws ConfigError */
  static async open(options: S3Options): Promise<S3Store> {
    const client = await createS3Client(options);
    return new S3Store(await import("@aws-sdk/client-s3"), client, options);
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ListedItem> {
    let continuation: string | undefined;
    do {
      const page = await this.#listPage(prefix, options, continuation);
      yield* this.#itemsOf(page);
      continuation = page.IsTruncated === true ? page.NextContinuationToken : undefined;
      if (page.IsTruncated === true && continuation === undefined) {
        throw new SourceError(`${this.name}: listing: the store cut it short without saying how to go on`, {
          retryable: false,
        });
      }
    } while (continuation !== undefined);
  }

  async #listPage(
    prefix: string,
    { delimiter, after, signal }: ListOptions,
    continuation: string | undefined,
  ): Promise<ListObjectsV2CommandOutput> {
    const command = new this.#sdk.ListObjectsV2Command({
      Bucket: this.#bucket,
      Prefix: this.#prefix + prefix,
      Delimiter: delimiter,
      StartAfter: after === undefined ? undefined : this.#prefix + after,
      ContinuationToken: continuation,
    });
    try {
      return await this.#client.send(command, sendOptions(signal));
    } catch (error) {
      throw translateS3Error(error, { store: this.name });
    }
  }

  /** Objects and prefixes come in two lists; together in the order of their keys. */
  #itemsOf(page: ListObjectsV2CommandOutput): ListedItem[] {
    const items: { order: Buffer; item: ListedItem }[] = [];
    for (const { Key, Size, LastModified } of page.Contents ?? []) {
      if (Key === undefined) continue;
      const summary = { key: Key.slice(this.#prefix.length), size: Size ?? 0 };
      const modified = LastModified === undefined ? {} : { modified: LastModified };
      items.push({ order: Buffer.from(Key), item: { type: "object", ...summary, ...modified } });
    }
    for (const { Prefix } of page.CommonPrefixes ?? []) {
      if (Prefix === undefined) continue;
      items.push({ order: Buffer.from(Prefix), item: { type: "prefix", prefix: Prefix.slice(this.#prefix.length) } });
    }
    return items.sort((left, right) => Buffer.compare(left.order, right.order)).map(({ item }) => item);
  }

  async head(key: string, signal?: AbortSignal): Promise<ObjectSummary | undefined> {
    const command = new this.#sdk.HeadObjectCommand({ Bucket: this.#bucket, Key: this.#prefix + key });
    try {
      const found = await this.#client.send(command, sendOptions(signal));
      const modified = found.LastModified === undefined ? {} : { modified: found.LastModified };
      return { key, size: found.ContentLength ?? 0, ...modified };
    } catch (error) {
      if ((error as { name?: string }).name === "NotFound") return undefined;
      throw translateS3Error(error, { store: this.name, key });
    }
  }

  async get(key: string, { range, signal }: GetOptions = {}): Promise<Uint8Array> {
    if (range?.length === 0) return new Uint8Array(0);
    const answer = await this.#send(key, range, signal);
    const length = range?.length ?? answer.ContentLength;
    if (length === undefined) throw this.#broken(key, "the store does not say how long it is");
    if (answer.ContentLength !== undefined && answer.ContentLength < length) {
      throw new ObjectTooShortError(this.name, key, { start: range?.start ?? 0, length });
    }
    const bytes = Buffer.allocUnsafeSlow(length);
    let received = 0;
    for await (const chunk of this.#body(key, answer)) {
      if (received + chunk.length > length) throw this.#broken(key, "the answer is longer than asked for");
      bytes.set(chunk, received);
      received += chunk.length;
    }
    if (received < length) throw this.#broken(key, `the answer broke off after ${received} of ${length} bytes`);
    return bytes;
  }

  async *stream(key: string, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    const answer = await this.#send(key, undefined, signal);
    let received = 0;
    for await (const chunk of this.#body(key, answer)) {
      received += chunk.length;
      yield chunk;
    }
    if (answer.ContentLength !== undefined && received !== answer.ContentLength) {
      throw this.#broken(key, `the answer broke off after ${received} of ${answer.ContentLength} bytes`);
    }
  }

  async #send(
    key: string,
    range: ByteRange | undefined,
    signal: AbortSignal | undefined,
  ): Promise<GetObjectCommandOutput> {
    const command = new this.#sdk.GetObjectCommand({
      Bucket: this.#bucket,
      Key: this.#prefix + key,
      Range: rangeHeader(range),
    });
    try {
      return await this.#client.send(command, sendOptions(signal));
    } catch (error) {
      const { name } = error as { name?: string };
      if (name === "InvalidRange" && range !== undefined) throw new ObjectTooShortError(this.name, key, range);
      throw translateS3Error(error, { store: this.name, key });
    }
  }

  async *#body(key: string, { Body }: GetObjectCommandOutput): AsyncIterable<Uint8Array> {
    if (Body === undefined) return;
    try {
      yield* Body as AsyncIterable<Uint8Array>;
    } catch (error) {
      throw translateS3Error(error, { store: this.name, key });
    }
  }

  #broken(key: string, problem: string): SourceError {
    return new SourceError(`${this.name}: object ${key}: ${problem}`, { retryable: true });
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }
}

function rangeHeader(range: ByteRange | undefined): string | undefined {
  return range === undefined ? undefined : `bytes=${range.start}-${range.start + range.length - 1}`;
}

function sendOptions(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}
