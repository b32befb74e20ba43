import type { Stored } from "../../kube/resource-type.ts";
import {
  type VirtualMachineBackupsDiscovery,
  virtualMachineBackupsDiscoveries,
} from "../../operator/api/v1alpha1/virtual-machine-backups-discovery.ts";
import {
  type VirtualMachineFileRestore,
  virtualMachineFileRestores,
} from "../../operator/api/v1alpha1/virtual-machine-file-restore.ts";
import type { CommandContext } from "../context.ts";
import { NOTHING_FOUND } from "../exit-code.ts";
import { formatTable } from "../table.ts";
import { describeRestore } from "./access-description.ts";
import { type ConnectionOptions, withConnection } from "./connection.ts";
import { asJson } from "./discover.ts";
import { discoveryTable } from "./discovery-table.ts";
import { printable } from "./printable.ts";
import { messageOf } from "./status-line.ts";

export interface GetOptions extends ConnectionOptions {
  readonly json?: true;
}

/** Exit code NOTHING_FOUND when something was named that is not there. */
export async function get(context: CommandContext, name: string | undefined, options: GetOptions): Promise<number> {
  return withConnection(options, async ({ client, namespace }) => {
    const selection = { namespace, ...(name !== undefined && { fieldSelector: `metadata.name=${name}` }) };
    const discoveries = await collect(client.list(virtualMachineBackupsDiscoveries, selection));
    const restores = await collect(client.list(virtualMachineFileRestores, selection));
    if (options.json) context.stdout.write(asJson({ discoveries, fileRestores: restores }));
    else if (name === undefined) context.stdout.write(overview(discoveries, restores));
    else context.stdout.write([...discoveries.map(discoveryTable), ...restores.map(describeRestore)].join("\n"));
    if (discoveries.length + restores.length > 0) return 0;
    const what = name === undefined ? "nothing" : `nothing called ${printable(name)}`;
    context.stderr.write(`kubectl vmfr: there is ${what} in namespace ${namespace}\n`);
    return name === undefined ? 0 : NOTHING_FOUND;
  });
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

function overview(
  discoveries: readonly Stored<VirtualMachineBackupsDiscovery>[],
  restores: readonly Stored<VirtualMachineFileRestore>[],
): string {
  const rows = [
    ...discoveries.map(({ metadata, spec, status }) => [
      "discovery",
      metadata.name,
      `${spec.virtualMachineNamespace}/${spec.virtualMachineName}`,
      status?.phase ?? "New",
      messageOf(status),
    ]),
    ...restores.map(({ metadata, status }) => [
      "restore",
      metadata.name,
      status?.virtualMachine === undefined ? "" : `${status.virtualMachine.namespace}/${status.virtualMachine.name}`,
      status?.phase ?? "New",
      messageOf(status),
    ]),
  ].map((row) => row.map(printable));
  if (rows.length === 0) return "";
  return formatTable(
    [{ title: "KIND" }, { title: "NAME" }, { title: "VM" }, { title: "PHASE" }, { title: "MESSAGE" }],
    rows,
  );
}
