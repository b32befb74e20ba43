import { ConfigError, describeError, SourceError } from "../../errors.ts";
import { ApiError } from "../../kube/api-error.ts";
import { type Clock, sleep, systemClock } from "../../kube/clock.ts";
import type { EventRecorder } from "../../kube/event-recorder.ts";
import type { Informer } from "../../kube/informer.ts";
import type { KubeClient } from "../../kube/kube-client.ts";
import type { Logger } from "../../kube/log.ts";
import type { ReconcileResult, Reconciler } from "../../kube/reconciler.ts";
import { keyOf, keyText, type ObjectKey, type Stored } from "../../kube/resource-type.ts";
import type { Criteria } from "../../velero/backup-verdict.ts";
import { labels, labelValues } from "../api/v1alpha1/names.ts";
import type {
  VirtualMachineBackupsDiscovery,
  VirtualMachineBackupsDiscoveryStatus,
} from "../api/v1alpha1/virtual-machine-backups-discovery.ts";
import { ContentsAccess } from "../velero/contents/contents-access.ts";
import { type VeleroBackup, veleroBackups } from "../velero/velero-resources.ts";
import { candidatesOf, type KnownFindings } from "./candidate.ts";
import { criteriaOf, refreshIntervalOf } from "./discovery-criteria.ts";
import { DiscoveryRun } from "./discovery-run.ts";
import {
  endedStatus,
  failedStatus,
  newStatus,
  runningStatus,
  type StatusContext,
  sayTheSame,
} from "./discovery-status.ts";
import { findingsOf, isOwnStatus, knownFindings, nothingKnown } from "./known-findings.ts";
import { isDeleting, StatusWriter, SupersededError } from "./status-writer.ts";

export interface DiscoveryReconcilerOptions {
  readonly client: Pick<KubeClient, "create" | "find" | "delete" | "replaceStatus" | "listPage">;
  /** Of one namespace, which is Velero's too. */
  readonly discoveries: Pick<Informer<VirtualMachineBackupsDiscovery>, "get" | "onChange">;
  readonly backups: Pick<Informer<VeleroBackup>, "list" | "synced">;
  readonly events: Pick<EventRecorder, "record">;
  readonly log: Logger;
  /** Backups looked into at once, for each discovery; 4. */
  readonly concurrency?: number;
  readonly clock?: Clock;
}

const CONCURRENCY = 4;
const PROGRESS_INTERVAL_MS = 2_000;
const PATIENCE_FOR_BACKUPS_MS = 10_000;
const SUPERSEDED_PAUSE_MS = 500;
const FIRST_RETRY_MS = 60_000;
const LONGEST_RETRY_MS = 60 * 60_000;

/**
 * Keeps the status of a discovery at what its spec and the Backups of the moment say. Findings about contents are
 * reused from the status itself, so that a run goes on after a restart, and a new backup costs one look.
 */
export class DiscoveryReconciler implements Reconciler {
  readonly #options: DiscoveryReconcilerOptions;
  readonly #clock: Clock;
  /** Until then nobody is told that the Backups have not been listed; on the monotonic clock. */
  readonly #patienceEnds: number;
  /** What ends the run of a key, and the generation it is for. */
  readonly #running = new Map<string, { readonly generation: number; readonly run: AbortController }>();

  /** What the last run for a discovery, by UID, has found out. */
  readonly #remembered = new Map<string, { readonly generation: number; readonly findings: KnownFindings }>();

  constructor(options: DiscoveryReconcilerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#patienceEnds = this.#clock.monotonic() + PATIENCE_FOR_BACKUPS_MS;
    options.discoveries.onChange((before, now) => this.#endSuperseded(before, now));
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<ReconcileResult | undefined> {
    const discovery = this.#options.discoveries.get(key);
    if (discovery === undefined || isDeleting(discovery)) return undefined;
    const run = new AbortController();
    this.#running.set(keyText(key), { generation: generationOf(discovery), run });
    try {
      return await this.#reconcile(
        new StatusWriter(this.#options.client, discovery),
        AbortSignal.any([signal, run.signal]),
      );
    } catch (error) {
      if (run.signal.aborted || error instanceof SupersededError) return { requeueAfterMs: SUPERSEDED_PAUSE_MS };
      throw error;
    } finally {
      this.#running.delete(keyText(key));
    }
  }

  #endSuperseded(
    before: Stored<VirtualMachineBackupsDiscovery> | undefined,
    now: Stored<VirtualMachineBackupsDiscovery> | undefined,
  ): void {
    const object = now ?? before;
    if (object === undefined) return;
    if (now === undefined) this.#remembered.delete(object.metadata.uid);
    const running = this.#running.get(keyText(keyOf(object)));
    const goesOn = now !== undefined && !isDeleting(now) && generationOf(now) === running?.generation;
    if (!goesOn) running?.run.abort(new SupersededError("edited or deleted"));
  }

  async #reconcile(writer: StatusWriter, signal: AbortSignal): Promise<ReconcileResult | undefined> {
    const { spec, status, metadata } = writer.object;
    if (status?.phase === undefined) await writer.write(newStatus(this.#context(writer)), signal);
    let criteria: Criteria;
    let interval: number | undefined;
    try {
      criteria = criteriaOf(spec, metadata.namespace ?? "");
      interval = refreshIntervalOf(spec);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      await this.#fail(writer, "InvalidSpec", error.message, signal);
      return undefined;
    }
    await this.#awaitBackups(writer, signal);
    return await this.#discover(writer, criteria, interval, signal);
  }

  async #discover(
    writer: StatusWriter,
    criteria: Criteria,
    interval: number | undefined,
    signal: AbortSignal,
  ): Promise<ReconcileResult | undefined> {
    const { status, metadata } = writer.object;
    const now = this.#clock.now();
    const own = isOwnStatus(status, metadata.generation) ? status : undefined;
    const hasEnded = own?.discoveryStats?.completionTime !== undefined;
    const begun = startTimeOf(own);
    const isDue = hasEnded && interval !== undefined && begun !== undefined && now >= begun + interval;
    const start = isDue ? now : (begun ?? now);
    const known = own === undefined || isDue ? nothingKnown : this.#known(writer.object, own);
    const candidates = candidatesOf(criteria, this.#options.backups.list(metadata.namespace), known);

    const access = this.#accessFor(writer.object);
    let reported = Number.NEGATIVE_INFINITY;
    const report = async () => {
      const moment = this.#clock.monotonic();
      // Results stay in sight while they are brought up to date.
      if (hasEnded || moment - reported < PROGRESS_INTERVAL_MS) return;
      reported = moment;
      await writer.write(runningStatus(this.#context(writer), run.candidates, start, run.looking), signal);
    };
    const concurrency = this.#options.concurrency ?? CONCURRENCY;
    const run = new DiscoveryRun({ candidates, criteria, access, concurrency, onProgress: report });
    try {
      await report();
      await run.run(signal);
    } finally {
      await access.close();
    }
    const generation = generationOf(writer.object);
    this.#remembered.set(metadata.uid, { generation, findings: findingsOf(run.candidates) });
    await this.#end(writer, run, { start, isRefresh: hasEnded && !isDue }, signal);
    return this.#nextLook(writer.object.status, start, interval);
  }

  #known(
    { metadata }: Stored<VirtualMachineBackupsDiscovery>,
    status: VirtualMachineBackupsDiscoveryStatus,
  ): KnownFindings {
    const remembered = this.#remembered.get(metadata.uid);
    const listed = knownFindings(status);
    if (remembered?.generation !== metadata.generation) return listed;
    return { get: (reference) => remembered?.findings.get(reference) ?? listed.get(reference) };
  }

  async #end(
    writer: StatusWriter,
    run: DiscoveryRun,
    { start, isRefresh }: { readonly start: number; readonly isRefresh: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const context = this.#context(writer);
    const status = endedStatus(context, run.candidates, { start, completion: context.now });
    if (isRefresh && context.before !== undefined && sayTheSame(context.before, status)) return;
    await writer.write(status, signal);
    this.#announce(writer.object, status);
  }

  #announce(object: Stored<VirtualMachineBackupsDiscovery>, status: VirtualMachineBackupsDiscoveryStatus): void {
    const { phase, discoveryStats, conditions } = status;
    const note = conditions?.find(({ type }) => type === "Ready")?.message ?? "";
    const { completed, skipped, failed } = discoveryStats ?? {};
    this.#options.log.info({ discovery: keyText(keyOf(object)), phase, completed, skipped, failed }, "Discovery ended");
    const type = phase === "Completed" ? "Normal" : "Warning";
    this.#options.events.record(object, { type, reason: `Discovery${phase}`, action: "Discover", note });
  }

  /** Failed looks are made again, each time after twice as long; everything is, when its interval is over. */
  #nextLook(
    status: VirtualMachineBackupsDiscoveryStatus | undefined,
    start: number,
    interval: number | undefined,
  ): ReconcileResult | undefined {
    const elapsed = this.#clock.now() - start;
    const waits: number[] = interval === undefined ? [] : [Math.max(0, interval - elapsed)];
    if (status?.phase !== "Completed") waits.push(Math.min(LONGEST_RETRY_MS, Math.max(FIRST_RETRY_MS, elapsed)));
    return waits.length === 0 ? undefined : { requeueAfterMs: Math.min(...waits) };
  }

  /** The informer tries for ever and tells nobody why it cannot list; the user must be told. */
  async #awaitBackups(writer: StatusWriter, signal: AbortSignal): Promise<void> {
    const { backups, client } = this.#options;
    const pause = new AbortController();
    const wait = Math.max(0, this.#patienceEnds - this.#clock.monotonic());
    const patience = sleep(this.#clock, wait, AbortSignal.any([signal, pause.signal]));
    const isSynced = await Promise.race([backups.synced.then(() => true), patience.then(() => false)]);
    pause.abort();
    patience.catch(() => undefined);
    if (isSynced) return;
    try {
      await client.listPage(veleroBackups, { namespace: writer.object.metadata.namespace, limit: 1, signal });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const missing = error.status === 404 ? 'no matches for kind "Backup" in version "velero.io/v1": ' : "";
      await this.#fail(
        writer,
        "BackupListFailed",
        `Backups cannot be listed: ${missing}${describeError(error)}`,
        signal,
      );
      throw error;
    }
    throw new SourceError("Backups have not been listed yet", { retryable: true });
  }

  async #fail(writer: StatusWriter, reason: string, message: string, signal: AbortSignal): Promise<void> {
    const context = this.#context(writer);
    const status = failedStatus(context, reason, message);
    if (context.before !== undefined && sayTheSame(context.before, status)) return;
    await writer.write(status, signal);
    this.#options.events.record(writer.object, { type: "Warning", reason, action: "Discover", note: message });
  }

  #accessFor({ metadata }: Stored<VirtualMachineBackupsDiscovery>): ContentsAccess {
    return new ContentsAccess({
      client: this.#options.client,
      namespace: metadata.namespace ?? "",
      owner: metadata.uid,
      labels: { [labels.managedBy]: labelValues.managedBy, [labels.discoveryUid]: metadata.uid },
      log: this.#options.log,
    });
  }

  #context({ object }: StatusWriter): StatusContext {
    return { before: object.status, generation: generationOf(object), now: this.#clock.now() };
  }
}

function generationOf({ metadata }: Stored<VirtualMachineBackupsDiscovery>): number {
  return metadata.generation ?? 0;
}

/** Milliseconds since 1970. */
function startTimeOf(status: VirtualMachineBackupsDiscoveryStatus | undefined): number | undefined {
  const time = Date.parse(status?.discoveryStats?.startTime ?? "");
  return Number.isNaN(time) ? undefined : time;
}
