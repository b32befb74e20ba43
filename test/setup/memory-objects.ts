import { ApiError } from "../../src/kube/api-error.ts";
import {
  type KubeObject,
  keyOf,
  keyText,
  type ObjectKey,
  type ResourceType,
  resourceName,
  type Stored,
} from "../../src/kube/resource-type.ts";
import type { ChildClient } from "../../src/operator/file-restore/ensure.ts";

/**
 * A cluster's objects in memory, for tests of what is decided about them. It keeps and gives back, no more: how the API
 * server behaves is tested against the real one.
 */
export class MemoryObjects implements ChildClient {
  readonly #objects = new Map<string, { readonly type: ResourceType; object: Stored<KubeObject> }>();
  #versions = 0;

  constructor(...objects: readonly (readonly [ResourceType, KubeObject])[]) {
    for (const [type, object] of objects) this.#store(type, object);
  }

  /** Of a kind, `namespace/name` or `name`, sorted. */
  names(type: ResourceType): string[] {
    const ofType = [...this.#objects.values()].filter((each) => resourceName(each.type) === resourceName(type));
    return ofType.map(({ object }) => keyText(keyOf(object))).sort();
  }

  async find<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<Stored<T> | undefined> {
    return this.#objects.get(identity(type, key))?.object as Stored<T> | undefined;
  }

  async create<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<Stored<T>> {
    const key = keyOf(object);
    if (!this.#objects.has(identity(type, key))) return this.#store(type, object) as Stored<T>;
    throw new ApiError(`${keyText(key)} already exists`, { status: 409, reason: "AlreadyExists" });
  }

  async apply<T extends KubeObject>(type: ResourceType<T>, object: object): Promise<Stored<T>> {
    return this.#store(type, object as KubeObject) as Stored<T>;
  }

  async mergePatch<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, patch: object): Promise<Stored<T>> {
    const found = this.#objects.get(identity(type, key));
    if (found === undefined) throw new ApiError(`${keyText(key)} not found`, { status: 404, reason: "NotFound" });
    found.object = merged(found.object, patch) as Stored<KubeObject>;
    return found.object as Stored<T>;
  }

  async delete(type: ResourceType, key: ObjectKey): Promise<boolean> {
    return this.#objects.delete(identity(type, key));
  }

  async *list<T extends KubeObject>(
    type: ResourceType<T>,
    { namespace, labelSelector = "" }: { readonly namespace?: string; readonly labelSelector?: string } = {},
  ): AsyncIterable<Stored<T>> {
    for (const { type: itsType, object } of [...this.#objects.values()]) {
      if (resourceName(itsType) !== resourceName(type)) continue;
      if (namespace !== undefined && object.metadata.namespace !== namespace) continue;
      if (matches(object.metadata.labels ?? {}, labelSelector)) yield object as Stored<T>;
    }
  }

  async serves(): Promise<boolean> {
    return true;
  }

  #store(type: ResourceType, object: KubeObject): Stored<KubeObject> {
    const { name = "", uid = `uid-${name}` } = object.metadata;
    const resourceVersion = String(++this.#versions);
    const stored = { ...object, metadata: { ...object.metadata, name, uid, resourceVersion } };
    this.#objects.set(identity(type, keyOf(stored)), { type, object: stored });
    return stored;
  }
}

function identity(type: ResourceType, key: ObjectKey): string {
  return `${resourceName(type)} ${keyText(key)}`;
}

/** `key`, `key=value` and `key in (value,…)`, joined by commas. */
function matches(labels: Readonly<Record<string, string>>, selector: string): boolean {
  const terms = selector.split(/,(?![^(]*\))/).filter((term) => term !== "");
  return terms.every((term) => {
    const [, key = "", list, value] = /^([^ =]+)(?: in \((.*)\)|=(.*))?$/.exec(term) ?? [];
    const label = labels[key];
    if (label === undefined) return false;
    return list !== undefined ? list.split(",").includes(label) : value === undefined || value === label;
  });
}

/** RFC 7386, for patches that remove nothing. */
function merged(target: unknown, patch: unknown): unknown {
  if (!isObject(target) || !isObject(patch)) return patch;
  const changes = Object.entries(patch).map(([name, value]) => [name, merged(target[name], value)] as const);
  return { ...target, ...Object.fromEntries(changes) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
