/** A VM's backups in a bucket as a restore tree wants them: Velero says which, Kopia hands out the bytes. */
import type { Limits } from "../bytes/limits.ts";
import type { Disk } from "../disk/disk.ts";
import { openDisk } from "../disk/open-disk.ts";
import { SourceError, UnsupportedFeatureError } from "../errors.ts";
import { KopiaRepository } from "../kopia/kopia-repository.ts";
import type { Snapshot } from "../kopia/manifests.ts";
import type { ObjectStore } from "../object-store/object-store.ts";
import type { BackedUpVolume } from "../velero/backed-up-vm.ts";
import { BackupCatalog } from "../velero/backup-catalog.ts";
import type { VmReference } from "../velero/backup-resources.ts";
import { type DiscoveryProgress, discoverBackups } from "../velero/discovery.ts";
import type { BackupDiscovery, ValidBackup } from "../velero/discovery-result.ts";
import type { KopiaLocation, SnapshotReference } from "../velero/volume-location.ts";
import type { TreeBackup, TreeDisk } from "./tree-backup.ts";

export interface BucketBackupsOptions {
  /** Rooted at the backup storage location: the folder that holds `backups/` and `kopia/`. Stays the caller's to close. */
  readonly store: ObjectStore;
  readonly vm: VmReference;
  /** Names; together with a time range the union of both, without either every backup. */
  readonly backups?: readonly string[];
  /** RFC 3339 or a date (UTC); both ends belong to the range. */
  readonly from?: string;
  readonly to?: string;
  readonly includePartiallyFailed?: boolean;
  /** Of the Kopia repositories: the key `repository-password` of Velero's Secret `velero-repo-credentials`. */
  readonly repositoryPassword: string;
  /** Bytes of decrypted chunks each repository keeps in memory. */
  readonly cacheBytes?: number;
  readonly limits?: Limits;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: DiscoveryProgress) => void;
}

export interface BucketBackups {
  /** Newest first; only valid ones. Their disks open on first use. */
  readonly backups: readonly TreeBackup[];
  /** All that were looked at, with the reasons of those left out. */
  readonly discovery: BackupDiscovery;
  /** Closes the repositories; disks opened from here read nothing afterwards. */
  close(): Promise<void>;
}

/** @throws ConfigError for an impossible VM name or time; SourceError when the backups cannot be listed. */
export async function openBucketBackups(options: BucketBackupsOptions): Promise<BucketBackups> {
  const { store, vm, backups, from, to, includePartiallyFailed, limits, signal, onProgress } = options;
  const request = {
    vm,
    ...(backups && { requestedBackups: backups }),
    ...(from !== undefined && { startTime: from }),
    ...(to !== undefined && { endTime: to }),
    ...(includePartiallyFailed !== undefined && { includePartiallyFailed }),
  };
  const catalog = new BackupCatalog(store, limits);
  const discovery = await discoverBackups(catalog, request, {
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  });
  const repositories = new Repositories(options);
  return {
    backups: discovery.validBackups.map((backup) => treeBackup(backup, vm, repositories)),
    discovery,
    close: () => repositories.close(),
  };
}

function treeBackup(backup: ValidBackup, vm: VmReference, repositories: Repositories): TreeBackup {
  return {
    name: backup.name,
    vm,
    ...(backup.createdAt !== undefined && { completedAt: new Date(backup.createdAt) }),
    disks: (backup.volumes ?? []).map((volume) => treeDisk(volume, repositories)),
  };
}

function treeDisk(volume: BackedUpVolume, repositories: Repositories): TreeDisk {
  const { pvcName: name, location } = volume;
  if (location.kind === "unreadable") {
    const open = () => Promise.reject(new SourceError(`${name}: ${location.reason}`, { retryable: false }));
    return { name, unavailable: location.reason, open };
  }
  // What was read from a device is the disk; a file system holds the image among other things.
  const size = volume.volumeMode === "Block" ? (volume.uploadedBytes ?? 0) : 0;
  const open = (signal?: AbortSignal) => openVolume(volume, location, repositories, signal);
  return { name, ...(size > 0 && { size }), open };
}

async function openVolume(
  { pvcName, volumeMode }: BackedUpVolume,
  location: KopiaLocation,
  repositories: Repositories,
  signal?: AbortSignal,
): Promise<Disk> {
  const repository = await repositories.open(location.repository);
  const snapshot = await findSnapshot(repository, location.snapshot, signal);
  const { source, layout } = await repository.openDiskOf(snapshot, signal);
  try {
    const isDevice = layout === "block";
    if (volumeMode !== undefined && isDevice !== (volumeMode === "Block")) {
      const found = isDevice ? "a device" : "files";
      throw new UnsupportedFeatureError("velero", [`${found} in the snapshot of the ${volumeMode} volume ${pvcName}`]);
    }
    // KubeVirt's disks on volumes are raw. Probing would let a guest pass its own bytes off as another format.
    return await openDisk(source, { format: "raw", ...(signal && { signal }) });
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function findSnapshot(
  repository: KopiaRepository,
  reference: SnapshotReference,
  signal?: AbortSignal,
): Promise<Snapshot> {
  if ("manifestId" in reference) return repository.snapshot(reference.manifestId, signal);
  const [snapshot, ...others] = await repository.findSnapshots(reference, signal);
  if (snapshot !== undefined && others.length === 0) return snapshot;
  const found = snapshot === undefined ? "no snapshot" : `${others.length + 1} snapshots`;
  throw new SourceError(`${repository.name}: the upload of this backup left ${found} of ${reference.path}`, {
    retryable: false,
  });
}

/** Repositories by prefix, each opened once however many disks of however many backups lie in it. */
class Repositories {
  readonly #options: BucketBackupsOptions;
  readonly #opened = new Map<string, Promise<KopiaRepository>>();
  #closed = false;

  constructor(options: BucketBackupsOptions) {
    this.#options = options;
  }

  /** A failed attempt is forgotten, so that the next disk tries again. Not bound to any caller's signal: others wait too. */
  open(prefix: string): Promise<KopiaRepository> {
    if (this.#closed) return Promise.reject(new SourceError("the backups are already closed", { retryable: false }));
    const known = this.#opened.get(prefix);
    if (known !== undefined) return known;
    const { store, repositoryPassword, cacheBytes, limits } = this.#options;
    const opening = KopiaRepository.open(store, prefix, repositoryPassword, {
      ...(cacheBytes !== undefined && { cacheBytes }),
      ...(limits && { limits }),
    });
    this.#opened.set(prefix, opening);
    opening.catch(() => this.#opened.delete(prefix));
    return opening;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const opened = await Promise.allSettled(this.#opened.values());
    this.#opened.clear();
    await Promise.all(opened.map((each) => (each.status === "fulfilled" ? each.value.close() : undefined)));
  }
}
