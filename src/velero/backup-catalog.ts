/** The backups in a backup storage location, straight from the bucket: no cluster needed. */
import { defaultLimits, type Limits } from "../bytes/limits.ts";
import { CorruptDataError } from "../errors.ts";
import type { ObjectStore } from "../object-store/object-store.ts";
import type { BackedUpVm } from "./backed-up-vm.ts";
import { type Backup, backupSchema } from "./backup.ts";
import { BackupContents } from "./backup-contents.ts";
import { BACKUPS_PREFIX, backupKeys, isResourceName } from "./backup-layout.ts";
import { BackupObjectReader } from "./backup-object-reader.ts";
import type { VmReference } from "./backup-resources.ts";
import type { BackupSource } from "./backup-verdict.ts";
import type { ResourceList } from "./resource-list.ts";

export class BackupCatalog implements BackupSource {
  readonly store: ObjectStore;
  readonly #objects: BackupObjectReader;
  readonly #contents: BackupContents;

  /** @param store rooted at the backup storage location: the folder that holds `backups/` and `kopia/`. */
  constructor(store: ObjectStore, limits: Limits = defaultLimits) {
    this.store = store;
    this.#objects = new BackupObjectReader(store, limits);
    this.#contents = new BackupContents(store, limits);
  }

  /** Names of everything below `backups/` that can be a backup, ascending. @throws SourceError */
  async names(signal?: AbortSignal): Promise<string[]> {
    const names: string[] = [];
    for await (const item of this.store.list(BACKUPS_PREFIX, { delimiter: "/", ...(signal && { signal }) })) {
      if (item.type !== "prefix") continue;
      const name = item.prefix.slice(BACKUPS_PREFIX.length, -1);
      if (isResourceName(name)) names.push(name);
    }
    return names;
  }

  /**
   * Undefined when there is no such backup.
   * @throws ConfigError for an impossible name; CorruptDataError, LimitError, SourceError.
   */
  async backup(name: string, signal?: AbortSignal): Promise<Backup | undefined> {
    const key = backupKeys(name).description;
    const backup = await this.#objects.read(key, backupSchema, signal);
    if (backup === undefined || backup.name === name) return backup;
    throw new CorruptDataError(
      { format: "velero", structure: key },
      `describes the backup ${JSON.stringify(backup.name)}`,
    );
  }

  /** As BackupContents says. */
  resourceList(name: string, signal?: AbortSignal): Promise<ResourceList | undefined> {
    return this.#contents.resourceList(name, signal);
  }

  /** As BackupContents says. */
  vm(backup: Backup, vm: VmReference, signal?: AbortSignal): Promise<BackedUpVm | undefined> {
    return this.#contents.vm(backup, vm, signal);
  }
}
