import { setTimeout as sleep } from "node:timers/promises";
import { describeError } from "../../errors.ts";
import type { RestoreTree } from "../../restore-tree/tree-node.ts";
import { openDisks } from "./open-disks.ts";

const RETRY_MS = 5_000;

export interface Readiness {
  readonly ready: boolean;
  /** Why not, a sentence a line. */
  readonly reasons: readonly string[];
}

/** Ready means: a file of at least one disk can be read. Once true it stays so, whatever happens to other disks. */
export class ReadinessWatch {
  #state: Readiness = { ready: false, reasons: ["the disks are being opened"] };
  readonly #tree: RestoreTree;

  constructor(tree: RestoreTree) {
    this.#tree = tree;
  }

  get state(): Readiness {
    return this.#state;
  }

  /** Looks until a disk can be read or `signal` aborts; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#state = await look(this.#tree, signal);
      if (this.#state.ready) return;
      await sleep(RETRY_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }
}

async function look(tree: RestoreTree, signal: AbortSignal): Promise<Readiness> {
  const reasons: string[] = [];
  try {
    for await (const { backup, disk } of openDisks(tree, signal)) {
      if (disk.fileSystems.length > 0) return { ready: true, reasons: [] };
      reasons.push(...disk.reasons.map((reason) => `${backup}/${disk.name}: ${reason}`));
    }
  } catch (error) {
    reasons.push(describeError(error));
  }
  return { ready: false, reasons: reasons.length > 0 ? reasons : ["there is no disk to read"] };
}
