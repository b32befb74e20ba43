import { virtualMachineBackupsDiscoveries } from "../../operator/api/v1alpha1/virtual-machine-backups-discovery.ts";
import { virtualMachineFileRestores } from "../../operator/api/v1alpha1/virtual-machine-file-restore.ts";
import type { CommandContext } from "../context.ts";
import { NOTHING_FOUND } from "../exit-code.ts";
import { type ConnectionOptions, withConnection } from "./connection.ts";
import { printable } from "./printable.ts";
import { messageOf, StatusLine } from "./status-line.ts";
import { waitUntil } from "./wait.ts";

export interface DeleteOptions extends ConnectionOptions {
  readonly timeout: string;
  readonly wait: boolean;
}

/** Exit code NOTHING_FOUND when there was neither. */
export async function remove(context: CommandContext, name: string, options: DeleteOptions): Promise<number> {
  return withConnection(options, async ({ client, namespace }) => {
    const key = { namespace, name };
    const restore = await client.find(virtualMachineFileRestores, key);
    if (restore !== undefined) {
      await client.delete(virtualMachineFileRestores, key, { uid: restore.metadata.uid });
      if (options.wait) {
        const line = new StatusLine(context);
        await waitUntil({
          client,
          type: virtualMachineFileRestores,
          object: restore,
          timeout: options.timeout,
          what: `deleting VirtualMachineFileRestore ${name}`,
          isDone: () => false,
          onChange: ({ status }) => line.show(`${name}: ${messageOf(status)}`),
        }).finally(() => line.end());
      }
      context.stdout.write(`VirtualMachineFileRestore ${name} ${options.wait ? "is gone" : "is being deleted"}\n`);
    }
    const hadDiscovery = await client.delete(virtualMachineBackupsDiscoveries, key);
    if (hadDiscovery) context.stdout.write(`VirtualMachineBackupsDiscovery ${name} is gone\n`);
    if (restore !== undefined || hadDiscovery) return 0;
    context.stderr.write(`kubectl vmfr: there is nothing called ${printable(name)} in namespace ${namespace}\n`);
    return NOTHING_FOUND;
  });
}
