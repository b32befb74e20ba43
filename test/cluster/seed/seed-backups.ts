import path from "node:path";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import type { Cluster } from "../control-plane/cluster.ts";
import type { NodeDouble } from "../node-double/node-double.ts";
import type { Velero } from "../velero/velero.ts";
import { type GuestFiles, makeGuestImage, sha256Of } from "./guest-image.ts";
import { claimOf, dataVolumeOf, type SeedVm, VM_LABEL, virtualMachineOf } from "./virtual-machine.ts";

const MEBIBYTE = 1024 * 1024;

/** One disk of each volume mode. */
export const SEED_VM: SeedVm = {
  namespace: "guests",
  name: "web-1",
  disks: [
    { name: "web-1-root", mode: "Block", bytes: 48 * MEBIBYTE },
    { name: "web-1-data", mode: "Filesystem", bytes: 32 * MEBIBYTE },
  ],
};

/** What a disk held when it was backed up. */
export interface SeededDisk {
  readonly sha256: string;
  readonly files: GuestFiles;
}

export interface SeededBackup {
  readonly name: string;
  /** By PVC name. */
  readonly disks: ReadonlyMap<string, SeededDisk>;
}

export interface SeedOptions {
  /** Of one namespace; the VM above alone unless given. */
  readonly vms?: readonly [SeedVm, ...SeedVm[]];
  /** Names of the backups, oldest first. */
  readonly backups: readonly string[];
  /** True, unless said otherwise: into the bucket's Kopia repository. False: CSI snapshots that stay in the cluster. */
  readonly moveData?: boolean;
  /** More of Velero's command line, such as a storage location. */
  readonly options?: readonly string[];
  /** What a disk holds at the time of a backup; something that tells both apart unless given. */
  readonly filesOf?: (disk: string, backup: string) => GuestFiles;
  /** Which of the VMs a backup is made of, by name; all unless given. */
  readonly isIn?: (vm: string, backup: string) => boolean;
}

/**
 * Creates the VMs' objects, and for each backup gives their disks new ext4 file systems and has the real
 * Velero back the namespace up. The PVCs carry the label that kubevirt-velero-plugin puts on their copies in
 * a backup, since that plugin's Go module is not to be had.
 */
export async function seedBackups(
  cluster: Cluster,
  node: NodeDouble,
  velero: Velero,
  { vms = [SEED_VM], backups, moveData = true, options = [], filesOf = defaultFiles, isIn = () => true }: SeedOptions,
): Promise<SeededBackup[]> {
  await requireDebianPackages("e2fsprogs");
  for (const vm of vms) await createVm(cluster, vm);
  const [{ namespace }] = vms;
  const seeded: SeededBackup[] = [];
  for (const backup of backups) {
    const included = vms.filter(({ name }) => isIn(name, backup));
    const disks = new Map<string, SeededDisk>();
    for (const disk of included.flatMap((vm) => vm.disks)) {
      const files = filesOf(disk.name, backup);
      const image = path.join(cluster.directory, `${backup}-${disk.name}.img`);
      await makeGuestImage(image, disk.bytes, files);
      await node.writeDisk(namespace, disk.name, image);
      disks.set(disk.name, { sha256: await sha256Of(image), files });
    }
    const selector = `${VM_LABEL} in (${included.map(({ name }) => name).join(",")})`;
    const chosen = included.length === vms.length ? [] : [`--selector=${selector}`];
    const what = [`--include-namespaces=${namespace}`, `--snapshot-move-data=${moveData}`, ...chosen];
    await velero.backUp(backup, ...what, ...options);
    seeded.push({ name: backup, disks });
  }
  return seeded;
}

async function createVm(cluster: Cluster, vm: SeedVm): Promise<void> {
  const { namespace } = vm;
  await cluster.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  await cluster.apply(...vm.disks.flatMap((disk) => [dataVolumeOf(vm, disk), claimOf(vm, disk)]), virtualMachineOf(vm));
  for (const { name } of vm.disks) {
    const claim = `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${name}`;
    const { metadata } = await cluster.api.get(claim);
    await cluster.api.patch(claim, { metadata: { labels: { "velero.kubevirt.io/pvc-uid": metadata.uid } } });
    await cluster.kubectl(
      ...["--namespace", namespace, "wait", "--for=jsonpath={.status.phase}=Bound", `pvc/${name}`, "--timeout=120s"],
    );
  }
}

function defaultFiles(disk: string, backup: string): GuestFiles {
  return {
    "etc/hostname": `${disk}\n`,
    "etc/nginx/nginx.conf": `# ${disk} at the time of ${backup}\nworker_processes auto;\n`,
    [`only-in-${backup}.txt`]: "x".repeat(100_000),
  };
}
