import { Controller, type ControllerMetrics } from "../../kube/controller.ts";
import { Informer } from "../../kube/informer.ts";
import type { KubeClient } from "../../kube/kube-client.ts";
import type { Logger } from "../../kube/log.ts";
import { keyOf } from "../../kube/resource-type.ts";
import { WorkQueue } from "../../kube/work-queue.ts";
import type { VirtualMachineBackupsDiscovery } from "../api/v1alpha1/virtual-machine-backups-discovery.ts";
import { differsForVerdicts, keepOfBackup } from "../velero/cluster-backup.ts";
import { type VeleroBackup, veleroBackups } from "../velero/velero-resources.ts";
import { DiscoveryReconciler, type DiscoveryReconcilerOptions } from "./discovery-reconciler.ts";

export interface DiscoveryControllerOptions extends DiscoveryReconcilerOptions {
  readonly discoveries: Informer<VirtualMachineBackupsDiscovery>;
  readonly backups: Informer<VeleroBackup>;
  readonly metrics?: ControllerMetrics;
}

const NAME = "virtualmachinebackupsdiscovery";
const DISCOVERIES_AT_ONCE = 2;
/** Backups appear by the hundred when a bucket is new to a cluster. */
const GATHERING_MS = 2_000;

/** Velero's Backups in one namespace, with what verdicts depend on and nothing else. Not started. */
export function backupInformer(client: KubeClient, namespace: string, log: Logger): Informer<VeleroBackup> {
  return new Informer({ client, type: veleroBackups, namespace, log, keep: keepOfBackup });
}

/** The informers must be started by the caller; the controller does its work while it runs. */
export function createDiscoveryController(options: DiscoveryControllerOptions): Controller {
  const { discoveries, backups, log, metrics, clock } = options;
  const queue = new WorkQueue(clock === undefined ? {} : { clock });
  const reconciler = new DiscoveryReconciler(options);
  // Its own writes of the status are no news.
  discoveries.onChange((before, now) => {
    if (now === undefined) return;
    const isEdited =
      before?.metadata.uid !== now.metadata.uid || before.metadata.generation !== now.metadata.generation;
    if (isEdited) queue.add(keyOf(now));
  });
  backups.onChange((before, now) => {
    if (!differsForVerdicts(before, now)) return;
    const { namespace } = (now ?? before)?.metadata ?? {};
    for (const discovery of discoveries.list(namespace)) queue.addAfter(keyOf(discovery), GATHERING_MS);
  });
  return new Controller({
    name: NAME,
    queue,
    reconciler,
    concurrency: DISCOVERIES_AT_ONCE,
    log,
    ...(metrics === undefined ? {} : { metrics }),
    ...(clock === undefined ? {} : { clock }),
  });
}
