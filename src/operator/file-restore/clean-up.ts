/** Deletion: first what Velero still does for the restore, then everything that was made. */
import type { KubeClient } from "../../kube/kube-client.ts";
import { type KubeObject, keyOf, type ResourceType, resourceName, type Stored } from "../../kube/resource-type.ts";
import {
  configMaps,
  httpRoutes,
  ingresses,
  type Namespace,
  namespaces,
  networkPolicies,
  persistentVolumeClaims,
  pods,
  roleBindings,
  secrets,
  serviceAccounts,
  services,
} from "../../kube/resources.ts";
import { labels } from "../api/v1alpha1/names.ts";
import { type DataDownload, dataDownloads, veleroRestores } from "../velero/velero-resources.ts";
import { certificates } from "./children/certificate.ts";
import { backendTlsPolicies, routes, tlsRoutes } from "./children/external-access.ts";
import { isTemporaryNamespaceOf } from "./children/namespace.ts";
import { type ChildClient, children } from "./ensure.ts";
import { childSelector, type RestoreOwner } from "./owner.ts";
import { deleteRestoredSnapshots } from "./restored-snapshots.ts";
import { type Waiting, waiting } from "./step.ts";

export type CleanUpClient = ChildClient & Pick<KubeClient, "serves">;

const POLL_MS = 2_000;

/**
 * Undefined when all of it is gone. PVCs are deleted before the Restore that tells whose they are.
 * @param namespace where they are, as far as that is known
 */
export async function cleanUpRestores(
  client: CleanUpClient,
  owner: RestoreOwner,
  namespace: string | undefined,
): Promise<Waiting | undefined> {
  const selection = { namespace: owner.namespace, labelSelector: childSelector(owner) };
  const restores = await children(client, veleroRestores, selection);
  for (const restore of restores) {
    await cancelDownloads(client, owner, restore.metadata.name);
    if (namespace !== undefined && namespace !== "") await deleteClaims(client, namespace, restore.metadata.name);
    await deleteRestoredSnapshots(client, namespace, restore.metadata.name);
    await deleteOne(client, veleroRestores, restore);
  }
  for (const rules of await children(client, configMaps, selection)) await deleteOne(client, configMaps, rules);
  if (restores.length === 0) return undefined;
  return waiting("DeletingRestores", `Waiting for Velero to end ${restores.length} Restore(s)`, POLL_MS);
}

/** Each goes when no pod uses it any more. */
async function deleteClaims(client: CleanUpClient, namespace: string, restore: string): Promise<void> {
  const labelSelector = `${labels.restoreName}=${restore}`;
  for (const claim of await children(client, persistentVolumeClaims, { namespace, labelSelector })) {
    await deleteOne(client, persistentVolumeClaims, claim);
  }
}

const ENDED = new Set(["Completed", "Failed", "Canceled", "Canceling"]);

/** Else a node agent goes on writing into a volume that nobody wants. */
async function cancelDownloads(client: CleanUpClient, owner: RestoreOwner, restore: string): Promise<void> {
  const labelSelector = `${labels.restoreName}=${restore}`;
  const downloads: Stored<DataDownload>[] = await children(client, dataDownloads, {
    namespace: owner.namespace,
    labelSelector,
  });
  for (const { metadata, spec, status } of downloads) {
    if (spec.cancel === true || ENDED.has(status?.phase ?? "New")) continue;
    await client.mergePatch(dataDownloads, keyOf({ metadata }), { spec: { cancel: true } });
  }
}

/**
 * Undefined when all of it is gone.
 * @param known the namespace in the status
 * @param restoreNames of all Velero Restores that were made for it
 */
export async function cleanUpResources(
  client: CleanUpClient,
  owner: RestoreOwner,
  known: string | undefined,
  restoreNames: readonly string[],
): Promise<Waiting | undefined> {
  // By its labels too: the operator may have ended before it could write the name down.
  const temporary = (await children(client, namespaces, { labelSelector: childSelector(owner) })).filter((namespace) =>
    isTemporaryNamespaceOf(namespace, owner),
  );
  for (const namespace of temporary) await deleteOne(client, namespaces, namespace);
  const [first] = temporary;
  if (first !== undefined) return waiting("DeletingNamespace", describeTermination(first), POLL_MS);
  if (known === undefined || known === "") return undefined;
  const left = await deleteFrom(client, owner, known, restoreNames);
  return left.length === 0
    ? undefined
    : waiting("DeletingResources", `Waiting in namespace '${known}' for ${left.join(", ")} to be gone`, POLL_MS);
}

/** The API server says in conditions what keeps a namespace from ending. */
function describeTermination({ metadata, status }: Stored<Namespace>): string {
  const obstacles = (status?.conditions ?? [])
    .filter((condition) => condition.status === "True")
    .map(({ message }) => message)
    .filter((message) => message !== undefined && message !== "");
  const why = obstacles.length === 0 ? "" : `: ${obstacles.join("; ")}`;
  return `Waiting for namespace '${metadata.name}' to be gone${why}`;
}

/** In an order in which nothing waits for what comes later: the pod holds the PVCs. */
const OWNED: readonly ResourceType[] = [
  pods,
  services,
  routes,
  ingresses,
  httpRoutes,
  ...tlsRoutes,
  ...backendTlsPolicies,
  networkPolicies,
  configMaps,
  // Else cert-manager makes the Secret anew.
  certificates,
  secrets,
  roleBindings,
  serviceAccounts,
];

/** @returns what is still there, for people */
async function deleteFrom(
  client: CleanUpClient,
  owner: RestoreOwner,
  namespace: string,
  restoreNames: readonly string[],
): Promise<string[]> {
  const left: string[] = [];
  for (const type of OWNED) {
    if (!(await client.serves(type))) continue;
    for (const object of await children(client, type, { namespace, labelSelector: childSelector(owner) })) {
      await deleteOne(client, type, object);
      left.push(`${resourceName(type)}/${object.metadata.name}`);
    }
  }
  const claims = await children(client, persistentVolumeClaims, { namespace, labelSelector: labels.restoreName });
  for (const claim of claims) {
    if (!restoreNames.includes(claim.metadata.labels?.[labels.restoreName] ?? "")) continue;
    await deleteOne(client, persistentVolumeClaims, claim);
    left.push(`${persistentVolumeClaims.plural}/${claim.metadata.name}`);
  }
  return left;
}

async function deleteOne(client: CleanUpClient, type: ResourceType, object: Stored<KubeObject>): Promise<void> {
  if (object.metadata.deletionTimestamp !== undefined) return;
  await client.delete(type, keyOf(object), { uid: object.metadata.uid });
}
