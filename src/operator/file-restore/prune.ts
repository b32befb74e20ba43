/** What Velero restored for backups that are no longer selected, or are read from the bucket by now. */
import { keyOf, type Stored } from "../../kube/resource-type.ts";
import { configMaps, persistentVolumeClaims } from "../../kube/resources.ts";
import { labels } from "../api/v1alpha1/names.ts";
import { type VeleroRestore, veleroRestores } from "../velero/velero-resources.ts";
import { childNames } from "./child-names.ts";
import { type ChildClient, children } from "./ensure.ts";
import type { RestoreOwner } from "./owner.ts";
import { deleteRestoredSnapshots } from "./restored-snapshots.ts";

/** @param namespace where its PVCs are */
export async function pruneRestore(
  client: ChildClient,
  owner: RestoreOwner,
  namespace: string,
  { metadata, spec }: Stored<VeleroRestore>,
): Promise<void> {
  const labelSelector = `${labels.restoreName}=${metadata.name}`;
  for (const claim of await children(client, persistentVolumeClaims, { namespace, labelSelector })) {
    // It goes when the pod that uses it does.
    await client.delete(persistentVolumeClaims, keyOf(claim), { uid: claim.metadata.uid });
  }
  await deleteRestoredSnapshots(client, namespace, metadata.name);
  const rules = { namespace: owner.namespace, name: childNames.resourceModifier(owner, spec.backupName) };
  await client.delete(configMaps, rules);
  await client.delete(veleroRestores, keyOf({ metadata }), { uid: metadata.uid });
}
