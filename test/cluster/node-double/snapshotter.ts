import type { KubernetesApi } from "../control-plane/kubernetes-api.ts";
import {
  bytesOf,
  DRIVER,
  type PersistentVolume,
  type PersistentVolumeClaim,
  PVS,
  SNAPSHOT_API,
  STORAGE_CLASS,
  snapshotClass,
  type VolumeSnapshot,
  type VolumeSnapshotContent,
} from "./storage-objects.ts";
import type { VolumeStore } from "./volume-store.ts";

const CONTENTS = `${SNAPSHOT_API}/volumesnapshotcontents`;

/**
 * Plays the CSI snapshot controller and the snapshotting half of the driver: a VolumeSnapshot of a claim is
 * a copy of its volume; one that names a content is bound to it.
 */
export class Snapshotter {
  readonly #api: KubernetesApi;
  readonly #store: VolumeStore;

  constructor(api: KubernetesApi, store: VolumeStore) {
    this.#api = api;
    this.#store = store;
  }

  async sync(): Promise<void> {
    // Before the snapshots: a content whose snapshot was made meanwhile must not look abandoned.
    const contents = await this.#api.list<VolumeSnapshotContent>(CONTENTS);
    const snapshots = await this.#api.list<VolumeSnapshot>(`${SNAPSHOT_API}/volumesnapshots`);
    for (const snapshot of snapshots) {
      if (snapshot.status?.readyToUse === true || snapshot.metadata.deletionTimestamp !== undefined) continue;
      if (snapshot.spec.source.persistentVolumeClaimName !== undefined) await this.#take(snapshot);
      else await this.#bind(snapshot);
    }
    const alive = new Set(snapshots.map((snapshot) => snapshot.metadata.uid));
    for (const content of contents) await this.#collect(content, alive);
  }

  async #take(snapshot: VolumeSnapshot): Promise<void> {
    const { namespace, name, uid } = snapshot.metadata;
    const volume = await this.#volumeOf(namespace, String(snapshot.spec.source.persistentVolumeClaimName));
    if (volume?.spec.csi === undefined) return;
    const snapshotHandle = `snapshot-${uid}`;
    const contentName = `snapcontent-${uid}`;
    await this.#store.copy(volume.spec.csi.volumeHandle, snapshotHandle);
    if ((await this.#api.find(`${CONTENTS}/${contentName}`)) === undefined) {
      await this.#api.create(CONTENTS, {
        apiVersion: "snapshot.storage.k8s.io/v1",
        kind: "VolumeSnapshotContent",
        metadata: { name: contentName },
        spec: {
          driver: DRIVER,
          deletionPolicy: snapshotClass.deletionPolicy,
          volumeSnapshotClassName: snapshot.spec.volumeSnapshotClassName ?? STORAGE_CLASS,
          volumeSnapshotRef: { kind: "VolumeSnapshot", namespace, name, uid },
          source: { volumeHandle: volume.spec.csi.volumeHandle },
          sourceVolumeMode: volume.spec.volumeMode,
        },
      });
    }
    await this.#setReady(snapshot, contentName, snapshotHandle, volume.spec.capacity.storage);
  }

  /** A content that exists before its snapshot, as restores make them. */
  async #bind(snapshot: VolumeSnapshot): Promise<void> {
    const contentName = String(snapshot.spec.source.volumeSnapshotContentName);
    const content = await this.#api.find<VolumeSnapshotContent>(`${CONTENTS}/${contentName}`);
    const handle = content?.spec.source.snapshotHandle;
    if (content === undefined || handle === undefined) return;
    const { namespace, name, uid } = snapshot.metadata;
    const wanted = content.spec.volumeSnapshotRef;
    if (wanted.namespace !== namespace || wanted.name !== name) return;
    await this.#api.patch(`${CONTENTS}/${contentName}`, { spec: { volumeSnapshotRef: { uid } } });
    await this.#setReady(snapshot, contentName, handle, undefined);
  }

  async #setReady(snapshot: VolumeSnapshot, content: string, handle: string, size: string | undefined): Promise<void> {
    const { namespace, name } = snapshot.metadata;
    const now = Date.now();
    await this.#api.patch(`${CONTENTS}/${content}/status`, {
      status: {
        snapshotHandle: handle,
        readyToUse: true,
        creationTime: now * 1_000_000,
        ...(size === undefined ? {} : { restoreSize: bytesOf(size) }),
      },
    });
    await this.#api.patch(`${SNAPSHOT_API}/namespaces/${namespace}/volumesnapshots/${name}/status`, {
      status: {
        boundVolumeSnapshotContentName: content,
        readyToUse: true,
        creationTime: new Date(now).toISOString(),
        ...(size === undefined ? {} : { restoreSize: size }),
      },
    });
  }

  /** A content outlives its snapshot only when it is to be retained. */
  async #collect(content: VolumeSnapshotContent, alive: ReadonlySet<string>): Promise<void> {
    const { deletionPolicy, volumeSnapshotRef } = content.spec;
    if (deletionPolicy !== "Delete" || volumeSnapshotRef.uid === undefined || alive.has(volumeSnapshotRef.uid)) return;
    await this.#api.delete(`${CONTENTS}/${content.metadata.name}`);
    if (content.status?.snapshotHandle !== undefined) this.#store.remove(content.status.snapshotHandle);
  }

  async #volumeOf(namespace: string, claimName: string): Promise<PersistentVolume | undefined> {
    const path = `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${claimName}`;
    const claim = await this.#api.find<PersistentVolumeClaim>(path);
    if (claim?.status?.phase !== "Bound") return undefined;
    return this.#api.get<PersistentVolume>(`${PVS}/${claim.spec.volumeName}`);
  }
}
