/**
 * Brings a VirtualMachineFileRestore from wherever it is to where it should be. Every pass looks at what is there and
 * takes the steps from the first on; a step that is done finds its objects and goes through. So it does not matter
 * when an earlier pass ended, who made the objects, or what somebody has deleted since.
 */
import { isDeepStrictEqual } from "node:util";
import { describeError, VmfrError } from "../../errors.ts";
import { ApiError } from "../../kube/api-error.ts";
import type { Clock } from "../../kube/clock.ts";
import { addFinalizer, hasFinalizer, removeFinalizer } from "../../kube/finalizers.ts";
import type { KubeClient } from "../../kube/kube-client.ts";
import type { Logger } from "../../kube/log.ts";
import type { ReconcileResult, Reconciler } from "../../kube/reconciler.ts";
import type { ObjectKey, Stored } from "../../kube/resource-type.ts";
import { finalizers } from "../api/v1alpha1/names.ts";
import {
  type VirtualMachineFileRestore,
  type VirtualMachineFileRestoreStatus,
  virtualMachineFileRestores,
} from "../api/v1alpha1/virtual-machine-file-restore.ts";
import { type AdvanceTools, advance, type Progress } from "./advance.ts";
import { cleanUpResources, cleanUpRestores } from "./clean-up.ts";
import { expiryOf } from "./expiry.ts";
import type { RestoreOwner } from "./owner.ts";
import { accepted, deleting, failed, inProgress, type Verdict, withVerdict } from "./restore-status.ts";
import { StepFailure } from "./step.ts";

export interface FileRestoreReconcilerOptions extends Omit<AdvanceTools, "client"> {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** Tells users of changes of the phase; see kube/event-recorder.ts. */
  announce(restore: Stored<VirtualMachineFileRestore>, verdict: Verdict): void;
}

/** What failed may have been mended without anybody telling. */
const RETRY_FAILED_MS = 60_000;

export class FileRestoreReconciler implements Reconciler {
  readonly #options: FileRestoreReconcilerOptions;

  constructor(options: FileRestoreReconcilerOptions) {
    this.#options = options;
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<ReconcileResult | undefined> {
    const { client, clock, settings } = this.#options;
    const restore = await client.find(virtualMachineFileRestores, key, { signal });
    if (restore === undefined) return undefined;
    if (restore.metadata.deletionTimestamp !== undefined) return this.#cleanUp(restore);
    const expiresAt = expiryOf(restore, settings.ttlMs);
    const left = expiresAt === undefined ? undefined : expiresAt.getTime() - clock.now();
    if (left !== undefined && left <= 0) {
      await client.delete(virtualMachineFileRestores, key, { uid: restore.metadata.uid });
      return undefined;
    }
    const result = await this.#progress(await this.#withFinalizers(restore), expiresAt, signal);
    return soonest(result, left);
  }

  async #withFinalizers(restore: Stored<VirtualMachineFileRestore>): Promise<Stored<VirtualMachineFileRestore>> {
    const { client } = this.#options;
    const first = await addFinalizer(client, virtualMachineFileRestores, restore, finalizers.veleroRestores);
    return addFinalizer(client, virtualMachineFileRestores, first, finalizers.resources);
  }

  async #progress(
    restore: Stored<VirtualMachineFileRestore>,
    expiresAt: Date | undefined,
    signal: AbortSignal,
  ): Promise<ReconcileResult | undefined> {
    const before = restore.status ?? {};
    const expiry = expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString().replace(/\.\d+Z$/, "Z") };
    if (before.phase === undefined) {
      await this.#write(restore, { ...before, ...expiry }, accepted);
      return { requeueAfterMs: 0 };
    }
    const started = { ...before, ...expiry };
    let current = restore;
    let progress: Progress | undefined;
    try {
      // Each step that takes a while is written down before it begins, so that users see what is going on.
      for await (const step of advance(this.#options, restore, started, expiresAt, signal)) {
        if (progress !== undefined) current = await this.#write(current, progress.status, progress.verdict);
        progress = step;
      }
    } catch (error) {
      if (error instanceof StepFailure) {
        await this.#write(current, progress?.status ?? started, failed(error));
        return { requeueAfterMs: error.requeueAfterMs ?? RETRY_FAILED_MS };
      }
      signal.throwIfAborted();
      await this.#tellTrouble(current, progress?.status ?? started, error);
      throw error;
    }
    if (progress === undefined) return undefined;
    await this.#write(current, progress.status, progress.verdict);
    return progress.requeueAfterMs === undefined ? undefined : { requeueAfterMs: progress.requeueAfterMs };
  }

  /** It will be tried again; until then the user sees why nothing moves. */
  async #tellTrouble(
    restore: Stored<VirtualMachineFileRestore>,
    status: VirtualMachineFileRestoreStatus,
    error: unknown,
  ): Promise<void> {
    if (!(error instanceof VmfrError) || (error instanceof ApiError && error.status === 409)) return;
    const message = `Trying again after: ${describeError(error)}`;
    try {
      await this.#write(restore, status, inProgress({ reason: "Retrying", message }));
    } catch (failure) {
      this.#options.log.info({ reason: describeError(failure) }, "Could not write status");
    }
  }

  async #cleanUp(restore: Stored<VirtualMachineFileRestore>): Promise<ReconcileResult | undefined> {
    const { client } = this.#options;
    const { metadata, status = {} } = restore;
    const owner: RestoreOwner = ownerOf(restore);
    let current = restore;
    if (hasFinalizer(restore, finalizers.resources) || hasFinalizer(restore, finalizers.veleroRestores)) {
      const start = { reason: "Deleting", message: "Cleaning up file-serving resources, restored PVCs and namespace" };
      if (status.phase !== "Deleting") current = await this.#write(restore, status, deleting(start));
    }
    // Before the Restores go: restored PVCs in a user's namespace are known by their names.
    const names = (status.pvcRestores ?? []).flatMap(({ restores = [] }) =>
      restores.flatMap(({ veleroRestoreName }) => veleroRestoreName ?? []),
    );
    if (hasFinalizer(current, finalizers.veleroRestores)) {
      const wait = await cleanUpRestores(client, owner, status.createdNamespace);
      if (wait !== undefined) return this.#waitForDeletion(current, wait);
      await removeFinalizer(client, virtualMachineFileRestores, current, finalizers.veleroRestores);
      return { requeueAfterMs: 0 };
    }
    if (!hasFinalizer(current, finalizers.resources)) return undefined;
    const wait = await cleanUpResources(client, owner, status.createdNamespace, names);
    if (wait !== undefined) return this.#waitForDeletion(current, wait);
    await removeFinalizer(client, virtualMachineFileRestores, current, finalizers.resources);
    this.#options.log.info({ object: `${metadata.namespace}/${metadata.name}` }, "File restore is gone");
    return undefined;
  }

  async #waitForDeletion(
    restore: Stored<VirtualMachineFileRestore>,
    wait: { readonly reason: string; readonly message: string; readonly requeueAfterMs?: number },
  ): Promise<ReconcileResult> {
    await this.#write(restore, restore.status ?? {}, deleting(wait));
    return { requeueAfterMs: wait.requeueAfterMs ?? 2_000 };
  }

  /** Only what differs is written: a write is an event for everybody who watches. */
  async #write(
    restore: Stored<VirtualMachineFileRestore>,
    status: VirtualMachineFileRestoreStatus,
    verdict: Verdict,
  ): Promise<Stored<VirtualMachineFileRestore>> {
    const { client, clock } = this.#options;
    const next = withVerdict(status, verdict, restore.metadata.generation ?? 0, clock.now());
    if (isDeepStrictEqual(clean(next), clean(restore.status ?? {}))) return restore;
    const written = await client.replaceStatus(virtualMachineFileRestores, { ...restore, status: next });
    if (restore.status?.phase !== verdict.phase) this.#options.announce(written, verdict);
    return written;
  }
}

/** As it comes back from the API server: without fields that are undefined. */
function clean(status: VirtualMachineFileRestoreStatus): unknown {
  return JSON.parse(JSON.stringify(status));
}

export function ownerOf({ metadata }: Stored<VirtualMachineFileRestore>): RestoreOwner {
  return { name: metadata.name, namespace: metadata.namespace ?? "", uid: metadata.uid };
}

function soonest(result: ReconcileResult | undefined, leftMs: number | undefined): ReconcileResult | undefined {
  const times = [result?.requeueAfterMs, leftMs].filter((time) => time !== undefined);
  return times.length === 0 ? undefined : { requeueAfterMs: Math.min(...times) };
}
