import type { KubeClient } from "../../kube/kube-client.ts";
import type { Logger } from "../../kube/log.ts";
import { labels, labelValues } from "../api/v1alpha1/names.ts";
import { backupOf } from "../velero/cluster-backup.ts";
import { ContentsAccess } from "../velero/contents/contents-access.ts";
import { type VeleroBackup, veleroBackups } from "../velero/velero-resources.ts";
import type { RestoreOwner } from "./owner.ts";
import type { BackupInspector } from "./plan-disks.ts";

export interface ClusterInspector extends BackupInspector {
  close(): Promise<void>;
}

/** Velero keeps a Backup without the field in its default location, which has this name unless told otherwise. */
const DEFAULT_LOCATION = "default";

/** Backups as the cluster's API and Velero's storage have them, read on behalf of one file restore. */
export function clusterInspector(client: KubeClient, owner: RestoreOwner, log: Logger): ClusterInspector {
  const access = new ContentsAccess({
    client,
    namespace: owner.namespace,
    owner: owner.uid,
    labels: { [labels.originUid]: owner.uid, [labels.managedBy]: labelValues.managedBy },
    log,
  });
  return {
    find: ({ namespace, name }, signal) => client.find(veleroBackups, { namespace, name }, { signal }),
    async vm(backup, vm, signal) {
      const contents = await access.contentsIn(locationOf(backup), signal);
      return contents.vm(backupOf(backup), vm, signal);
    },
    async storageLocations(backups, signal) {
      const found = await Promise.all(
        backups.map(({ namespace, name }) => client.find(veleroBackups, { namespace, name }, { signal })),
      );
      return [...new Set(found.filter((backup) => backup !== undefined).map(locationOf))];
    },
    close: () => access.close(),
  };
}

function locationOf({ spec }: VeleroBackup): string {
  return spec?.storageLocation ?? DEFAULT_LOCATION;
}
