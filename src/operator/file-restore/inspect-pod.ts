/** What the pod has found on the disks, or why it does not run. */
import type { ContainerStatus } from "kubernetes-types/core/v1.js";
import type { Stored } from "../../kube/resource-type.ts";
import type { Pod } from "../../kube/resources.ts";
import type { DiskInventory, Inventory } from "../../restore-tree/tree-node.ts";
import {
  type PvcBackupRestore,
  type PvcRestore,
  pvcStates,
  type RestoredFileSystem,
} from "../api/v1alpha1/pvc-restore.ts";

/** Asks a running pod; rejects when it does not answer. */
export type FetchInventory = (pod: Stored<Pod>, signal: AbortSignal) => Promise<Inventory>;

export function isReady({ status }: Stored<Pod>): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") ?? false;
}

/** The init container is done: the inventory is there although perhaps nothing can be served. */
export function isRunning({ status }: Stored<Pod>): boolean {
  return status?.phase === "Running";
}

/** In the words of the scheduler, the kubelet or the container itself. */
export function whyNotReady({ metadata, status }: Stored<Pod>): string {
  const unscheduled = status?.conditions?.find(
    ({ type, status: value }) => type === "PodScheduled" && value === "False",
  );
  if (unscheduled !== undefined)
    return `pod ${metadata.name} is not scheduled: ${unscheduled.message ?? unscheduled.reason}`;
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const troubles = containers.map(trouble).filter((text) => text !== undefined);
  if (troubles.length > 0) return `pod ${metadata.name}: ${troubles.join("; ")}`;
  const detail = status?.message === undefined ? "" : `: ${status.message}`;
  return `pod ${metadata.name} is starting (${status?.phase ?? "Pending"})${detail}`;
}

const ORDINARY = new Set(["PodInitializing", "ContainerCreating"]);

function trouble({ name, state, lastState }: ContainerStatus): string | undefined {
  const ended = state?.terminated ?? lastState?.terminated;
  if (ended !== undefined && ended.exitCode !== 0) {
    const last = ended.message?.trim().split("\n").at(-1);
    return `container ${name} ended with code ${ended.exitCode}${last === undefined ? "" : `: ${last.slice(0, 300)}`}`;
  }
  const { reason, message } = state?.waiting ?? {};
  if (reason === undefined || ORDINARY.has(reason)) return undefined;
  return `container ${name} waits: ${reason}${message === undefined ? "" : `: ${message.slice(0, 300)}`}`;
}

/** Writes what was found on each disk into its entry. */
export function applyInventory(plan: readonly PvcRestore[], inventory: Inventory): PvcRestore[] {
  return plan.map((pvc) => ({
    ...pvc,
    restores: (pvc.restores ?? []).map((entry) => {
      if (entry.state !== pvcStates.processing && entry.state !== pvcStates.available) return entry;
      const backup = inventory.backups.find(({ name }) => name === entry.veleroBackupName);
      const disk = backup?.disks.find(({ name }) => name === pvc.pvcName);
      return disk === undefined ? notServed(entry, backup?.disks ?? []) : served(entry, disk);
    }),
  }));
}

function served(entry: PvcBackupRestore, disk: DiskInventory): PvcBackupRestore {
  const { failureReason: _, fileSystems: __, ...known } = entry;
  if (disk.state === "not-opened") return { ...known, state: pvcStates.processing };
  const fileSystems = disk.fileSystems.map(fileSystem);
  // Without a file system of its own too: the second disk of a volume group is as it should be.
  if (disk.state === "available")
    return { ...known, state: pvcStates.available, ...(fileSystems.length > 0 && { fileSystems }) };
  return { ...known, state: pvcStates.extractionFailed, failureReason: disk.reasons.join("; ").slice(0, 1024) };
}

/** A backup that could not be opened at all has one disk that says why. */
function notServed(entry: PvcBackupRestore, disks: readonly DiskInventory[]): PvcBackupRestore {
  const reason = disks.flatMap(({ reasons }) => reasons).at(0) ?? "the file server did not find this disk";
  return { ...entry, state: pvcStates.failed, failureReason: reason.slice(0, 1024) };
}

function fileSystem({
  volume,
  type,
  label,
  uuid,
  size,
  consistency,
  path,
}: DiskInventory["fileSystems"][number]): RestoredFileSystem {
  return {
    volume,
    type,
    ...(label !== undefined && { label }),
    ...(uuid !== undefined && { uuid }),
    sizeBytes: size,
    path,
    consistency:
      consistency.detail === "" ? consistency.state : `${consistency.state}: ${consistency.detail}`.slice(0, 300),
  };
}
