import { SourceError } from "../../errors.ts";
import { apiVersionOf, type Stored } from "../../kube/resource-type.ts";
import {
  type VirtualMachineBackupsDiscovery,
  virtualMachineBackupsDiscoveries,
} from "../../operator/api/v1alpha1/virtual-machine-backups-discovery.ts";
import type { CommandContext } from "../context.ts";
import { NOTHING_FOUND } from "../exit-code.ts";
import { type Connection, type ConnectionOptions, withConnection } from "./connection.ts";
import { discoveryTable } from "./discovery-table.ts";
import { messageOf, StatusLine } from "./status-line.ts";
import { parseVirtualMachine, type VirtualMachineName } from "./virtual-machine.ts";
import { waitUntil } from "./wait.ts";

/** Which backups. */
export interface SelectionOptions {
  readonly backup: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly includePartiallyFailed?: true;
}

export interface DiscoverOptions extends ConnectionOptions, SelectionOptions {
  readonly name?: string;
  readonly json?: true;
  readonly timeout: string;
  readonly wait: boolean;
}

/** Exit code 0 when at least one backup can be used, else NOTHING_FOUND. */
export async function discover(context: CommandContext, target: string, options: DiscoverOptions): Promise<number> {
  const vm = parseVirtualMachine(target);
  return withConnection(options, async (connection) => {
    const created = await createDiscovery(connection, vm, options);
    if (!options.wait) {
      context.stdout.write(options.json ? asJson(created) : `${created.metadata.name}\n`);
      return 0;
    }
    const ended = await discoveryEnd(context, connection, created, options.timeout);
    context.stdout.write(options.json ? asJson(ended) : discoveryTable(ended));
    return (ended.status?.validBackups ?? []).length > 0 ? 0 : NOTHING_FOUND;
  });
}

export function createDiscovery(
  { client, namespace }: Connection,
  vm: VirtualMachineName,
  { name, backup, from, to, includePartiallyFailed }: SelectionOptions & Pick<DiscoverOptions, "name">,
): Promise<Stored<VirtualMachineBackupsDiscovery>> {
  return client.create(virtualMachineBackupsDiscoveries, {
    apiVersion: apiVersionOf(virtualMachineBackupsDiscoveries),
    kind: virtualMachineBackupsDiscoveries.kind,
    metadata: { namespace, ...(name === undefined ? { generateName: `${vm.name}-` } : { name }) },
    spec: {
      virtualMachineName: vm.name,
      virtualMachineNamespace: vm.namespace,
      ...(backup.length > 0 && { requestedBackups: [...backup] }),
      ...(from !== undefined && { startTime: from }),
      ...(to !== undefined && { endTime: to }),
      ...(includePartiallyFailed && { includePartiallyFailed }),
    },
  });
}

/** Waits with progress. @throws SourceError when it fails, is deleted meanwhile, or takes too long */
export async function discoveryEnd(
  context: CommandContext,
  { client }: Connection,
  object: Stored<VirtualMachineBackupsDiscovery>,
  timeout: string,
): Promise<Stored<VirtualMachineBackupsDiscovery>> {
  const line = new StatusLine(context);
  const what = `VirtualMachineBackupsDiscovery ${object.metadata.name}`;
  const type = virtualMachineBackupsDiscoveries;
  const onChange = (now: Stored<VirtualMachineBackupsDiscovery>) => line.show(progressOf(now));
  const ended = await waitUntil({ client, type, object, timeout, what, isDone: hasEnded, onChange }).finally(() =>
    line.end(),
  );
  if (ended === undefined) throw new SourceError(`${what} was deleted`, { retryable: false });
  if (ended.status?.phase === "Failed" && (ended.status.validBackups ?? []).length === 0) {
    throw new SourceError(`${what} failed: ${messageOf(ended.status)}`, { retryable: false });
  }
  return ended;
}

function hasEnded({ metadata, status }: Stored<VirtualMachineBackupsDiscovery>): boolean {
  const isCurrent = status?.observedGeneration === metadata.generation;
  return isCurrent && ["Completed", "PartiallyFailed", "Failed"].includes(status?.phase ?? "");
}

function progressOf({ metadata: { name }, status }: Stored<VirtualMachineBackupsDiscovery>): string {
  if (status?.phase === undefined) return `${name}: waiting for the operator`;
  const { totalCandidates, pending, inProgress } = status.discoveryStats ?? {};
  if (totalCandidates === undefined) return `${name}: ${messageOf(status)}`;
  return `${name}: ${totalCandidates - (pending ?? 0) - (inProgress ?? 0)} of ${totalCandidates} backups looked at`;
}

export function asJson(object: unknown): string {
  return `${JSON.stringify(object, undefined, 2)}\n`;
}
