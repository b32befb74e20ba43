/** What the two serving containers have in common: the plan, the tree over it, probes, and an orderly end. */
import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { ConfigError, describeError, SourceError } from "../../errors.ts";
import { parseServingPlan, type ServingPlan } from "../../operator/file-serving/serving-plan.ts";
import type { Inventory, RestoreTree } from "../../restore-tree/tree-node.ts";
import type { Logger } from "../../serve/log.ts";
import type { CommandContext } from "../context.ts";
import { createLogger } from "../logger.ts";
import { startHealthServer } from "./health-server.ts";
import { openPlannedTree, type PlannedTree } from "./planned-tree.ts";
import { ReadinessWatch } from "./readiness.ts";

/** All have defaults that fit the pod the operator makes. */
export interface FileServerOptions {
  readonly plan: string;
  readonly inventory: string;
  readonly listen?: string;
  readonly port: string;
  readonly healthPort: string;
}

export interface ContainerContext {
  readonly plan: ServingPlan;
  readonly tree: RestoreTree;
  /** Address to listen on. */
  readonly host: string;
  readonly logger: Logger;
}

interface Server {
  close(): Promise<void>;
}

const RETRY_MS = 3_000;

/** @throws ConfigError when the plan cannot be read or is not valid. */
export async function readPlan(file: string): Promise<ServingPlan> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw new ConfigError(`the serving plan ${file} cannot be read (${describeError(cause)})`, { cause });
  }
  return parseServingPlan(text);
}

/** Opens the tree; a bucket that does not answer now is asked again until somebody ends the process. */
export async function openTree(plan: ServingPlan, logger: Logger, signal: AbortSignal): Promise<PlannedTree> {
  for (;;) {
    try {
      return await openPlannedTree(plan);
    } catch (error) {
      if (signal.aborted || !(error instanceof SourceError && error.retryable)) throw error;
      logger.warn({ reason: describeError(error) }, "the bucket cannot be read yet");
      await sleep(RETRY_MS, undefined, { signal });
    }
  }
}

/** Runs one serving container until it is asked to end. */
export async function runContainer(
  context: CommandContext,
  options: FileServerOptions,
  start: (container: ContainerContext) => Promise<Server>,
): Promise<number> {
  const logger = createLogger(true);
  const ending = new AbortController();
  const ended = context.untilAskedToEnd().then(() => ending.abort());
  const host = options.listen ?? anyAddress();
  const plan = await readPlan(options.plan);
  const { tree, close } = await openTree(plan, logger, ending.signal);
  const readiness = new ReadinessWatch(tree);
  const watching = readiness.run(ending.signal);
  try {
    const health = await startHealthServer({
      host,
      port: Number(options.healthPort),
      readiness: () => readiness.state,
      inventory: () => inspectedInventory(options.inventory, tree),
    });
    logger.info({ port: health.port }, "answering probes");
    try {
      const server = await start({ plan, tree, host, logger });
      await ended;
      await server.close();
    } finally {
      await health.close();
    }
  } finally {
    ending.abort();
    await watching;
    await close();
  }
  return 0;
}

/** What the init container found on every disk; this container itself opens a disk only when somebody looks. */
async function inspectedInventory(file: string, tree: RestoreTree): Promise<Inventory> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Inventory;
  } catch {
    return tree.inventory();
  }
}

/** Both families where there are two. */
function anyAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.some(({ family }) => family === "IPv6") ? "::" : "0.0.0.0";
}
