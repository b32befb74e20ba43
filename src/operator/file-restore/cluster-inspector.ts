import type { KubeClient } from "../../kube/kube-client.ts";
import type { Logger } from "../../kube/log.ts";
import { labels, labelValues } from "../api/v1alpha1/names.ts";
import { backupOf, storageLocationOf } from "../velero/cluster-backup.ts";
import { ContentsAccess } from "../velero/contents/contents-access.ts";
import { backupStorageLocations, veleroBackups } from "../velero/velero-resources.ts";
import type { RestoreOwner } from "./owner.ts";
import type { BackupInspector } from "./plan-disks.ts";

export interface ClusterInspector extends BackupInspector {
  close(): Promise<void>;
}

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
      const contents = await access.contentsIn(storageLocationOf(backup), signal);
      return contents.vm(backupOf(backup), vm, signal);
    },
    async unavailability(backup, signal) {
      const key = { namespace: owner.namespace, name: storageLocationOf(backup) };
      const location = await client.find(backupStorageLocations, key, { signal });
      const { phase, message = "no reason given" } = location?.status ?? {};
      return phase === "Unavailable" ? message : undefined;
    },
    close: () => access.close(),
  };
}
