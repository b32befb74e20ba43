/** What belongs to backups that are no longer selected. */
import { keyOf } from "../../kube/resource-type.ts";
import { configMaps, persistentVolumeClaims } from "../../kube/resources.ts";
import { annotations, labels } from "../api/v1alpha1/names.ts";
import { veleroRestores } from "../velero/velero-resources.ts";
import { childNames } from "./child-names.ts";
import { type ChildClient, children } from "./ensure.ts";
import { childSelector, type RestoreOwner } from "./owner.ts";

/** @param wanted names of the selected backups */
export async function pruneRestores(
  client: ChildClient,
  owner: RestoreOwner,
  namespace: string,
  wanted: ReadonlySet<string>,
): Promise<void> {
  const selection = { namespace: owner.namespace, labelSelector: childSelector(owner) };
  for (const restore of await children(client, veleroRestores, selection)) {
    const backup = restore.metadata.annotations?.[annotations.backupName] ?? restore.spec.backupName;
    if (wanted.has(backup)) continue;
    const labelSelector = `${labels.restoreName}=${restore.metadata.name}`;
    for (const claim of await children(client, persistentVolumeClaims, { namespace, labelSelector })) {
      // It goes when the pod that uses it does.
      await client.delete(persistentVolumeClaims, keyOf(claim), { uid: claim.metadata.uid });
    }
    const rules = { namespace: owner.namespace, name: childNames.resourceModifier(owner, backup) };
    await client.delete(configMaps, rules);
    await client.delete(veleroRestores, keyOf(restore), { uid: restore.metadata.uid });
  }
}
