import { backupKeys } from "../../../velero/backup-layout.ts";
import type { DownloadRequest } from "../velero-resources.ts";

/**
 * What to ask Velero for instead of an object of the bucket; undefined for one that Velero hands out to nobody
 * (velero: pkg/apis/velero/v1/download_request_types.go).
 * @param key as `backupKeys` gives them. @throws ConfigError when it is none
 */
export function downloadTargetOf(key: string): DownloadRequest["spec"]["target"] | undefined {
  const name = key.split("/")[1] ?? "";
  const keys = backupKeys(name);
  if (key === keys.tarball) return { kind: "BackupContents", name };
  if (key === keys.resourceList) return { kind: "BackupResourceList", name };
  if (key === keys.volumeInfo) return { kind: "BackupVolumeInfos", name };
  if (key === keys.itemOperations) return { kind: "BackupItemOperations", name };
  return undefined;
}
