import { ConfigError } from "../../../errors.ts";
import { ApiError } from "../../../kube/api-error.ts";
import type { KubeClient } from "../../../kube/kube-client.ts";
import type { Logger } from "../../../kube/log.ts";
import type { ObjectStore, ObjectStreams } from "../../../object-store/object-store.ts";
import { openObjectStore } from "../../../object-store/open-object-store.ts";
import { RetryingStreams } from "../../../object-store/retrying-store.ts";
import { BackupContents } from "../../../velero/backup-contents.ts";
import { type BackupStorageLocation, backupStorageLocations } from "../velero-resources.ts";
import { DownloadRequestStreams } from "./download-request-streams.ts";
import { FallbackStreams } from "./fallback-streams.ts";
import { bucketTrustOf, s3OptionsOf } from "./storage-location.ts";

export interface ContentsAccessOptions {
  readonly client: Pick<KubeClient, "create" | "find" | "delete">;
  /** Velero's own. */
  readonly namespace: string;
  /** UID of the object on whose behalf backups are read. */
  readonly owner: string;
  /** Of DownloadRequests made for it. */
  readonly labels: Readonly<Record<string, string>>;
  readonly log: Logger;
}

/**
 * The contents of backups in a cluster: straight from the bucket where its credentials can be read and work, else by
 * way of Velero.
 */
export class ContentsAccess {
  readonly #options: ContentsAccessOptions;
  readonly #locations = new Map<string, Promise<BackupContents>>();
  readonly #stores: ObjectStore[] = [];

  constructor(options: ContentsAccessOptions) {
    this.#options = options;
  }

  /**
   * @param location name of the BackupStorageLocation, as the Backup's `spec.storageLocation` says
   * @throws ConfigError when there is none of that name; ApiError
   */
  async contentsIn(location: string, signal?: AbortSignal): Promise<BackupContents> {
    const known = this.#locations.get(location);
    if (known !== undefined) return await known;
    const opening = this.#open(location, signal);
    this.#locations.set(location, opening);
    // What failed once may work the next time.
    opening.catch(() => this.#locations.delete(location));
    return await opening;
  }

  async close(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.close()));
  }

  async #open(name: string, signal?: AbortSignal): Promise<BackupContents> {
    const { client, namespace, log } = this.#options;
    const location = await client.find(backupStorageLocations, { namespace, name }, { signal });
    if (location === undefined) throw new ConfigError(`there is no BackupStorageLocation ${JSON.stringify(name)}`);
    const trust = await bucketTrustOf(client, location, signal);
    const byVelero = new RetryingStreams(new DownloadRequestStreams({ ...this.#options, trust }), { attempts: 3 });
    return new BackupContents(new FallbackStreams(() => this.#openBucket(location), byVelero, log));
  }

  async #openBucket(location: BackupStorageLocation): Promise<ObjectStreams> {
    try {
      const options = await s3OptionsOf(this.#options.client, location);
      const store = await openObjectStore({ kind: "s3", ...options });
      this.#stores.push(store);
      return store;
    } catch (error) {
      if (error instanceof ApiError) throw new ConfigError(error.message, { cause: error });
      throw error;
    }
  }
}
