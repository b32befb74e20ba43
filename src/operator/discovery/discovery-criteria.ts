import { parseDuration } from "../../bytes/duration.ts";
import { ConfigError } from "../../errors.ts";
import type { Backup } from "../../velero/backup.ts";
import { isNamespaceName, isResourceName } from "../../velero/backup-layout.ts";
import type { Criteria } from "../../velero/backup-verdict.ts";
import { parseTimeRange } from "../../velero/time-range.ts";
import type { VirtualMachineBackupsDiscoverySpec } from "../api/v1alpha1/virtual-machine-backups-discovery.ts";

/** @throws ConfigError for a spec that an older API server let pass */
export function criteriaOf(spec: VirtualMachineBackupsDiscoverySpec, veleroNamespace: string): Criteria {
  const vm = { namespace: spec.virtualMachineNamespace, name: spec.virtualMachineName };
  if (!isNamespaceName(vm.namespace) || !isResourceName(vm.name)) {
    throw new ConfigError(`${JSON.stringify(`${vm.namespace}/${vm.name}`)} is not a valid namespace and name of a VM`);
  }
  return {
    vm,
    requested: new Set(spec.requestedBackups),
    range: parseTimeRange(given(spec.startTime), given(spec.endTime)),
    includePartiallyFailed: spec.includePartiallyFailed ?? false,
    inspectVolumes: false,
    requireData: "none",
    veleroNamespace,
    place: "cluster",
  };
}

const SHORTEST_INTERVAL_MS = 60_000;

/** How often to look at everything anew, in milliseconds. @throws ConfigError */
export function refreshIntervalOf({ refreshInterval }: VirtualMachineBackupsDiscoverySpec): number | undefined {
  const text = given(refreshInterval);
  return text === undefined ? undefined : Math.max(SHORTEST_INTERVAL_MS, parseDuration(text));
}

/** Of a backup that failed in part it must be known whether it has a disk with data, in a form Velero restores. */
export function criteriaFor(backup: Backup, criteria: Criteria): Criteria {
  if (backup.phase !== "PartiallyFailed") return criteria;
  return { ...criteria, inspectVolumes: true, requireData: "restorable" };
}

function given(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
