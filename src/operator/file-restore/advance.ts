/** The steps of a file restore, one after the other, each from what the one before found. */
import { formatDuration } from "../../bytes/duration.ts";
import { SourceError } from "../../errors.ts";
import type { Clock } from "../../kube/clock.ts";
import type { Stored } from "../../kube/resource-type.ts";
import type { Inventory } from "../../restore-tree/tree-node.ts";
import type { VeleroBackupInfo } from "../api/v1alpha1/backup-info.ts";
import type { PvcRestore } from "../api/v1alpha1/pvc-restore.ts";
import { virtualMachineBackupsDiscoveries } from "../api/v1alpha1/virtual-machine-backups-discovery.ts";
import type {
  VirtualMachineFileRestore,
  VirtualMachineFileRestoreStatus,
} from "../api/v1alpha1/virtual-machine-file-restore.ts";
import { applyObstacles, type BucketAccess, ensureBucketAccess, locationsOf } from "./bucket-step.ts";
import { buildPlan, podVolumeOf } from "./build-plan.ts";
import { checkRequirements } from "./check-requirements.ts";
import type { ChildClient } from "./ensure.ts";
import { applyInventory, type FetchInventory, isReady, isRunning, whyNotReady } from "./inspect-pod.ts";
import type { RestoreOwner } from "./owner.ts";
import { type BackupInspector, planDisks } from "./plan-disks.ts";
import { prepareNamespace } from "./prepare-namespace.ts";
import { countStates, failed, inProgress, served, type Verdict } from "./restore-status.ts";
import { type RestoredVolumes, restoreVolumes } from "./restore-volumes.ts";
import { type SelectedBackups, selectBackups } from "./select-backups.ts";
import { type Serving, serveFiles } from "./serve-files.ts";
import type { FileRestoreSettings } from "./settings.ts";
import { StepFailure, type Waiting } from "./step.ts";

export interface AdvanceTools {
  readonly client: ChildClient;
  readonly settings: FileRestoreSettings;
  readonly clock: Clock;
  /** Reads backups on behalf of one file restore. */
  inspectorFor(owner: RestoreOwner): BackupInspector & { close(): Promise<void> };
  readonly fetchInventory: FetchInventory;
}

/** How far it is. The last one of a pass is what remains in the status. */
export interface Progress {
  readonly status: VirtualMachineFileRestoreStatus;
  readonly verdict: Verdict;
  readonly requeueAfterMs?: number;
}

/** Besides the changes that are watched; nobody tells when a container gets into trouble while it waits. */
const POLL_MS = 5_000;

interface Attempt {
  readonly tools: AdvanceTools;
  readonly restore: Stored<VirtualMachineFileRestore>;
  readonly owner: RestoreOwner;
  readonly expiresAt: Date | undefined;
  readonly signal: AbortSignal;
}

/** @throws StepFailure when it cannot go on as asked; whatever else may pass. */
export async function* advance(
  tools: AdvanceTools,
  restore: Stored<VirtualMachineFileRestore>,
  before: VirtualMachineFileRestoreStatus,
  expiresAt: Date | undefined,
  signal: AbortSignal,
): AsyncGenerator<Progress> {
  const { name, namespace = "", uid } = restore.metadata;
  const attempt: Attempt = { tools, restore, owner: { name, namespace, uid }, expiresAt, signal };
  const known = knownSelection(restore);
  if (known === undefined) await checkRequirements(tools.client, tools.settings.namespace);
  const selected = known ?? (await select(attempt));
  if (selected.kind === "waiting") return yield waitFor(before, selected);
  let status: VirtualMachineFileRestoreStatus = { ...before, virtualMachine: selected.vm };

  if (known === undefined) {
    const message = `Discovering PVCs from ${selected.backups.length} backups`;
    yield { status: { ...status, pvcRestores: [] }, verdict: inProgress({ reason: "DiscoveringPVCs", message }) };
    status = { ...status, pvcRestores: await plan(attempt, selected) };
  }
  if (isHopeless(status)) return yield nothingToServe(status);

  const prepared = await prepareNamespace(tools.client, attempt.owner, { ...restore, status });
  if (prepared.kind === "waiting") return yield waitFor(status, prepared);
  if (restore.status?.createdNamespace !== prepared.name) {
    status = { ...status, createdNamespace: prepared.name };
    // Plan and namespace are in the status before Velero is asked for anything.
    const message = `Restore namespace '${prepared.name}' is ready, proceeding with Velero restore creation`;
    yield { status, verdict: inProgress({ reason: "NamespaceReady", message }) };
  }
  const volumes = await restored(attempt, selected, status, prepared.name);
  status = { ...status, pvcRestores: volumes.pvcRestores };
  if (volumes.pending > 0) return yield waitForVolumes(status, volumes);
  if (isHopeless(status)) return yield nothingToServe(status);

  const { pvcRestores = [] } = status;
  const bucket = await ensureBucketAccess(tools.client, attempt.owner, prepared.name, locationsOf(pvcRestores));
  status = { ...status, pvcRestores: applyObstacles(pvcRestores, bucket) };
  if (isHopeless(status)) throw new StepFailure("BucketNotReadable", [...bucket.obstacles.values()].join("; "));

  const serving = await serve(attempt, selected, status, volumes, bucket);
  if (serving.kind === "waiting") return yield waitFor(status, serving);
  yield await judgePod(attempt, { ...status, fileServingInfo: serving.info }, serving);
}

async function select({ tools, restore }: Attempt): Promise<SelectedBackups | Waiting> {
  const { namespace = "" } = restore.metadata;
  const key = { namespace, name: restore.spec.backupsDiscoveryRef };
  return selectBackups(restore, await tools.client.find(virtualMachineBackupsDiscoveries, key));
}

/**
 * What an earlier pass has planned holds until the spec is changed: neither a backup that the discovery finds later
 * nor its deletion takes the files away from whoever is using them.
 */
function knownSelection({ metadata, status = {} }: Stored<VirtualMachineFileRestore>): SelectedBackups | undefined {
  const { pvcRestores = [], virtualMachine: vm, observedGeneration } = status;
  if (vm === undefined || observedGeneration !== metadata.generation || isOutdated(pvcRestores)) return undefined;
  const backups = new Map<string, VeleroBackupInfo>();
  for (const { veleroBackupName: name, veleroBackupNamespace: namespace, timestamp } of pvcRestores.flatMap(
    ({ restores = [] }) => restores,
  )) {
    backups.set(name, { name, namespace, ...(timestamp !== undefined && { createdAt: timestamp }) });
  }
  return backups.size === 0 ? undefined : { kind: "selected", vm, backups: [...backups.values()] };
}

/** Planned before locations were written down. */
function isOutdated(plan: readonly PvcRestore[]): boolean {
  const entries = plan.flatMap(({ restores = [] }) => restores);
  return entries.some(({ dataPath, storageLocation }) => dataPath === "Direct" && storageLocation === undefined);
}

function waitFor(status: VirtualMachineFileRestoreStatus, { reason, message, requeueAfterMs }: Waiting): Progress {
  const verdict = inProgress({ reason, message });
  return { status, verdict, ...(requeueAfterMs !== undefined && { requeueAfterMs }) };
}

async function plan(
  { tools, restore, owner, signal }: Attempt,
  { vm, backups }: SelectedBackups,
): Promise<PvcRestore[]> {
  const dataPath = restore.spec.dataPath ?? tools.settings.dataPath;
  const inspector = tools.inspectorFor(owner);
  try {
    return await planDisks(inspector, vm, backups, dataPath, signal);
  } finally {
    await inspector.close();
  }
}

/** No disk of any backup can be served or may still come. */
function isHopeless({ pvcRestores = [] }: VirtualMachineFileRestoreStatus): boolean {
  const { available, processing } = countStates(pvcRestores);
  return available + processing === 0;
}

function nothingToServe(status: VirtualMachineFileRestoreStatus): Progress {
  const { failures } = countStates(status.pvcRestores ?? []);
  const message = `No PVCs with available backups found: ${failures.slice(0, 5).join("; ")}`.slice(0, 4096);
  return { status, verdict: failed({ reason: "NoAvailableBackups", message }) };
}

async function restored(
  { tools, owner }: Attempt,
  { vm }: SelectedBackups,
  { pvcRestores = [] }: VirtualMachineFileRestoreStatus,
  namespace: string,
): Promise<RestoredVolumes> {
  const { client, settings, clock } = tools;
  const options = { client, owner, vm, namespace, timeouts: settings.timeouts, now: clock.now() };
  return restoreVolumes(options, pvcRestores);
}

function waitForVolumes(status: VirtualMachineFileRestoreStatus, { pending, progress }: RestoredVolumes): Progress {
  const also = progress === "" ? "" : `, ${progress}`;
  const message = `Waiting for Velero Restore(s) to complete: ${pending} PVC(s) to come${also}`;
  return { status, verdict: inProgress({ reason: "WaitingForRestores", message }), requeueAfterMs: POLL_MS };
}

async function serve(
  attempt: Attempt,
  { vm }: SelectedBackups,
  { createdNamespace: namespace = "", pvcRestores = [], expiresAt: expiry }: VirtualMachineFileRestoreStatus,
  { claims }: RestoredVolumes,
  bucket: BucketAccess,
): Promise<Serving | Waiting> {
  const { tools, restore, owner, expiresAt } = attempt;
  const { client, settings } = tools;
  const plan = buildPlan({
    vm,
    pvcRestores,
    claims,
    stores: bucket.stores,
    ...(expiry !== undefined && { expiresAt: expiry }),
  });
  return serveFiles({
    client,
    owner,
    spec: restore.spec,
    namespace,
    settings,
    plan,
    volumes: claims.map(podVolumeOf),
    now: tools.clock.now(),
    ...(bucket.secretName !== undefined && { bucketSecret: bucket.secretName }),
    ...(expiresAt !== undefined && { expiresAt }),
  });
}

/** Ready means that files can be read; what was found on each disk comes from the pod itself. */
async function judgePod(
  { tools, signal }: Attempt,
  status: VirtualMachineFileRestoreStatus,
  { pod, outstanding, shortfall }: Serving,
): Promise<Progress> {
  const inventory = await inventoryOf(tools, pod, signal);
  if (inventory !== undefined) {
    const pvcRestores = applyInventory(status.pvcRestores ?? [], inventory);
    const inspected = { ...status, pvcRestores };
    if (isReady(pod) || isHopeless(inspected)) {
      if (outstanding === undefined) return { status: inspected, verdict: served(pvcRestores, shortfall) };
      const wait = { reason: "WaitingForRoute", message: `File server created, ${outstanding}` };
      return { status: inspected, verdict: inProgress(wait, true), requeueAfterMs: POLL_MS };
    }
  }
  const message = whyNotReady(pod);
  const age = tools.clock.now() - Date.parse(String(pod.metadata.creationTimestamp));
  const { podMs } = tools.settings.timeouts;
  const verdict =
    age > podMs
      ? failed({
          reason: "FileServerNotReady",
          message: `${message}; no file could be read within ${formatDuration(podMs)}`,
        })
      : inProgress({ reason: "WaitingForFileServer", message });
  return { status, verdict, requeueAfterMs: POLL_MS };
}

/** Undefined as long as no container answers; the pod's own status says why, and for how long it may be so. */
async function inventoryOf(
  { fetchInventory }: AdvanceTools,
  pod: Serving["pod"],
  signal: AbortSignal,
): Promise<Inventory | undefined> {
  if (!isRunning(pod)) return undefined;
  try {
    return await fetchInventory(pod, signal);
  } catch (error) {
    if (isReady(pod) || !(error instanceof SourceError)) throw error;
    return undefined;
  }
}
