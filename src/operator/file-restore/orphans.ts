/**
 * Temporary namespaces whose file restore is gone without having been cleaned up: somebody has removed its finalizers,
 * or restored the cluster's state to a time before it. They go with all that Velero made for them.
 */
import type { Logger } from "../../kube/log.ts";
import type { ReconcileResult, Reconciler } from "../../kube/reconciler.ts";
import type { KubeObject, ObjectKey } from "../../kube/resource-type.ts";
import { namespaces } from "../../kube/resources.ts";
import { labels } from "../api/v1alpha1/names.ts";
import { virtualMachineFileRestores } from "../api/v1alpha1/virtual-machine-file-restore.ts";
import { isTemporaryNamespaceOf } from "./children/namespace.ts";
import { type CleanUpClient, cleanUpResources, cleanUpRestores } from "./clean-up.ts";
import { originOf, type RestoreOwner } from "./owner.ts";

export interface OrphansOptions {
  readonly client: CleanUpClient;
  /** Where the file restores of this operator are; another's are none of its business. */
  readonly namespace: string;
  readonly log: Logger;
}

/** Nobody tells when a file restore went away while no operator was there. */
const LOOK_AGAIN_MS = 10 * 60_000;

/** Its keys are names of namespaces. */
export class OrphanReconciler implements Reconciler {
  readonly #options: OrphansOptions;

  constructor(options: OrphansOptions) {
    this.#options = options;
  }

  async reconcile({ name }: ObjectKey): Promise<ReconcileResult | undefined> {
    const { client, namespace, log } = this.#options;
    const found = await client.find(namespaces, { name });
    const owner = found === undefined ? undefined : ownerOfNamespace(found);
    if (found === undefined || owner?.namespace !== namespace || !isTemporaryNamespaceOf(found, owner))
      return undefined;
    const restore = await client.find(virtualMachineFileRestores, owner);
    if (restore?.metadata.uid === owner.uid) return { requeueAfterMs: LOOK_AGAIN_MS };
    log.info({ namespace: name, restore: `${owner.namespace}/${owner.name}` }, "Cleaning up after a lost file restore");
    const wait = (await cleanUpRestores(client, owner, name)) ?? (await cleanUpResources(client, owner, undefined, []));
    return wait?.requeueAfterMs === undefined ? undefined : { requeueAfterMs: wait.requeueAfterMs };
  }
}

/** The file restore that the namespace says it was made for; undefined when it says nothing. */
export function ownerOfNamespace(object: Pick<KubeObject, "metadata">): RestoreOwner | undefined {
  const uid = object.metadata.labels?.[labels.originUid];
  const origin = originOf(object);
  return uid === undefined || origin === undefined ? undefined : { ...origin, uid };
}
