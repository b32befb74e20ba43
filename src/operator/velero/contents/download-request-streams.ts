import { createHash } from "node:crypto";
import { defaultLimits } from "../../../bytes/limits.ts";
import { describeError, SourceError } from "../../../errors.ts";
import { ApiError, isAlreadyExists } from "../../../kube/api-error.ts";
import { type Clock, sleep, systemClock } from "../../../kube/clock.ts";
import type { KubeClient } from "../../../kube/kube-client.ts";
import type { Logger } from "../../../kube/log.ts";
import type { Stored } from "../../../kube/resource-type.ts";
import { ObjectNotFoundError } from "../../../object-store/object-not-found-error.ts";
import type { ObjectStreams } from "../../../object-store/object-store.ts";
import { type DownloadRequest, downloadRequests } from "../velero-resources.ts";
import { downloadTargetOf } from "./download-target.ts";
import { type BucketTrust, downloadSigned } from "./signed-download.ts";

export interface DownloadRequestStreamsOptions {
  readonly client: Pick<KubeClient, "create" | "find" | "delete">;
  /** Velero's own. */
  readonly namespace: string;
  /** UID of the object on whose behalf: one owner asks for one thing once at a time. */
  readonly owner: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly trust: BucketTrust;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Until Velero has signed the URL; 2 minutes. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 2 * 60_000;
const FIRST_POLL_MS = 100;
const LONGEST_POLL_MS = 2_000;
const IDLE_MS = 60_000;
const WHOLE_DOWNLOAD_MS = 30 * 60_000;
const UNPROCESSABLE = 422;

/**
 * A backup's objects by way of Velero: a DownloadRequest asks, Velero answers with a signed URL. Needs no credentials
 * of the bucket, and works with every kind of bucket that Velero has a plugin for.
 */
export class DownloadRequestStreams implements ObjectStreams {
  readonly name = "Velero's DownloadRequest";
  readonly #options: DownloadRequestStreamsOptions;
  readonly #clock: Clock;
  /** Set once Velero has not answered: the next hundred requests need not wait as long each. */
  #silence: SourceError | undefined;

  constructor(options: DownloadRequestStreamsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  async *stream(key: string, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    const bounded = AbortSignal.any([
      AbortSignal.timeout(WHOLE_DOWNLOAD_MS),
      ...(signal === undefined ? [] : [signal]),
    ]);
    const request = await this.#create(key, bounded);
    try {
      const url = await this.#signedUrl(request, bounded);
      const { trust } = this.#options;
      const maxBytes = defaultLimits.tarball;
      yield* downloadSigned(url, { store: this.name, key, trust, signal: bounded, idleMs: IDLE_MS, maxBytes });
    } catch (error) {
      if (!bounded.aborted || signal?.aborted) throw error;
      const minutes = WHOLE_DOWNLOAD_MS / 60_000;
      throw new SourceError(`${this.name}: ${key}: not complete after ${minutes} minutes`, { retryable: false });
    } finally {
      await this.#delete(request);
    }
  }

  async #create(key: string, signal: AbortSignal): Promise<Stored<DownloadRequest>> {
    const target = downloadTargetOf(key);
    if (target === undefined) throw new ObjectNotFoundError(this.name, key);
    if (this.#silence !== undefined) throw this.#silence;
    const { client, namespace, owner, labels } = this.#options;
    const name = requestName(owner, target);
    const request: DownloadRequest = {
      apiVersion: `${downloadRequests.group}/${downloadRequests.version}`,
      kind: downloadRequests.kind,
      metadata: { name, namespace, labels: { ...labels } },
      spec: { target },
    };
    try {
      return await client.create(downloadRequests, request, { signal });
    } catch (error) {
      // A Velero too old to know the kind has no such object either.
      if (error instanceof ApiError && error.status === UNPROCESSABLE) throw new ObjectNotFoundError(this.name, key);
      if (!isAlreadyExists(error)) throw error;
      // Left behind by a process that ended; its URL may have expired.
      await client.delete(downloadRequests, { namespace, name }, { signal });
      return await client.create(downloadRequests, request, { signal });
    }
  }

  async #signedUrl({ metadata: { name }, spec }: Stored<DownloadRequest>, signal: AbortSignal): Promise<string> {
    const { client, namespace, patienceMs = PATIENCE_MS } = this.#options;
    const end = this.#clock.monotonic() + patienceMs;
    for (let pause = FIRST_POLL_MS; ; pause = Math.min(LONGEST_POLL_MS, pause * 2)) {
      await sleep(this.#clock, pause, signal);
      const request = await client.find(downloadRequests, { namespace, name }, { signal });
      if (request === undefined) throw new SourceError(`DownloadRequest ${name} was deleted`, { retryable: true });
      const url = request.status?.downloadURL;
      if (url !== undefined && url !== "") return url;
      if (this.#clock.monotonic() <= end) continue;
      const seconds = Math.round(patienceMs / 1000);
      const problem = `Velero has not answered the DownloadRequest for ${spec.target.kind} of ${spec.target.name} within ${seconds} s`;
      this.#silence = new SourceError(`${problem}; is it running?`, { retryable: false });
      throw this.#silence;
    }
  }

  /** Also after an abort. Velero deletes what stays behind once it has expired. */
  async #delete({ metadata: { name, uid } }: Stored<DownloadRequest>): Promise<void> {
    const { client, namespace, log } = this.#options;
    try {
      await client.delete(downloadRequests, { namespace, name }, { uid });
    } catch (error) {
      log.warn({ downloadRequest: name, reason: describeError(error) }, "Could not delete DownloadRequest");
    }
  }
}

const LONGEST_BACKUP_PART = 200;

function requestName(owner: string, { kind, name }: DownloadRequest["spec"]["target"]): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([owner, kind, name]))
    .digest("hex")
    .slice(0, 16);
  return `${name.slice(0, LONGEST_BACKUP_PART).replace(/[^a-z0-9]+$/, "")}-${hash}`;
}
