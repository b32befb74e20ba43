import { SourceError } from "../../errors.ts";
import type { KubeClient } from "../../kube/kube-client.ts";
import type { FileServingInfo } from "../../operator/api/v1alpha1/file-access.ts";
import { ports as podPorts } from "../../operator/api/v1alpha1/names.ts";
import { virtualMachineFileRestores } from "../../operator/api/v1alpha1/virtual-machine-file-restore.ts";
import type { CommandContext } from "../context.ts";
import { openBrowser } from "../open-browser.ts";
import { parsePort } from "../port.ts";
import { writeAccessFiles } from "./access-files.ts";
import { type ConnectionOptions, withConnection } from "./connection.ts";
import { openGreeting, openLine } from "./open-greeting.ts";
import { forwardPorts } from "./port-forward.ts";
import { restoreEnd } from "./restore.ts";

export interface OpenOptions extends ConnectionOptions {
  readonly httpsPort: string;
  readonly sshPort: string;
  readonly open?: true;
  readonly json?: true;
  readonly timeout: string;
}

/** Waits until files are served, then forwards until it is asked to end, which is success. */
export async function open(context: CommandContext, name: string, options: OpenOptions): Promise<number> {
  const here = { https: parsePort(options.httpsPort), ssh: parsePort(options.sshPort) };
  return withConnection(options, async (connection) => {
    const { client } = connection;
    const found = await client.get(virtualMachineFileRestores, { namespace: connection.namespace, name });
    const { status } = await restoreEnd(context, connection, found, options.timeout);
    const { createdNamespace: namespace, fileServingInfo: info } = status ?? {};
    if (namespace === undefined || info?.podName === undefined) {
      throw new SourceError(`VirtualMachineFileRestore ${name} names no pod`, { retryable: true });
    }
    const ports = new Map([
      ...(info.fileBrowser === undefined ? [] : ([[podPorts.fileBrowser, here.https]] as const)),
      ...(info.ssh === undefined ? [] : ([[podPorts.ssh, here.ssh]] as const)),
    ]);
    const target = { namespace, pod: info.podName, ports, kubeconfig: options.kubeconfig, context: options.context };
    return await forwardUntilAsked(context, client, target, info, options);
  });
}

async function forwardUntilAsked(
  context: CommandContext,
  client: KubeClient,
  target: Parameters<typeof forwardPorts>[0],
  info: FileServingInfo,
  options: OpenOptions,
): Promise<number> {
  // From here on Ctrl+C ends kubectl alone, and what is on disk is removed.
  const asked = context.untilAskedToEnd();
  const access = await writeAccessFiles(client, target.namespace, info);
  try {
    const forward = await forwardPorts(target);
    try {
      const [https, ssh] = [forward.ports.get(podPorts.fileBrowser), forward.ports.get(podPorts.ssh)];
      const ports = { ...(https !== undefined && { https }), ...(ssh !== undefined && { ssh }) };
      context.stdout.write(options.json ? openLine(access, ports) : openGreeting(access, ports));
      if (options.open && https !== undefined) openBrowser(`https://127.0.0.1:${https}/`);
      const reason = await Promise.race([asked, forward.ended]);
      if (reason === undefined) return 0;
      throw new SourceError(`the connection to pod ${target.pod} has ended: ${reason}`, { retryable: true });
    } finally {
      await forward.stop();
    }
  } finally {
    await access.remove();
  }
}
