/** What makes a file restore look again: its own spec, its discovery, and everything that was made for it. */
import { type Clock, systemClock } from "../../kube/clock.ts";
import { Controller, type ControllerMetrics, enqueueOnChange } from "../../kube/controller.ts";
import type { EventRecorder } from "../../kube/event-recorder.ts";
import { Informer } from "../../kube/informer.ts";
import type { KubeClient } from "../../kube/kube-client.ts";
import type { Logger } from "../../kube/log.ts";
import { type KubeObject, keyOf, type ObjectKey, type ResourceType, type Stored } from "../../kube/resource-type.ts";
import {
  type Namespace,
  namespaces,
  type PersistentVolumeClaim,
  persistentVolumeClaims,
  pods,
} from "../../kube/resources.ts";
import { WorkQueue } from "../../kube/work-queue.ts";
import { labels, labelValues } from "../api/v1alpha1/names.ts";
import type { VirtualMachineBackupsDiscovery } from "../api/v1alpha1/virtual-machine-backups-discovery.ts";
import type { VirtualMachineFileRestore } from "../api/v1alpha1/virtual-machine-file-restore.ts";
import { type DataDownload, dataDownloads, type VeleroRestore, veleroRestores } from "../velero/velero-resources.ts";
import { routes } from "./children/external-access.ts";
import { clusterInspector } from "./cluster-inspector.ts";
import { fetchInventory } from "./fetch-inventory.ts";
import { FileRestoreReconciler } from "./file-restore-reconciler.ts";
import { OrphanReconciler, ownerOfNamespace } from "./orphans.ts";
import { originOf } from "./owner.ts";
import type { FileRestoreSettings } from "./settings.ts";

export interface FileRestoreControllerOptions {
  readonly client: KubeClient;
  readonly settings: FileRestoreSettings;
  readonly fileRestores: Informer<VirtualMachineFileRestore>;
  readonly discoveries: Informer<VirtualMachineBackupsDiscovery>;
  readonly events: Pick<EventRecorder, "record">;
  readonly log: Logger;
  readonly metrics?: ControllerMetrics;
  readonly clock?: Clock;
}

export interface FileRestoreController {
  /** Until the signal is aborted. The informers that were handed in are the caller's to start. */
  run(signal: AbortSignal): Promise<void>;
}

const NAME = "virtualmachinefilerestore";
const ORPHANS_NAME = "virtualmachinefilerestore-orphans";
/** Most of a reconciliation is waiting for the API server. */
const AT_ONCE = 4;

export function createFileRestoreController(options: FileRestoreControllerOptions): FileRestoreController {
  const { client, settings, fileRestores, discoveries, events, log, metrics, clock = systemClock } = options;
  const queue = new WorkQueue({ clock });
  const reconciler = new FileRestoreReconciler({
    client,
    settings,
    clock,
    log,
    inspectorFor: (owner) => clusterInspector(client, owner, log),
    fetchInventory,
    announce: (restore, { phase, ready }) => {
      const type = phase === "Failed" || phase === "PartiallyFailed" ? "Warning" : "Normal";
      events.record(restore, { type, reason: ready.reason, action: "Reconcile", note: `${phase}: ${ready.message}` });
    },
  });
  fileRestores.onChange((before, now) => {
    if (now !== undefined && isNews(before, now)) queue.add(keyOf(now));
  });
  discoveries.onChange((before, now) => {
    const { namespace, name } = (now ?? before)?.metadata ?? {};
    for (const restore of fileRestores.list(namespace)) {
      if (restore.spec.backupsDiscoveryRef === name) queue.add(keyOf(restore));
    }
  });
  const controller = new Controller({
    name: NAME,
    queue,
    reconciler,
    concurrency: AT_ONCE,
    log,
    ...(metrics !== undefined && { metrics }),
  });
  const watched = watchChildren(options, queue);
  const namespacesOfOurs = watchOne(options, namespaces, queue);
  const orphans = watchOrphans(options, namespacesOfOurs);
  return {
    async run(signal) {
      for (const informer of [...watched, namespacesOfOurs]) informer.start(signal);
      if (await client.serves(routes, { signal })) watchOne(options, routes, queue).start(signal);
      await Promise.all([controller.run(signal), orphans.run(signal)]);
    },
  };
}

function watchOrphans(
  { client, settings, fileRestores, log, metrics, clock = systemClock }: FileRestoreControllerOptions,
  temporary: Informer<Namespace>,
): Controller {
  const queue = new WorkQueue({ clock });
  temporary.onChange(enqueueOnChange(queue));
  fileRestores.onChange((before, now) => {
    if (before === undefined || now?.metadata.uid === before.metadata.uid) return;
    for (const namespace of temporary.list()) {
      if (ownerOfNamespace(namespace)?.uid === before.metadata.uid) queue.add(keyOf(namespace));
    }
  });
  return new Controller({
    name: ORPHANS_NAME,
    queue,
    reconciler: new OrphanReconciler({ client, namespace: settings.namespace, log }),
    concurrency: 1,
    log,
    ...(metrics !== undefined && { metrics }),
  });
}

/** Its own writes of the status are no news. */
function isNews(
  before: Stored<VirtualMachineFileRestore> | undefined,
  { metadata }: Stored<VirtualMachineFileRestore>,
): boolean {
  return (
    before?.metadata.uid !== metadata.uid ||
    before.metadata.generation !== metadata.generation ||
    before.metadata.deletionTimestamp !== metadata.deletionTimestamp
  );
}

interface Startable {
  start(signal: AbortSignal): void;
}

function watchChildren(options: FileRestoreControllerOptions, queue: WorkQueue): Startable[] {
  const { client, settings, log } = options;
  const { namespace } = settings;
  const restores = new Informer<VeleroRestore>({
    client,
    type: veleroRestores,
    namespace,
    labelSelector: labels.originUid,
    log,
  });
  restores.onChange(enqueueOnChange(queue, ownerKeys));
  /** What Velero makes names the Restore, and that names us. */
  const byRestore = ({ metadata }: Pick<KubeObject, "metadata">): ObjectKey[] => {
    const restore = restores.get({ namespace, name: metadata.labels?.[labels.restoreName] ?? "" });
    return restore === undefined ? [] : ownerKeys(restore);
  };
  const claims = new Informer<PersistentVolumeClaim>({
    client,
    type: persistentVolumeClaims,
    labelSelector: labels.restoreName,
    keep: ({ apiVersion, kind, metadata, status }) => ({
      apiVersion,
      kind,
      metadata: { ...metadata, managedFields: [], annotations: {} },
      status: { phase: status?.phase ?? "" },
    }),
    log,
  });
  claims.onChange(enqueueOnChange(queue, byRestore));
  const downloads = new Informer<DataDownload>({
    client,
    type: dataDownloads,
    namespace,
    labelSelector: labels.restoreName,
    log,
  });
  downloads.onChange(enqueueOnChange(queue, byRestore));
  return [restores, claims, downloads, watchOne(options, pods, queue)];
}

/** Objects of ours carry the way back; those of one kind in all namespaces, and nobody else's. */
function watchOne<T extends KubeObject>(
  { client, log }: FileRestoreControllerOptions,
  type: ResourceType<T>,
  queue: WorkQueue,
): Informer<T> {
  const labelSelector = `${labels.originUid},${labels.managedBy}=${labelValues.managedBy}`;
  const informer = new Informer<T>({ client, type, labelSelector, log });
  informer.onChange(enqueueOnChange(queue, ownerKeys));
  return informer;
}

function ownerKeys(object: Pick<KubeObject, "metadata">): ObjectKey[] {
  const origin = originOf(object);
  return origin === undefined ? [] : [origin];
}
