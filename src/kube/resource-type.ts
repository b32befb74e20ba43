/** What the API server stores, how it is named, and where it is found (Kubernetes API conventions, "Resources"). */
import type { ObjectMeta } from "kubernetes-types/meta/v1.js";
import { ConfigError } from "../errors.ts";

export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

/** Types of kubernetes-types leave out what every object has on the wire. */
export type Complete<T> = Omit<T, "apiVersion" | "kind" | "metadata"> & KubeObject;

/** An object as the API server answers it. The resource version is opaque: compare it for equality, nothing else. */
export type Stored<T extends KubeObject> = T & {
  metadata: ObjectMeta & { name: string; uid: string; resourceVersion: string };
};

export interface ObjectKey {
  /** Absent for objects of the cluster itself. */
  readonly namespace?: string;
  readonly name: string;
}

export interface ResourceType<T extends KubeObject = KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** As in URLs: lower case. */
  readonly plural: string;
  readonly namespaced: boolean;
  /** Never there: ties the type of the objects to the constant. */
  readonly object?: T;
}

export type Subresource = "status" | "scale";

/** As objects say it: `v1`, `apps/v1`. */
export function apiVersionOf(type: ResourceType): string {
  return type.group === "" ? type.version : `${type.group}/${type.version}`;
}

/** For people: `pods`, `backups.velero.io`. */
export function resourceName(type: ResourceType): string {
  return type.group === "" ? type.plural : `${type.plural}.${type.group}`;
}

/** @throws ConfigError when the object has no name */
export function keyOf(object: { readonly metadata: ObjectMeta }): ObjectKey {
  const { namespace, name } = object.metadata;
  if (name === undefined) throw new ConfigError("an object without a name was used where one is needed");
  return namespace === undefined ? { name } : { namespace, name };
}

/** One text for one key, for maps and messages: `namespace/name`, or `name`. */
export function keyText(key: ObjectKey): string {
  return key.namespace === undefined ? key.name : `${key.namespace}/${key.name}`;
}

/** `/apis/<group>/<version>`, or `/api/<version>` of the core group. */
export function groupVersionPath(type: ResourceType): string {
  return type.group === "" ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
}

/** Path of a collection: one namespace's, or all of them when none is given. */
export function collectionPath(type: ResourceType, namespace?: string): string {
  const within = type.namespaced && namespace !== undefined ? `/namespaces/${pathSegment(namespace)}` : "";
  return `${groupVersionPath(type)}${within}/${type.plural}`;
}

/** @throws ConfigError when the namespace of a namespaced object, or the name, cannot stand in a path */
export function objectPath(type: ResourceType, key: ObjectKey, subresource?: Subresource): string {
  if (type.namespaced && key.namespace === undefined) {
    throw new ConfigError(`${resourceName(type)} ${key.name}: a namespace is needed`);
  }
  const path = `${collectionPath(type, key.namespace)}/${pathSegment(key.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** An empty name would turn the deletion of one object into that of a collection; dots would lead elsewhere. */
function pathSegment(name: string): string {
  if (name === "" || name === "." || name === ".." || /[/%]/.test(name)) {
    throw new ConfigError(`"${name}" cannot be the name of an object`);
  }
  return encodeURIComponent(name);
}
