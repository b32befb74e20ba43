import { get } from "node:http";
import { describeError, SourceError } from "../../errors.ts";
import type { Inventory } from "../../restore-tree/tree-node.ts";
import { podPorts } from "../file-serving/pod-layout.ts";
import type { FetchInventory } from "./inspect-pod.ts";

const TIMEOUT_MS = 10_000;
/** Hundreds of backups with a dozen disks each stay below it. */
const MAX_BYTES = 16 * 1024 * 1024;

/** From whichever container answers probes. @throws SourceError */
export const fetchInventory: FetchInventory = async (pod, signal) => {
  const host = pod.status?.podIP;
  if (host === undefined) throw new SourceError(`pod ${pod.metadata.name} has no address yet`, { retryable: true });
  const isWeb = pod.spec?.containers.some(({ name }) => name === "web") ?? false;
  const port = isWeb ? podPorts.webHealth : podPorts.sshHealth;
  try {
    const text = await fetchText(host, port, AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]));
    return parseInventory(text);
  } catch (error) {
    signal.throwIfAborted();
    const problem = `the inventory of pod ${pod.metadata.name} cannot be read: ${describeError(error)}`;
    throw new SourceError(problem, { retryable: true, cause: error });
  }
};

function parseInventory(text: string): Inventory {
  const inventory = JSON.parse(text) as Partial<Inventory> | null;
  if (!Array.isArray(inventory?.backups)) throw new SourceError("it is no inventory", { retryable: true });
  return inventory as Inventory;
}

function fetchText(host: string, port: number, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ host, port, path: "/inventory", signal }, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on("data", (chunk: Buffer) => {
        length += chunk.length;
        if (length > MAX_BYTES) request.destroy(new Error(`it is longer than ${MAX_BYTES} bytes`));
        chunks.push(chunk);
      });
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString("utf8"));
        else reject(new Error(`status ${response.statusCode}`));
      });
    });
    request.on("error", reject);
  });
}
