import { ConfigError, SourceError } from "../../errors.ts";
import { apiVersionOf, type Stored } from "../../kube/resource-type.ts";
import {
  type VirtualMachineFileRestore,
  type VirtualMachineFileRestoreSpec,
  virtualMachineFileRestores,
} from "../../operator/api/v1alpha1/virtual-machine-file-restore.ts";
import type { CommandContext } from "../context.ts";
import { NOTHING_FOUND, PARTIAL } from "../exit-code.ts";
import { describeRestore } from "./access-description.ts";
import { type Connection, type ConnectionOptions, withConnection } from "./connection.ts";
import { asJson, createDiscovery, discoveryEnd, type SelectionOptions } from "./discover.ts";
import { discoveryTable } from "./discovery-table.ts";
import { messageOf, StatusLine } from "./status-line.ts";
import { parseVirtualMachine, type VirtualMachineName } from "./virtual-machine.ts";
import { waitUntil } from "./wait.ts";

export interface RestoreOptions extends ConnectionOptions, SelectionOptions {
  readonly discovery?: string;
  readonly name?: string;
  readonly ssh?: true;
  readonly web?: true;
  readonly expose?: true;
  readonly dataPath?: "Restore" | "Direct" | "Auto";
  readonly ttl?: string;
  readonly json?: true;
  readonly timeout: string;
  readonly wait: boolean;
}

/** Exit code 0 when every disk is served, PARTIAL when some are, NOTHING_FOUND when no backup can be used. */
export async function restore(
  context: CommandContext,
  target: string | undefined,
  options: RestoreOptions,
): Promise<number> {
  const { discovery } = options;
  if ((target === undefined) === (discovery === undefined)) throw new ConfigError("give either NS/VM or --discovery");
  if (discovery !== undefined && (options.from !== undefined || options.to !== undefined)) {
    throw new ConfigError("--from and --to choose what a new discovery looks at; a discovery there is has its own");
  }
  const vm = target === undefined ? undefined : parseVirtualMachine(target);
  return withConnection(options, async (connection) => {
    const reference = vm === undefined ? discovery : await discovered(context, connection, vm, options);
    if (reference === undefined) return NOTHING_FOUND;
    const created = await createRestore(connection, reference, options);
    if (!options.wait) {
      context.stdout.write(options.json ? asJson(created) : `${created.metadata.name}\n`);
      return 0;
    }
    const ended = await restoreEnd(context, connection, created, options.timeout);
    context.stdout.write(options.json ? asJson(ended) : describeRestore(ended));
    return ended.status?.phase === "Completed" ? 0 : PARTIAL;
  });
}

/** Name of a new discovery; undefined when it has found nothing, which has been said then. */
async function discovered(
  context: CommandContext,
  connection: Connection,
  vm: VirtualMachineName,
  options: RestoreOptions,
): Promise<string | undefined> {
  const created = await createDiscovery(connection, vm, options);
  const { name } = created.metadata;
  if (!options.wait) return name;
  const ended = await discoveryEnd(context, connection, created, options.timeout);
  const { validBackups = [], invalidBackups = [] } = ended.status ?? {};
  if (validBackups.length > 0 && (invalidBackups.length === 0 || options.backup.length === 0)) return name;
  context.stderr.write(discoveryTable(ended));
  return validBackups.length > 0 ? name : undefined;
}

function createRestore(
  { client, namespace }: Connection,
  discovery: string,
  options: RestoreOptions,
): Promise<Stored<VirtualMachineFileRestore>> {
  // One name for both where both are made here, so that one `delete` ends both.
  const name = options.name ?? (options.discovery === undefined ? discovery : undefined);
  return client.create(virtualMachineFileRestores, {
    apiVersion: apiVersionOf(virtualMachineFileRestores),
    kind: virtualMachineFileRestores.kind,
    metadata: { namespace, ...(name === undefined ? { generateName: `${discovery}-` } : { name }) },
    spec: restoreSpec(discovery, options),
  });
}

/** As the options ask; both ways to the files when they name none. */
export function restoreSpec(
  discovery: string,
  options: Pick<RestoreOptions, "discovery" | "backup" | "ssh" | "web" | "expose" | "dataPath" | "ttl">,
): VirtualMachineFileRestoreSpec {
  const { backup, ssh, web, expose, dataPath, ttl } = options;
  const neither = ssh === undefined && web === undefined && expose === undefined;
  return {
    backupsDiscoveryRef: discovery,
    // A discovery made here was asked for these alone, and knows which of them can be used.
    ...(options.discovery !== undefined && backup.length > 0 && { selectedBackups: [...backup] }),
    fileAccess: {
      ...((ssh || neither) && { ssh: {} }),
      ...((web || expose || neither) && { fileBrowser: expose ? { exposeExternally: true } : {} }),
    },
    ...(dataPath !== undefined && { dataPath }),
    ...(ttl !== undefined && { ttl }),
  };
}

/** Waits with progress until files are served. @throws SourceError when they will not be, or not in time */
export async function restoreEnd(
  context: CommandContext,
  { client }: Connection,
  object: Stored<VirtualMachineFileRestore>,
  timeout: string,
): Promise<Stored<VirtualMachineFileRestore>> {
  const line = new StatusLine(context);
  const { name } = object.metadata;
  const what = `VirtualMachineFileRestore ${name}`;
  const onChange = ({ status }: Stored<VirtualMachineFileRestore>) =>
    line.show(`${name}: ${status?.phase === undefined ? "waiting for the operator" : messageOf(status)}`);
  const ended = await waitUntil({
    client,
    type: virtualMachineFileRestores,
    object,
    timeout,
    what,
    isDone: hasEnded,
    onChange,
  }).finally(() => line.end());
  if (ended === undefined) throw new SourceError(`${what} was deleted`, { retryable: false });
  if (ended.status?.phase === "Failed") {
    throw new SourceError(`${what} failed: ${messageOf(ended.status)}`, { retryable: false });
  }
  return ended;
}

function hasEnded({ metadata, status }: Stored<VirtualMachineFileRestore>): boolean {
  const isCurrent = status?.observedGeneration === metadata.generation;
  return isCurrent && ["Completed", "PartiallyFailed", "Failed"].includes(status?.phase ?? "");
}
