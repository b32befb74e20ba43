import type { KubernetesObject } from "../control-plane/kubernetes-api.ts";
import type { VolumeMode } from "./volume-store.ts";

/** Name of the double's CSI driver, provisioner and VolumeSnapshotClass. */
export const DRIVER = "node-double.vmfr.test";

/** The StorageClass whose volumes are there at once; also the default class. */
export const STORAGE_CLASS = "node-double";

/** The StorageClass whose volumes wait for a pod that uses them. */
export const WAITING_STORAGE_CLASS = "node-double-waiting";

export const PVCS = "/api/v1/persistentvolumeclaims";
export const PVS = "/api/v1/persistentvolumes";
export const SNAPSHOT_API = "/apis/snapshot.storage.k8s.io/v1";

export interface PersistentVolumeClaim extends KubernetesObject {
  readonly metadata: KubernetesObject["metadata"] & { readonly namespace: string };
  readonly spec: {
    readonly accessModes: readonly string[];
    readonly storageClassName?: string;
    readonly volumeMode?: VolumeMode;
    readonly volumeName?: string;
    readonly selector?: object;
    readonly dataSource?: { readonly kind: string; readonly name: string };
    readonly resources: { readonly requests: { readonly storage: string } };
  };
  readonly status?: { readonly phase?: string };
}

export interface PersistentVolume extends KubernetesObject {
  readonly spec: {
    readonly csi?: { readonly driver: string; readonly volumeHandle: string };
    readonly persistentVolumeReclaimPolicy: string;
    readonly volumeMode?: VolumeMode;
    readonly capacity: { readonly storage: string };
  };
  readonly status?: { readonly phase?: string };
}

export interface VolumeSnapshot extends KubernetesObject {
  readonly metadata: KubernetesObject["metadata"] & { readonly namespace: string };
  readonly spec: {
    readonly volumeSnapshotClassName?: string;
    readonly source: { readonly persistentVolumeClaimName?: string; readonly volumeSnapshotContentName?: string };
  };
  readonly status?: { readonly boundVolumeSnapshotContentName?: string; readonly readyToUse?: boolean };
}

export interface VolumeSnapshotContent extends KubernetesObject {
  readonly spec: {
    readonly driver: string;
    readonly deletionPolicy: string;
    readonly volumeSnapshotRef: { readonly namespace: string; readonly name: string; readonly uid?: string };
    readonly source: { readonly volumeHandle?: string; readonly snapshotHandle?: string };
  };
  readonly status?: { readonly snapshotHandle?: string; readonly readyToUse?: boolean };
}

/** What an administrator creates for a CSI driver. */
export const storageClasses = [
  storageClass(STORAGE_CLASS, "Immediate", { "storageclass.kubernetes.io/is-default-class": "true" }),
  storageClass(WAITING_STORAGE_CLASS, "WaitForFirstConsumer", {}),
];

/** The label makes it the one Velero takes. */
export const snapshotClass = {
  apiVersion: "snapshot.storage.k8s.io/v1",
  kind: "VolumeSnapshotClass",
  metadata: { name: STORAGE_CLASS, labels: { "velero.io/csi-volumesnapshot-class": "true" } },
  driver: DRIVER,
  deletionPolicy: "Delete",
};

function storageClass(name: string, volumeBindingMode: string, annotations: Record<string, string>): object {
  return {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name, annotations },
    provisioner: DRIVER,
    reclaimPolicy: "Delete",
    volumeBindingMode,
  };
}

const UNITS = new Map([
  ["", 1],
  ["k", 1e3],
  ["M", 1e6],
  ["G", 1e9],
  ["Ki", 2 ** 10],
  ["Mi", 2 ** 20],
  ["Gi", 2 ** 30],
]);

/** Bytes of a quantity such as `64Mi`. */
export function bytesOf(quantity: string): number {
  const [, number, unit = ""] = /^(\d+)([A-Za-z]*)$/.exec(quantity) ?? [];
  const factor = UNITS.get(unit);
  if (number === undefined || factor === undefined) throw new Error(`cannot read the quantity ${quantity}`);
  return Number(number) * factor;
}
