import { isNotFound } from "./api-error.ts";
import type { KubeClient } from "./kube-client.ts";
import { type KubeObject, keyOf, type ResourceType, type Stored } from "./resource-type.ts";

type Patcher = Pick<KubeClient, "mergePatch">;

export function hasFinalizer(object: KubeObject, finalizer: string): boolean {
  return object.metadata.finalizers?.includes(finalizer) ?? false;
}

/** @throws ApiError, `isConflict` when the object has changed since it was read */
export async function addFinalizer<T extends KubeObject>(
  client: Patcher,
  type: ResourceType<T>,
  object: Stored<T>,
  finalizer: string,
): Promise<Stored<T>> {
  if (hasFinalizer(object, finalizer)) return object;
  return await setFinalizers(client, type, object, [...(object.metadata.finalizers ?? []), finalizer]);
}

/**
 * The last one ends an object that is being deleted; one that is gone already is fine.
 *
 * @throws ApiError, `isConflict` when the object has changed since it was read
 */
export async function removeFinalizer<T extends KubeObject>(
  client: Patcher,
  type: ResourceType<T>,
  object: Stored<T>,
  finalizer: string,
): Promise<void> {
  if (!hasFinalizer(object, finalizer)) return;
  const others = (object.metadata.finalizers ?? []).filter((other) => other !== finalizer);
  try {
    await setFinalizers(client, type, object, others);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** The whole list is written, so the object must still be the one it was taken from. */
async function setFinalizers<T extends KubeObject>(
  client: Patcher,
  type: ResourceType<T>,
  object: Stored<T>,
  finalizers: readonly string[],
): Promise<Stored<T>> {
  const { uid, resourceVersion } = object.metadata;
  return await client.mergePatch(type, keyOf(object), { metadata: { uid, resourceVersion, finalizers } });
}
