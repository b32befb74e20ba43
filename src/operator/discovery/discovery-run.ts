import type { Backup } from "../../velero/backup.ts";
import type { VmReference } from "../../velero/backup-resources.ts";
import { type Criteria, judgeContents } from "../../velero/backup-verdict.ts";
import { mapConcurrently } from "../../velero/map-concurrently.ts";
import type { ContentsAccess } from "../velero/contents/contents-access.ts";
import { type Candidate, findingOf, type PendingLook } from "./candidate.ts";
import { criteriaFor } from "./discovery-criteria.ts";

export interface DiscoveryRunOptions {
  readonly candidates: readonly Candidate[];
  readonly criteria: Criteria;
  readonly access: Pick<ContentsAccess, "contentsIn">;
  /** Backups looked into at once. */
  readonly concurrency: number;
  /** After each look, one call at a time. */
  readonly onProgress: () => Promise<void>;
}

/** Looks into the backups that no finding is known of. */
export class DiscoveryRun {
  /** Names of the backups being looked into. */
  readonly looking: ReadonlySet<string>;
  readonly #looking = new Set<string>();
  readonly #options: DiscoveryRunOptions;
  readonly #candidates: Candidate[];
  #reporting: Promise<void> | undefined;

  constructor(options: DiscoveryRunOptions) {
    this.looking = this.#looking;
    this.#options = options;
    this.#candidates = [...options.candidates];
  }

  get candidates(): readonly Candidate[] {
    return this.#candidates;
  }

  /** @throws what `onProgress` throws, and the signal's reason or what it leads to */
  async run(signal: AbortSignal): Promise<void> {
    const open = this.#candidates.flatMap(({ finding, look, reference }, index) =>
      finding === undefined && look !== undefined ? [{ index, look, reference }] : [],
    );
    await mapConcurrently(open, this.#options.concurrency, async ({ index, look, reference }) => {
      signal.throwIfAborted();
      this.#looking.add(reference.name);
      const finding = await this.#look(look, signal);
      this.#looking.delete(reference.name);
      this.#candidates[index] = { reference, look, finding };
      await this.#report();
    });
  }

  async #look({ backup, storageLocation }: PendingLook, signal: AbortSignal) {
    const { access, criteria } = this.#options;
    const source = {
      resourceList: async (name: string) =>
        await (await access.contentsIn(storageLocation, signal)).resourceList(name, signal),
      vm: async (of: Backup, vm: VmReference) =>
        await (await access.contentsIn(storageLocation, signal)).vm(of, vm, signal),
    };
    return findingOf(await judgeContents(source, backup, criteriaFor(backup, criteria), signal), criteria.vm.namespace);
  }

  async #report(): Promise<void> {
    if (this.#reporting !== undefined) return;
    this.#reporting = this.#options.onProgress();
    try {
      await this.#reporting;
    } finally {
      this.#reporting = undefined;
    }
  }
}
