/** Steps 1 and 2: which backups are to be served, as the referenced discovery has found them. */
import type { VeleroBackupInfo } from "../api/v1alpha1/backup-info.ts";
import type { VirtualMachineBackupsDiscovery } from "../api/v1alpha1/virtual-machine-backups-discovery.ts";
import type { VirtualMachineFileRestore } from "../api/v1alpha1/virtual-machine-file-restore.ts";
import { StepFailure, type Waiting, waiting } from "./step.ts";

export interface SelectedBackups {
  readonly kind: "selected";
  readonly vm: { readonly namespace: string; readonly name: string };
  /** Newest first. */
  readonly backups: readonly VeleroBackupInfo[];
}

/** @throws StepFailure when there is nothing to serve. */
export function selectBackups(
  { spec, metadata }: VirtualMachineFileRestore,
  discovery: VirtualMachineBackupsDiscovery | undefined,
): SelectedBackups | Waiting {
  const name = spec.backupsDiscoveryRef;
  if (discovery === undefined) {
    throw new StepFailure(
      "DiscoveryNotFound",
      `Referenced VirtualMachineBackupsDiscovery '${name}' not found in namespace '${metadata.namespace}'`,
    );
  }
  const { status } = discovery;
  const phase = status?.phase;
  // Both may have been created together: a discovery that has not begun is one to wait for.
  if (phase === undefined || phase === "New" || phase === "InProgress" || isStale(discovery)) {
    return waiting("WaitingForDiscovery", "Waiting for backup discovery to complete");
  }
  const valid = status?.validBackups ?? [];
  if (phase === "Failed" && valid.length === 0) {
    const why = status?.conditions?.find(({ type }) => type === "Ready")?.message ?? "see its conditions";
    throw new StepFailure("DiscoveryFailed", `Referenced discovery '${name}' failed: ${why}`);
  }
  if (valid.length === 0) {
    throw new StepFailure("NoValidBackups", `Referenced discovery '${name}' found no valid backups`);
  }
  const { virtualMachineName, virtualMachineNamespace } = discovery.spec;
  const vm = { namespace: virtualMachineNamespace, name: virtualMachineName };
  return { kind: "selected", vm, backups: newestFirst(chosen(spec.selectedBackups ?? [], valid)) };
}

/** Its spec has changed and the results are of the one before. */
function isStale({ metadata, status }: VirtualMachineBackupsDiscovery): boolean {
  return status?.observedGeneration !== undefined && status.observedGeneration !== metadata.generation;
}

function chosen(selection: readonly string[], valid: readonly VeleroBackupInfo[]): readonly VeleroBackupInfo[] {
  if (selection.length === 0) return valid;
  const names = new Set(selection);
  const unknown = [...names].filter((name) => !valid.some((backup) => backup.name === name));
  if (unknown.length > 0) {
    throw new StepFailure(
      "InvalidSelectedBackups",
      `selected backups not found in discovery results: [${unknown.join(" ")}]`,
    );
  }
  return valid.filter(({ name }) => names.has(name));
}

function newestFirst(backups: readonly VeleroBackupInfo[]): readonly VeleroBackupInfo[] {
  const time = ({ createdAt }: VeleroBackupInfo): number => (createdAt === undefined ? 0 : Date.parse(createdAt));
  return [...backups].sort((left, right) => time(right) - time(left) || (left.name < right.name ? -1 : 1));
}
