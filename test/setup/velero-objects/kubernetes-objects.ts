/** The Kubernetes objects of a planned backup, as the API server returns them and plugins annotate them. */
import type { JsonObject, PlannedBackup, PlannedVm, PlannedVolume } from "./backup-plan.ts";
import { uidOf } from "./identifiers.ts";

export interface StoredObject {
  /** `<plural>[.<group>]`. */
  readonly resource: string;
  readonly version: string;
  /** `namespaces/<namespace>/<name>.json` or `cluster/<name>.json`. */
  readonly place: string;
  object: JsonObject;
}

/** In the order they are written; finds by kind and name for tests that bend one. */
export class KubernetesObjects implements Iterable<StoredObject> {
  readonly #stored: StoredObject[] = [];
  readonly #listed = new Map<string, Set<string>>();

  constructor(plan: PlannedBackup) {
    for (const namespace of new Set(plan.vms.map((vm) => vm.namespace))) this.#addNamespace(namespace);
    for (const vm of plan.vms) this.#addVm(vm, plan);
    for (const { namespace, name } of plan.configMaps ?? []) {
      this.add("configmaps", "v1", namespace, {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name, namespace },
        data: {},
      });
    }
  }

  [Symbol.iterator](): Iterator<StoredObject> {
    return this.#stored[Symbol.iterator]();
  }

  get size(): number {
    return this.#stored.length;
  }

  /** @throws when there is none. */
  find(resource: string, name: string): StoredObject {
    const found = this.#stored.find((each) => each.resource === resource && each.place.endsWith(`/${name}.json`));
    if (found === undefined) throw new Error(`no ${resource} ${name} in this backup`);
    return found;
  }

  remove(resource: string, name: string): void {
    this.#stored.splice(this.#stored.indexOf(this.find(resource, name)), 1);
  }

  /** `listed` is false for what joins the tarball after the resource list was written (DataUploads). */
  add(resource: string, version: string, namespace: string | undefined, object: JsonObject, listed = true): void {
    const { apiVersion, kind, metadata } = object;
    const { name } = metadata as { name: string };
    const scope = namespace === undefined ? "cluster" : `namespaces/${namespace}`;
    this.#stored.push({ resource, version, place: `${scope}/${name}.json`, object });
    if (!listed) return;
    const key = `${String(apiVersion)}/${String(kind)}`;
    const names = this.#listed.get(key) ?? new Set();
    this.#listed.set(key, names.add(namespace === undefined ? name : `${namespace}/${name}`));
  }

  /** The resource list: kind to sorted names. */
  list(): JsonObject {
    return Object.fromEntries([...this.#listed].map(([kind, names]) => [kind, [...names].sort()]));
  }

  #addNamespace(name: string): void {
    const metadata = { name, uid: uidOf("namespace", name) };
    this.add("namespaces", "v1", undefined, { apiVersion: "v1", kind: "Namespace", metadata });
  }

  #addVm(vm: PlannedVm, plan: PlannedBackup): void {
    this.add("virtualmachines.kubevirt.io", "v1", vm.namespace, {
      apiVersion: "kubevirt.io/v1",
      kind: "VirtualMachine",
      metadata: metadataOf(vm, vm.name, "vm"),
      spec: { runStrategy: vm.running ? "Always" : "Halted", template: { spec: instanceSpecification(vm) } },
      status: { created: vm.running !== undefined, printableStatus: vm.running ? "Running" : "Stopped" },
    });
    if (vm.running) this.#addRunning(vm, vm.running);
    for (const volume of vm.volumes) {
      if (volume.dataVolume) this.#addDataVolume(vm, volume);
      if (volume.data.kind !== "not-backed-up") this.#addClaim(vm, volume, plan);
    }
  }

  #addRunning(vm: PlannedVm, running: { readonly agentConnected: boolean; readonly freezeHooks: boolean }): void {
    this.add("virtualmachineinstances.kubevirt.io", "v1", vm.namespace, {
      apiVersion: "kubevirt.io/v1",
      kind: "VirtualMachineInstance",
      metadata: metadataOf(vm, vm.name, "vmi"),
      spec: instanceSpecification(vm),
      status: {
        phase: "Running",
        conditions: [
          { type: "Ready", status: "True" },
          ...(running.agentConnected ? [{ type: "AgentConnected", status: "True" }] : []),
        ],
      },
    });
    const command = `["/usr/bin/virt-freezer","--freeze","--name","${vm.name}","--namespace","${vm.namespace}"]`;
    const podName = `virt-launcher-${vm.name}-x7k2p`;
    this.add("pods", "v1", vm.namespace, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        ...metadataOf(vm, podName, "pod"),
        labels: { "kubevirt.io": "virt-launcher" },
        annotations: {
          "kubevirt.io/domain": vm.name,
          ...(running.freezeHooks && {
            "pre.hook.backup.velero.io/container": "compute",
            "pre.hook.backup.velero.io/command": command,
          }),
        },
      },
    });
  }

  #addDataVolume(vm: PlannedVm, { pvcName, capacity }: PlannedVolume): void {
    this.add("datavolumes.cdi.kubevirt.io", "v1beta1", vm.namespace, {
      apiVersion: "cdi.kubevirt.io/v1beta1",
      kind: "DataVolume",
      metadata: {
        ...metadataOf(vm, pvcName, "dv"),
        annotations: { "cdi.kubevirt.io/storage.prePopulated": pvcName },
      },
      spec: { source: { blank: {} }, storage: { resources: { requests: { storage: capacity ?? "1Gi" } } } },
      status: { phase: "Succeeded", claimName: pvcName },
    });
  }

  #addClaim(vm: PlannedVm, volume: PlannedVolume, plan: PlannedBackup): void {
    const { pvcName, data } = volume;
    const uid = uidOf("pvc", vm.namespace, pvcName);
    const storage = volume.capacity ?? "1Gi";
    const isSnapshotted = data.kind === "moved" || data.kind === "upload" || data.kind === "csi-snapshot";
    const snapshot = isSnapshotted && { "velero.io/volume-snapshot-name": `velero-${pvcName}-x1` };
    const isMoved = data.kind === "moved" || data.kind === "upload";
    this.add("persistentvolumeclaims", "v1", vm.namespace, {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: {
        ...metadataOf(vm, pvcName, "pvc"),
        labels: { "velero.io/backup-name": plan.name, "velero.kubevirt.io/pvc-uid": uid, ...snapshot },
        annotations: {
          ...snapshot,
          ...(isMoved && { "velero.io/data-upload-name": `velero/${plan.name}-${pvcName}` }),
          ...volume.annotations,
        },
      },
      spec: {
        accessModes: ["ReadWriteMany"],
        resources: { requests: { storage } },
        storageClassName: "ceph-rbd",
        // Kubernetes' own default, spelled out by the API server.
        volumeMode: volume.mode ?? "Filesystem",
        volumeName: `pvc-${uid}`,
      },
      status: { phase: "Bound", accessModes: ["ReadWriteMany"], capacity: { storage } },
    });
  }
}

function metadataOf(vm: PlannedVm, name: string, kind: string): JsonObject {
  return {
    name,
    namespace: vm.namespace,
    uid: uidOf(kind, vm.namespace, name),
    creationTimestamp: "2026-09-01T06:00:00Z",
  };
}

function instanceSpecification(vm: PlannedVm): JsonObject {
  const nameOf = (volume: PlannedVolume) => volume.volumeName ?? volume.pvcName;
  return {
    domain: {
      devices: {
        disks: vm.volumes.map((volume) => ({
          name: nameOf(volume),
          ...(volume.bootOrder !== undefined && { bootOrder: volume.bootOrder }),
          disk: { bus: "virtio" },
        })),
      },
    },
    volumes: [
      ...vm.volumes.map((volume) => ({
        name: nameOf(volume),
        ...(volume.dataVolume
          ? { dataVolume: { name: volume.pvcName } }
          : { persistentVolumeClaim: { claimName: volume.pvcName } }),
      })),
      ...(vm.otherVolumes ?? []),
    ],
  };
}
