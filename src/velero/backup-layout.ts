/**
 * Where the objects of a backup lie below the root of a backup storage location, as Velero names them
 * (velero: pkg/persistence/object_store_layout.go).
 */
import { ConfigError } from "../errors.ts";

export const BACKUPS_PREFIX = "backups/";

export interface BackupKeys {
  /** The Backup resource, plain JSON. */
  readonly description: string;
  /** The backed-up resources. */
  readonly tarball: string;
  readonly resourceList: string;
  readonly volumeInfo: string;
  readonly podVolumeBackups: string;
  readonly itemOperations: string;
}

/** DNS-1123 subdomain, what Kubernetes accepts as the name of a Backup, VM, or PVC. */
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

export function isResourceName(name: string): boolean {
  return name.length <= 253 && SUBDOMAIN.test(name);
}

export function isNamespaceName(name: string): boolean {
  return name.length <= 63 && LABEL.test(name);
}

/** @throws ConfigError when no backup can have that name. */
export function backupKeys(name: string): BackupKeys {
  if (!isResourceName(name)) throw new ConfigError(`${JSON.stringify(name)} is not a valid name of a backup`);
  const stem = `${BACKUPS_PREFIX}${name}/${name}`;
  return {
    description: `${BACKUPS_PREFIX}${name}/velero-backup.json`,
    tarball: `${stem}.tar.gz`,
    resourceList: `${stem}-resource-list.json.gz`,
    volumeInfo: `${stem}-volumeinfo.json.gz`,
    podVolumeBackups: `${stem}-podvolumebackups.json.gz`,
    itemOperations: `${stem}-itemoperations.json.gz`,
  };
}

/**
 * The Kopia repository of a namespace, relative to the root of the backup storage location; ends in a slash.
 * One repository holds the volumes of every backup of that namespace (velero: pkg/repository/provider/unified_repo.go).
 */
export function kopiaRepositoryPrefix(namespace: string): string {
  return `kopia/${namespace}/`;
}
