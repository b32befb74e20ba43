/** Making sure that a child object is there, without ever touching somebody else's of the same name. */
import { isAlreadyExists, isNotFound } from "../../kube/api-error.ts";
import type { KubeClient } from "../../kube/kube-client.ts";
import {
  type KubeObject,
  keyOf,
  keyText,
  type ResourceType,
  resourceName,
  type Stored,
} from "../../kube/resource-type.ts";
import { isChildOf, type RestoreOwner } from "./owner.ts";
import { StepFailure } from "./step.ts";

export type ChildClient = Pick<KubeClient, "find" | "create" | "apply" | "delete" | "list" | "mergePatch" | "serves">;

const FIELD_MANAGER = "vmfr-operator";

/**
 * Creates the object unless this restore has it already; what is there is never changed: keys and passwords must not
 * be made anew under a running pod.
 * @throws StepFailure when another owner has an object of that name
 */
export async function ensureCreated<T extends KubeObject>(
  client: ChildClient,
  owner: RestoreOwner,
  type: ResourceType<T>,
  key: { readonly namespace?: string; readonly name: string },
  make: () => Promise<T> | T,
): Promise<Stored<T>> {
  const found = await client.find(type, key);
  if (found !== undefined) return own(owner, type, found);
  try {
    return await client.create(type, await make());
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const other = await client.find(type, key);
    if (other === undefined) throw error;
    return own(owner, type, other);
  }
}

/** Creates the object or brings it to what it should be. @throws StepFailure as above */
export async function ensureApplied<T extends KubeObject>(
  client: ChildClient,
  owner: RestoreOwner,
  type: ResourceType<T>,
  object: T,
): Promise<Stored<T>> {
  const found = await client.find(type, keyOf(object));
  if (found !== undefined) own(owner, type, found);
  return client.apply(type, object as never, { fieldManager: FIELD_MANAGER, force: true });
}

function own<T extends KubeObject>(owner: RestoreOwner, type: ResourceType<T>, object: Stored<T>): Stored<T> {
  if (isChildOf(object, owner)) return object;
  throw new StepFailure(
    "NameTaken",
    `${resourceName(type)} ${keyText(keyOf(object))} exists and does not belong to this file restore`,
  );
}

/** Everything of one kind made for this restore, in one namespace or, without it, the whole cluster. */
export async function children<T extends KubeObject>(
  client: ChildClient,
  type: ResourceType<T>,
  selection: { readonly namespace?: string; readonly labelSelector: string },
): Promise<Stored<T>[]> {
  const found: Stored<T>[] = [];
  try {
    for await (const object of client.list(type, selection)) found.push(object);
  } catch (error) {
    // A kind the cluster does not have has no objects either.
    if (!isNotFound(error)) throw error;
  }
  return found;
}
