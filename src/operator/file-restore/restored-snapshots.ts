/** What Velero restores beside the PVC of a disk whose data is in a CSI snapshot: the snapshot's objects. */
import { type KubeObject, keyOf, type ResourceType } from "../../kube/resource-type.ts";
import { labels } from "../api/v1alpha1/names.ts";
import { type ChildClient, children } from "./ensure.ts";

const SNAPSHOT_API = { group: "snapshot.storage.k8s.io", version: "v1" } as const;

const volumeSnapshots: ResourceType = {
  ...SNAPSHOT_API,
  kind: "VolumeSnapshot",
  plural: "volumesnapshots",
  namespaced: true,
};

interface VolumeSnapshotContent extends KubeObject {
  readonly spec: {
    readonly deletionPolicy: "Delete" | "Retain";
    readonly volumeSnapshotRef: { readonly name: string };
  };
}

const volumeSnapshotContents: ResourceType<VolumeSnapshotContent> = {
  ...SNAPSHOT_API,
  kind: "VolumeSnapshotContent",
  plural: "volumesnapshotcontents",
  namespaced: false,
};

/**
 * Velero makes contents that retain the snapshot, which is the backup's own, and that nobody deletes: they belong to
 * no namespace. One with another policy is left alone, for the backup's data would go with it.
 * @param namespace where the VolumeSnapshots are, as far as that is known
 */
export async function deleteRestoredSnapshots(
  client: ChildClient,
  namespace: string | undefined,
  restore: string,
): Promise<void> {
  const labelSelector = `${labels.restoreName}=${restore}`;
  const contents = await children(client, volumeSnapshotContents, { labelSelector });
  const retained = contents.filter(({ spec }) => spec.deletionPolicy === "Retain");
  for (const content of retained) {
    if (content.metadata.deletionTimestamp !== undefined) continue;
    await client.delete(volumeSnapshotContents, keyOf(content), { uid: content.metadata.uid });
  }
  if (namespace === undefined || namespace === "") return;
  const names = new Set(retained.map(({ spec }) => spec.volumeSnapshotRef.name));
  for (const snapshot of await children(client, volumeSnapshots, { namespace, labelSelector })) {
    if (snapshot.metadata.deletionTimestamp !== undefined || !names.has(snapshot.metadata.name)) continue;
    await client.delete(volumeSnapshots, keyOf(snapshot), { uid: snapshot.metadata.uid });
  }
}
