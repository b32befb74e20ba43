import { STORAGE_CLASS } from "../node-double/storage-objects.ts";
import type { VolumeMode } from "../node-double/volume-store.ts";

/** A disk of a VM: a DataVolume and the PVC of the same name. */
export interface SeedDisk {
  readonly name: string;
  readonly mode: VolumeMode;
  readonly bytes: number;
}

export interface SeedVm {
  readonly namespace: string;
  readonly name: string;
  readonly disks: readonly SeedDisk[];
}

/** On every object of a VM, so that a backup can be of one VM of a namespace. */
export const VM_LABEL = "vm.kubevirt.io/name";

function metadataOf(vm: SeedVm, name: string, labels: Readonly<Record<string, string>> = {}): object {
  return { namespace: vm.namespace, name, labels: { [VM_LABEL]: vm.name, ...labels } };
}

/** A PVC as CDI makes it for a DataVolume. */
export function claimOf(vm: SeedVm, disk: SeedDisk): object {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: metadataOf(vm, disk.name, { app: "containerized-data-importer" }),
    spec: {
      accessModes: ["ReadWriteOnce"],
      storageClassName: STORAGE_CLASS,
      volumeMode: disk.mode,
      resources: { requests: { storage: String(disk.bytes) } },
    },
  };
}

export function dataVolumeOf(vm: SeedVm, disk: SeedDisk): object {
  return {
    apiVersion: "cdi.kubevirt.io/v1beta1",
    kind: "DataVolume",
    metadata: metadataOf(vm, disk.name),
    spec: {
      source: { blank: {} },
      storage: { volumeMode: disk.mode, resources: { requests: { storage: String(disk.bytes) } } },
    },
    status: { phase: "Succeeded", claimName: disk.name, progress: "100.0%" },
  };
}

/** The VM as KubeVirt stores it, stopped: so there is no VMI and nothing to freeze. */
export function virtualMachineOf(vm: SeedVm): object {
  const volumes = vm.disks.map((disk) => ({ name: disk.name, dataVolume: { name: disk.name } }));
  const disks = vm.disks.map((disk) => ({ name: disk.name, disk: { bus: "virtio" } }));
  return {
    apiVersion: "kubevirt.io/v1",
    kind: "VirtualMachine",
    metadata: metadataOf(vm, vm.name),
    spec: { runStrategy: "Halted", template: { spec: { domain: { devices: { disks } }, volumes } } },
    status: { printableStatus: "Stopped" },
  };
}
