import type { KubernetesApi } from "../control-plane/kubernetes-api.ts";
import {
  bytesOf,
  DRIVER,
  type PersistentVolume,
  type PersistentVolumeClaim,
  PVCS,
  PVS,
  SNAPSHOT_API,
  STORAGE_CLASS,
  type VolumeSnapshot,
  type VolumeSnapshotContent,
  WAITING_STORAGE_CLASS,
} from "./storage-objects.ts";
import type { VolumeStore } from "./volume-store.ts";

/** Set by the scheduler on a claim that waits for its first consumer. */
export const SELECTED_NODE = "volume.kubernetes.io/selected-node";

/**
 * The part of a CSI driver that makes volumes for claims and removes those nobody needs any more. Binding
 * is done by the real kube-controller-manager.
 */
export class Provisioner {
  readonly #api: KubernetesApi;
  readonly #store: VolumeStore;

  constructor(api: KubernetesApi, store: VolumeStore) {
    this.#api = api;
    this.#store = store;
  }

  async sync(): Promise<void> {
    const volumes = await this.#api.list<PersistentVolume>(PVS);
    const existing = new Set(volumes.map((volume) => volume.metadata.name));
    for (const claim of await this.#api.list<PersistentVolumeClaim>(PVCS)) {
      if (isWaitingForVolume(claim) && !existing.has(volumeNameOf(claim))) await this.#provision(claim);
    }
    for (const volume of volumes) await this.#reclaim(volume);
  }

  async #provision(claim: PersistentVolumeClaim): Promise<void> {
    const handle = volumeNameOf(claim);
    const { volumeMode = "Filesystem", accessModes, storageClassName, resources } = claim.spec;
    const bytes = bytesOf(resources.requests.storage);
    const source = await this.#sourceOf(claim);
    if (source === "pending") return;
    if (source === undefined) this.#store.create(handle, volumeMode, bytes);
    else await this.#store.copy(source, handle);
    if (source !== undefined && volumeMode === "Block") this.#store.grow(handle, bytes);
    const { namespace, name, uid } = claim.metadata;
    await this.#api.create(PVS, {
      metadata: { name: handle, annotations: { "pv.kubernetes.io/provisioned-by": DRIVER } },
      spec: {
        accessModes,
        storageClassName,
        volumeMode,
        capacity: { storage: resources.requests.storage },
        csi: { driver: DRIVER, volumeHandle: handle },
        claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid },
        persistentVolumeReclaimPolicy: "Delete",
      },
    });
  }

  /** The handle of what the new volume is a copy of; `pending` while that is not ready. */
  async #sourceOf(claim: PersistentVolumeClaim): Promise<string | "pending" | undefined> {
    const { dataSource } = claim.spec;
    if (dataSource === undefined) return undefined;
    const { namespace } = claim.metadata;
    if (dataSource.kind === "VolumeSnapshot") {
      const snapshot = await this.#api.find<VolumeSnapshot>(
        `${SNAPSHOT_API}/namespaces/${namespace}/volumesnapshots/${dataSource.name}`,
      );
      const { readyToUse, boundVolumeSnapshotContentName: bound } = snapshot?.status ?? {};
      if (readyToUse !== true || bound === undefined) return "pending";
      const content = await this.#api.get<VolumeSnapshotContent>(`${SNAPSHOT_API}/volumesnapshotcontents/${bound}`);
      return content.status?.snapshotHandle ?? "pending";
    }
    const origin = await this.#api.find<PersistentVolumeClaim>(
      `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${dataSource.name}`,
    );
    return origin?.spec.volumeName ?? "pending";
  }

  async #reclaim(volume: PersistentVolume): Promise<void> {
    const { csi, persistentVolumeReclaimPolicy } = volume.spec;
    if (csi?.driver !== DRIVER || volume.status?.phase !== "Released") return;
    if (persistentVolumeReclaimPolicy !== "Delete") return;
    await this.#api.delete(`${PVS}/${volume.metadata.name}`);
    this.#store.remove(csi.volumeHandle);
  }
}

/** A claim with a selector is bound to an existing volume: the restoring half of Velero's data mover relies on that. */
function isWaitingForVolume({ metadata, spec, status }: PersistentVolumeClaim): boolean {
  if (status?.phase !== "Pending" || spec.volumeName !== undefined || spec.selector !== undefined) return false;
  if (metadata.deletionTimestamp !== undefined) return false;
  if (spec.storageClassName === WAITING_STORAGE_CLASS) return metadata.annotations?.[SELECTED_NODE] !== undefined;
  return spec.storageClassName === STORAGE_CLASS;
}

function volumeNameOf(claim: PersistentVolumeClaim): string {
  return `pvc-${claim.metadata.uid}`;
}
