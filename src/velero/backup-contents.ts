/** What a backup holds, from its objects in the bucket; its description comes from elsewhere. */
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { z } from "zod";
import { defaultLimits, type Limits } from "../bytes/limits.ts";
import { CorruptDataError, describeError, VmfrError } from "../errors.ts";
import { ObjectNotFoundError } from "../object-store/object-not-found-error.ts";
import type { ObjectStreams } from "../object-store/object-store.ts";
import { assembleVm, type BackedUpVm, type VolumeLists } from "./backed-up-vm.ts";
import type { Backup } from "./backup.ts";
import { backupKeys } from "./backup-layout.ts";
import { BackupObjectReader } from "./backup-object-reader.ts";
import { collectVmResources, type VmReference, type VmResources } from "./backup-resources.ts";
import { type ResourceList, resourceListSchema } from "./resource-list.ts";
import { itemOperationListSchema, podVolumeBackupListSchema, volumeInfoListSchema } from "./volume-info.ts";

export class BackupContents {
  readonly #store: ObjectStreams;
  readonly #limits: Limits;
  readonly #objects: BackupObjectReader;

  /** @param store rooted at the backup storage location: the folder that holds `backups/`. */
  constructor(store: ObjectStreams, limits: Limits = defaultLimits) {
    this.#store = store;
    this.#limits = limits;
    this.#objects = new BackupObjectReader(store, limits);
  }

  /** Undefined when the backup has no such list. @throws CorruptDataError, LimitError, SourceError. */
  resourceList(name: string, signal?: AbortSignal): Promise<ResourceList | undefined> {
    return this.#objects.read(backupKeys(name).resourceList, resourceListSchema, signal);
  }

  /**
   * The VM and where its disks' bytes are; undefined when the backup does not hold the VM. Streams the tarball
   * once and reads the lists beside it; a list that is missing or damaged makes the answer less, not fail.
   * @throws CorruptDataError, LimitError, SourceError for the tarball.
   */
  async vm(backup: Backup, vm: VmReference, signal?: AbortSignal): Promise<BackedUpVm | undefined> {
    const [resources, lists] = await Promise.all([
      this.#vmResources(backup.name, vm, signal),
      this.#volumeLists(backup.name, signal),
    ]);
    if (resources.machine === undefined) return undefined;
    return assembleVm(backup, vm, resources.machine, resources, lists);
  }

  async #vmResources(name: string, vm: VmReference, signal?: AbortSignal): Promise<VmResources> {
    const key = backupKeys(name).tarball;
    const gunzip = createGunzip();
    // The failure of either stream destroys both and surfaces where the unpacked bytes are read.
    pipeline(Readable.from(this.#store.stream(key, signal)), gunzip, () => undefined);
    try {
      return await collectVmResources(gunzip, vm, this.#limits);
    } catch (error) {
      if (error instanceof ObjectNotFoundError) {
        throw new CorruptDataError({ format: "velero", structure: key }, "is missing from the bucket", {
          cause: error,
        });
      }
      if (error instanceof VmfrError || signal?.aborted) throw error;
      throw new CorruptDataError({ format: "gzip", structure: key }, "is truncated or damaged", { cause: error });
    } finally {
      gunzip.destroy();
    }
  }

  async #volumeLists(name: string, signal?: AbortSignal): Promise<VolumeLists> {
    const keys = backupKeys(name);
    const warnings: string[] = [];
    const read = async <Schema extends z.ZodType>(key: string, schema: Schema, empty: z.output<Schema>) => {
      try {
        return (await this.#objects.read(key, schema, signal)) ?? empty;
      } catch (error) {
        if (!(error instanceof CorruptDataError)) throw error;
        warnings.push(describeError(error));
        return empty;
      }
    };
    const [volumeInfos, podVolumeBackups, itemOperations] = await Promise.all([
      read(keys.volumeInfo, volumeInfoListSchema, []),
      read(keys.podVolumeBackups, podVolumeBackupListSchema, []),
      read(keys.itemOperations, itemOperationListSchema, []),
    ]);
    return { volumeInfos, podVolumeBackups, itemOperations, warnings };
  }
}
