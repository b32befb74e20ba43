/** Step 5: Velero restores the PVCs, one Restore a backup; what becomes of each is written into its entry. */
import { formatDuration } from "../../bytes/duration.ts";
import type { Stored } from "../../kube/resource-type.ts";
import { configMaps, type PersistentVolumeClaim, persistentVolumeClaims } from "../../kube/resources.ts";
import { labels } from "../api/v1alpha1/names.ts";
import { type PvcBackupRestore, type PvcRestore, pvcStates, type RestorePhase } from "../api/v1alpha1/pvc-restore.ts";
import { type DataDownload, dataDownloads, type VeleroRestore, veleroRestores } from "../velero/velero-resources.ts";
import { childNames } from "./child-names.ts";
import { resourceModifier, type VeleroRestoreOptions, veleroRestore } from "./children/velero-restore.ts";
import { type ChildClient, children, ensureApplied, ensureCreated } from "./ensure.ts";
import { childSelector, type RestoreOwner } from "./owner.ts";
import type { VmReference } from "./plan-disks.ts";
import { pruneRestore } from "./prune.ts";
import type { FileRestoreSettings } from "./settings.ts";

/** A PVC that Velero has made, ready to be attached. */
export interface RestoredClaim {
  readonly pvcName: string;
  readonly backup: string;
  readonly claim: Stored<PersistentVolumeClaim>;
}

export interface RestoredVolumes {
  readonly pvcRestores: PvcRestore[];
  readonly claims: readonly RestoredClaim[];
  /** PVCs that are still to come. */
  readonly pending: number;
  /** How far the downloads are, for people; empty when there are none. */
  readonly progress: string;
}

export interface RestoreVolumesOptions {
  readonly client: ChildClient;
  readonly owner: RestoreOwner;
  readonly vm: VmReference;
  /** Where the PVCs are to be. */
  readonly namespace: string;
  readonly timeouts: FileRestoreSettings["timeouts"];
  /** Milliseconds since 1970. */
  readonly now: number;
}

export async function restoreVolumes(
  options: RestoreVolumesOptions,
  plan: readonly PvcRestore[],
): Promise<RestoredVolumes> {
  const { client, owner, namespace } = options;
  const wanted = restoresWanted(options, plan);
  const restores = await ensureRestores(options, wanted);
  if (restores.size === 0) return { pvcRestores: [...plan], claims: [], pending: 0, progress: "" };
  const claims = await children(client, persistentVolumeClaims, { namespace, labelSelector: labels.restoreName });
  const downloads = await restoreDownloads(client, owner, restores);
  await pointDownloads(client, plan, downloads);
  return judge(options, plan, { restores, claims, downloads: downloads.map(({ download }) => download) });
}

/** Per backup, the Restore of all of its PVCs that can be restored. */
function restoresWanted({ vm, namespace }: RestoreVolumesOptions, plan: readonly PvcRestore[]): VeleroRestoreOptions[] {
  const byBackup = new Map<string, { uid: string; name: string }[]>();
  for (const { pvcUID, pvcName, restores = [] } of plan) {
    for (const { veleroBackupName, dataPath, state, veleroRestoreName } of restores) {
      // What failed before its Restore was made needs none; what failed afterwards still has it.
      const isWanted = dataPath === "Restore" && (isOpen(state) || veleroRestoreName !== undefined);
      if (!isWanted) continue;
      const claims = byBackup.get(veleroBackupName) ?? [];
      byBackup.set(veleroBackupName, claims);
      claims.push({ uid: pvcUID, name: pvcName });
    }
  }
  return [...byBackup].map(([backup, claims]) => ({ backup, vm, claims, namespace }));
}

function isOpen(state: string | undefined): boolean {
  return state === pvcStates.processing || state === pvcStates.available;
}

/** By backup. One that is there already, whoever made it and under whichever name, is not made again. */
async function ensureRestores(
  { client, owner, namespace }: RestoreVolumesOptions,
  wanted: readonly VeleroRestoreOptions[],
): Promise<Map<string, Stored<VeleroRestore>>> {
  const selection = { namespace: owner.namespace, labelSelector: childSelector(owner) };
  const existing = await children(client, veleroRestores, selection);
  for (const restore of existing) {
    const isWanted = wanted.some(({ backup }) => backup === restore.spec.backupName);
    if (!isWanted) await pruneRestore(client, owner, namespace, restore);
  }
  const restores = new Map<string, Stored<VeleroRestore>>();
  for (const options of wanted) {
    const { backup } = options;
    const found = existing.find(({ spec }) => spec.backupName === backup);
    if (found !== undefined) {
      restores.set(backup, found);
      continue;
    }
    // The rules first: Velero reads them when it begins.
    await ensureApplied(client, owner, configMaps, resourceModifier(owner, options));
    const key = { namespace: owner.namespace, name: childNames.veleroRestore(owner, backup) };
    restores.set(backup, await ensureCreated(client, owner, veleroRestores, key, () => veleroRestore(owner, options)));
  }
  return restores;
}

interface RestoreDownload {
  readonly backup: string;
  readonly download: Stored<DataDownload>;
}

async function restoreDownloads(
  client: ChildClient,
  owner: RestoreOwner,
  restores: ReadonlyMap<string, Stored<VeleroRestore>>,
): Promise<RestoreDownload[]> {
  const names = new Map([...restores].map(([backup, { metadata }]) => [metadata.name, backup]));
  const selection = {
    namespace: owner.namespace,
    labelSelector: `${labels.restoreName} in (${[...names.keys()].join(",")})`,
  };
  const found = await children(client, dataDownloads, selection);
  return found.flatMap((download) => {
    const backup = names.get(download.metadata.labels?.[labels.restoreName] ?? "");
    return backup === undefined ? [] : [{ backup, download }];
  });
}

/** Velero's CSI plugin names the PVC before our rules rename it; nobody has begun the download while it is new. */
async function pointDownloads(
  client: ChildClient,
  plan: readonly PvcRestore[],
  downloads: readonly RestoreDownload[],
): Promise<void> {
  const originalNames = new Set(plan.map(({ pvcName }) => pvcName));
  for (const { backup, download } of downloads) {
    const { pvc } = download.spec.targetVolume;
    const isNew = (download.status?.phase ?? "New") === "New";
    const name = childNames.restoredPvc(pvc, backup);
    if (!isNew || !originalNames.has(pvc) || name === pvc) continue;
    const { namespace = "", name: downloadName, resourceVersion } = download.metadata;
    const patch = { metadata: { resourceVersion }, spec: { targetVolume: { pvc: name } } };
    await client.mergePatch(dataDownloads, { namespace, name: downloadName }, patch);
  }
}

interface Evidence {
  readonly restores: ReadonlyMap<string, Stored<VeleroRestore>>;
  readonly claims: readonly Stored<PersistentVolumeClaim>[];
  readonly downloads: readonly Stored<DataDownload>[];
}

function judge(options: RestoreVolumesOptions, plan: readonly PvcRestore[], evidence: Evidence): RestoredVolumes {
  const claims: RestoredClaim[] = [];
  let pending = 0;
  const pvcRestores = plan.map((pvc): PvcRestore => {
    const entries = (pvc.restores ?? []).map((entry): PvcBackupRestore => {
      const restore = entry.dataPath === "Restore" ? evidence.restores.get(entry.veleroBackupName) : undefined;
      if (restore === undefined) return entry;
      const claim = findClaim(pvc.pvcName, restore, evidence.claims);
      const download = downloadOf(claim, restore, evidence.downloads);
      const known = { ...entry, ...restoreFields(restore) };
      const failureReason = failure(options, { restore, claim, download });
      if (failureReason !== undefined) return { ...known, state: pvcStates.failed, failureReason };
      const { failureReason: _, ...open } = known;
      if (claim === undefined) pending += 1;
      else claims.push({ pvcName: pvc.pvcName, backup: entry.veleroBackupName, claim });
      return { ...open, state: entry.state === pvcStates.available ? pvcStates.available : pvcStates.processing };
    });
    return { ...pvc, restores: entries };
  });
  return { pvcRestores, claims, pending, progress: progressOf(evidence.downloads) };
}

/** By the name our rules give it, or by the labels of the OpenShift plugin, which gives it one of its own. */
function findClaim(
  pvcName: string,
  restore: Stored<VeleroRestore>,
  claims: readonly Stored<PersistentVolumeClaim>[],
): Stored<PersistentVolumeClaim> | undefined {
  const name = childNames.restoredPvc(pvcName, restore.spec.backupName);
  const ofRestore = claims.filter(({ metadata }) => metadata.labels?.[labels.restoreName] === restore.metadata.name);
  return (
    ofRestore.find(({ metadata }) => metadata.name === name) ??
    ofRestore.find(({ metadata }) => metadata.labels?.[labels.originalName] === pvcName)
  );
}

function downloadOf(
  claim: Stored<PersistentVolumeClaim> | undefined,
  restore: Stored<VeleroRestore>,
  downloads: readonly Stored<DataDownload>[],
): Stored<DataDownload> | undefined {
  return downloads.find(
    ({ metadata, spec }) =>
      metadata.labels?.[labels.restoreName] === restore.metadata.name && spec.targetVolume.pvc === claim?.metadata.name,
  );
}

function restoreFields({ metadata, status }: Stored<VeleroRestore>): Partial<PvcBackupRestore> {
  const { namespace, name, creationTimestamp } = metadata;
  return {
    veleroRestoreName: name,
    ...(namespace !== undefined && { veleroRestoreNamespace: namespace }),
    ...(isKnownPhase(status?.phase) ? { phase: status.phase } : { phase: "New" as const }),
    ...(creationTimestamp !== undefined && { createdAt: String(creationTimestamp) }),
    ...(status?.completionTimestamp !== undefined && { completedAt: status.completionTimestamp }),
  };
}

const PHASES: Record<RestorePhase, "running" | "ended" | "failed"> = {
  New: "running",
  InProgress: "running",
  WaitingForPluginOperations: "running",
  WaitingForPluginOperationsPartiallyFailed: "running",
  Finalizing: "ended",
  FinalizingPartiallyFailed: "ended",
  Completed: "ended",
  // Something of it failed, but perhaps not this PVC: what is there counts.
  PartiallyFailed: "ended",
  Failed: "failed",
  FailedValidation: "failed",
};

/** Newer versions of Velero may have phases of their own. */
function isKnownPhase(phase: string | undefined): phase is RestorePhase {
  return phase !== undefined && phase in PHASES;
}

interface Found {
  readonly restore: Stored<VeleroRestore>;
  readonly claim: Stored<PersistentVolumeClaim> | undefined;
  readonly download: Stored<DataDownload> | undefined;
}

/** Why the disk will not be there, a sentence; undefined while it is or may still come. */
function failure({ now, timeouts }: RestoreVolumesOptions, { restore, claim, download }: Found): string | undefined {
  const { status, metadata } = restore;
  const phase = isKnownPhase(status?.phase) ? PHASES[status.phase] : "running";
  const details = [status?.failureReason, ...(status?.validationErrors ?? [])].filter(Boolean).join("; ");
  const described = `Velero Restore ${metadata.name} is ${status?.phase}${details === "" ? "" : `: ${details}`}`;
  if (phase === "failed") return `${described}; velero restore describe ${metadata.name} tells more`;
  const downloadPhase = download?.status?.phase;
  if (downloadPhase === "Failed" || downloadPhase === "Canceled") {
    return `DataDownload ${download?.metadata.name} is ${downloadPhase}: ${download?.status?.message ?? "no reason given"}`;
  }
  if (claim?.status?.phase === "Lost") return `PVC ${claim.metadata.name} is in Lost state`;
  const age = now - Date.parse(String(metadata.creationTimestamp ?? new Date(now).toISOString()));
  if (phase === "running" && age > timeouts.restoreMs) {
    return `Velero Restore ${metadata.name} has not ended within ${formatDuration(timeouts.restoreMs)}`;
  }
  if (phase === "ended" && claim === undefined) {
    const since = Date.parse(status?.completionTimestamp ?? "") || now;
    if (now - since > timeouts.volumesMs) return `${described}, but it made no PVC of this disk`;
  }
  return undefined;
}

function progressOf(downloads: readonly Stored<DataDownload>[]): string {
  const total = sum(downloads.map(({ status }) => status?.progress?.totalBytes ?? 0));
  if (total === 0) return "";
  const done = sum(downloads.map(({ status }) => status?.progress?.bytesDone ?? 0));
  return `${Math.floor((100 * done) / total)} % of ${(total / 2 ** 30).toFixed(1)} GiB downloaded`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
