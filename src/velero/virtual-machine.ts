/** A VirtualMachine's volumes as KubeVirt's API describes them (kubevirt: staging/src/kubevirt.io/api/core/v1). */
import { z } from "zod";
import { list, optional } from "./backup-object-reader.ts";

/** A volume of a VM that a PVC backs. A DataVolume's PVC bears the DataVolume's name. */
export interface ClaimedVolume {
  readonly volumeName: string;
  readonly pvcName: string;
  readonly hotplugged: boolean;
  readonly bootOrder?: number;
  readonly serial?: string;
}

/** A volume of a VM that holds no disk of its own in a backup. */
export interface VolumeWithoutDisk {
  readonly volumeName: string;
  /** Its key in the VM's specification: `cloudInitNoCloud`, `containerDisk`, … */
  readonly source: string;
  readonly pvcName?: string;
  /** A sentence. */
  readonly reason: string;
}

export interface VirtualMachineVolumes {
  readonly claimed: readonly ClaimedVolume[];
  readonly withoutDisk: readonly VolumeWithoutDisk[];
}

const hotpluggable = optional(z.boolean());

const volume = z.looseObject({
  name: z.string(),
  dataVolume: optional(z.object({ name: z.string(), hotpluggable })),
  persistentVolumeClaim: optional(z.object({ claimName: z.string(), hotpluggable })),
  memoryDump: optional(z.object({ claimName: z.string() })),
  ephemeral: optional(z.object({ persistentVolumeClaim: optional(z.object({ claimName: z.string() })) })),
});

const disk = z.object({
  name: z.string(),
  bootOrder: optional(z.number().int().min(0)),
  serial: optional(z.string()),
});

const instanceSpecification = z.object({
  domain: optional(z.object({ devices: optional(z.object({ disks: list(disk) })) })),
  volumes: list(volume),
});
type InstanceSpecification = z.output<typeof instanceSpecification>;

export const virtualMachineSchema = z.object({
  kind: z.literal("VirtualMachine"),
  spec: z.object({ template: z.object({ spec: instanceSpecification }) }),
});
export type VirtualMachine = z.output<typeof virtualMachineSchema>;

export const virtualMachineInstanceSchema = z.object({
  kind: z.literal("VirtualMachineInstance"),
  spec: instanceSpecification,
  status: optional(z.object({ conditions: list(z.object({ type: z.string(), status: z.string() })) })),
});
export type VirtualMachineInstance = z.output<typeof virtualMachineInstanceSchema>;

/** Why each kind of volume has no disk to look into. */
const WITHOUT_DISK: Readonly<Record<string, string>> = {
  cloudInitNoCloud: "cloud-init data, made from the VM's description at every start",
  cloudInitConfigDrive: "cloud-init data, made from the VM's description at every start",
  containerDisk: "a container image, fetched anew at every start; what the guest wrote to it is lost",
  ephemeral: "an ephemeral overlay; what the guest wrote to it was lost at its last stop",
  emptyDisk: "an empty scratch disk that lives and ends with the running VM",
  hostDisk: "a file on the node the VM ran on; backups do not hold it",
  memoryDump: "a dump of the VM's memory, not a disk",
  configMap: "made from a ConfigMap at every start",
  secret: "made from a Secret at every start",
  serviceAccount: "made from a ServiceAccount at every start",
  sysprep: "a Windows answer file, made from a ConfigMap or Secret at every start",
  downwardAPI: "made from the VM's own description at every start",
  downwardMetrics: "metrics of the running host, not a disk",
};

/**
 * The volumes of the VM's template, and behind them those that only the running instance had (hot-plugged).
 * A PVC appears once, however many volumes refer to it.
 */
export function volumesOf(
  machine: VirtualMachine,
  instance: VirtualMachineInstance | undefined,
): VirtualMachineVolumes {
  const claimed = new Map<string, ClaimedVolume>();
  const withoutDisk = new Map<string, VolumeWithoutDisk>();
  const template = machine.spec.template.spec;
  const inTemplate = new Set(template.volumes.map((each) => each.name));
  for (const specification of instance === undefined ? [template] : [template, instance.spec]) {
    for (const each of specification.volumes) {
      const found = classify(each, specification, !inTemplate.has(each.name));
      if ("reason" in found) withoutDisk.set(each.name, found);
      else if (!claimed.has(found.pvcName)) claimed.set(found.pvcName, found);
    }
  }
  return { claimed: [...claimed.values()], withoutDisk: [...withoutDisk.values()] };
}

function classify(
  each: z.output<typeof volume>,
  specification: InstanceSpecification,
  onlyInInstance: boolean,
): ClaimedVolume | VolumeWithoutDisk {
  const pvcName = each.dataVolume?.name ?? each.persistentVolumeClaim?.claimName;
  if (pvcName !== undefined) {
    const device = specification.domain?.devices?.disks.find((candidate) => candidate.name === each.name);
    const hotplug = each.dataVolume?.hotpluggable ?? each.persistentVolumeClaim?.hotpluggable ?? false;
    return {
      volumeName: each.name,
      pvcName,
      hotplugged: hotplug || onlyInInstance,
      ...(device?.bootOrder === undefined ? {} : { bootOrder: device.bootOrder }),
      ...(device?.serial === undefined ? {} : { serial: device.serial }),
    };
  }
  const source = Object.keys(each).find((key) => key !== "name" && each[key] !== undefined) ?? "unknown";
  const claim = each.memoryDump?.claimName ?? each.ephemeral?.persistentVolumeClaim?.claimName;
  return {
    volumeName: each.name,
    source,
    ...(claim === undefined ? {} : { pvcName: claim }),
    reason: Object.hasOwn(WITHOUT_DISK, source)
      ? (WITHOUT_DISK[source] ?? "")
      : `a volume of a kind vmfr does not know (${source})`,
  };
}
