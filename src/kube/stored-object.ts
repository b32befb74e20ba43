import { type ApiError, transportError } from "./api-error.ts";
import { apiVersionOf, type KubeObject, type ResourceType, resourceName, type Stored } from "./resource-type.ts";

type Fields = Record<string, unknown>;

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(what: string, problem: string): ApiError {
  return transportError(`${what}: the answer ${problem}`, "InvalidAnswer");
}

/**
 * An object of an answer. Items of a list come without their kind, which is put back.
 *
 * @throws ApiError when it lacks what every stored object has
 */
export function storedObject<T extends KubeObject>(type: ResourceType<T>, value: unknown): Stored<T> {
  const what = resourceName(type);
  if (!isRecord(value) || !isRecord(value["metadata"])) throw invalid(what, "is not an object with metadata");
  const { metadata } = value;
  for (const field of ["name", "uid", "resourceVersion"]) {
    if (typeof metadata[field] !== "string") throw invalid(what, `has an object without metadata.${field}`);
  }
  const complete: unknown = { ...value, apiVersion: apiVersionOf(type), kind: type.kind };
  return complete as Stored<T>;
}

/** One page of a listing. */
export interface ListPage<T extends KubeObject> {
  readonly items: readonly Stored<T>[];
  /** Of the whole collection, for a watch that goes on from here. */
  readonly resourceVersion: string;
  /** Where the next page starts; absent on the last one. */
  readonly continueToken?: string;
}

/** @throws ApiError when it is not a list */
export function listPage<T extends KubeObject>(type: ResourceType<T>, value: unknown): ListPage<T> {
  const what = resourceName(type);
  if (!isRecord(value) || !isRecord(value["metadata"])) throw invalid(what, "is not a list");
  // Go writes an empty list as null.
  const items = value["items"] ?? [];
  const { resourceVersion, continue: continueToken } = value["metadata"];
  if (!Array.isArray(items) || typeof resourceVersion !== "string") throw invalid(what, "is not a list");
  return {
    items: items.map((item) => storedObject(type, item)),
    resourceVersion,
    ...(typeof continueToken === "string" && continueToken !== "" ? { continueToken } : {}),
  };
}

export type WatchEvent<T extends KubeObject> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: Stored<T> }
  /** Nothing has changed up to this resource version. */
  | { readonly type: "BOOKMARK"; readonly resourceVersion: string };

/** With what ends a watch: the server gives up, and a `Status` object says why. */
export type WatchMessage<T extends KubeObject> = WatchEvent<T> | { readonly type: "ERROR"; readonly status: unknown };

/** @throws ApiError when it is none */
export function watchMessage<T extends KubeObject>(type: ResourceType<T>, value: unknown): WatchMessage<T> {
  const what = `watch ${resourceName(type)}`;
  if (!isRecord(value) || !isRecord(value["object"])) throw invalid(what, "is not an event");
  const { type: change, object } = value;
  switch (change) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED":
      return { type: change, object: storedObject(type, object) };
    case "BOOKMARK": {
      const resourceVersion = isRecord(object["metadata"]) ? object["metadata"]["resourceVersion"] : undefined;
      if (typeof resourceVersion !== "string") throw invalid(what, "has a bookmark without a resource version");
      return { type: "BOOKMARK", resourceVersion };
    }
    case "ERROR":
      return { type: "ERROR", status: object };
    default:
      throw invalid(what, `has an event of an unknown type`);
  }
}
