import { ConfigError } from "../errors.ts";
import { ApiCaller, type ApiCallerOptions, type ApiRequest, type CallOptions, parseJson } from "./api-caller.ts";
import { ApiDiscovery } from "./api-discovery.ts";
import { ApiError, errorFromStatus, isGone, isNotFound } from "./api-error.ts";
import type { ClusterCredentials } from "./authorization.ts";
import type {
  ApplyOptions,
  DeleteOptions,
  JsonPatchOperation,
  ListOptions,
  Partly,
  PatchOptions,
  WatchOptions,
} from "./client-options.ts";
import {
  collectionPath,
  type KubeObject,
  keyOf,
  keyText,
  type ObjectKey,
  objectPath,
  type ResourceType,
  resourceName,
  type Stored,
  type Subresource,
} from "./resource-type.ts";
import { type ListPage, listPage, storedObject, type WatchEvent, watchMessage } from "./stored-object.ts";
import { linesOf } from "./watch-lines.ts";

const PAGE_SIZE = 500;
const WATCH_SECONDS = 300;
const IDLE_MS = 150_000;

/**
 * The API server's verbs, with JSON in and out. Every method throws ApiError for what the server refuses and for what
 * does not reach it, LimitError for an answer beyond all bounds, ConfigError for a key that cannot be one, and the
 * signal's reason once that is aborted. What is safe to repeat is repeated when the server is busy or unreachable.
 */
export class KubeClient {
  /** The caller's own namespace, when there is one. */
  readonly namespace: string | undefined;
  readonly #api: ApiCaller;
  readonly #discovery: ApiDiscovery;

  constructor(credentials: ClusterCredentials, options: ApiCallerOptions = {}) {
    this.namespace = credentials.namespace;
    this.#api = new ApiCaller(credentials, options);
    this.#discovery = new ApiDiscovery(this.#api, options.clock);
  }

  async get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, options?: CallOptions): Promise<Stored<T>> {
    const request = { method: "GET", path: objectPath(type, key), repeatable: true } as const;
    return storedObject(type, await this.#call("get", type, key, request, options));
  }

  /** Like `get`; undefined when there is no such object. */
  async find<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    options?: CallOptions,
  ): Promise<Stored<T> | undefined> {
    try {
      return await this.get(type, key, options);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /**
   * All objects of the selection, page by page. When the server has forgotten the moment at which the listing began,
   * the rest is as of now: no object comes twice, and none that was there all the time is left out.
   */
  async *list<T extends KubeObject>(type: ResourceType<T>, options: ListOptions = {}): AsyncIterable<Stored<T>> {
    let from: string | undefined;
    do {
      const page: ListPage<T> = await this.#pageFrom(type, options, from);
      yield* page.items;
      from = page.continueToken;
    } while (from !== undefined);
  }

  /** One page, for those who need the collection's resource version. @param options.from the page before's continueToken */
  async listPage<T extends KubeObject>(
    type: ResourceType<T>,
    options: ListOptions & { readonly from?: string | undefined } = {},
  ): Promise<ListPage<T>> {
    const { namespace, labelSelector, fieldSelector, limit = PAGE_SIZE, from } = options;
    const query = { labelSelector, fieldSelector, limit, continue: from };
    const request = { method: "GET", path: collectionPath(type, namespace), query, repeatable: true } as const;
    return listPage(type, await this.#call("list", type, undefined, request, options));
  }

  /**
   * Changes from a resource version on, until the server ends the watch (a normal end). Bookmarks are asked for.
   *
   * @throws ApiError, `isGone` when the resource version is too old, whichever way the server says it
   */
  async *watch<T extends KubeObject>(type: ResourceType<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>> {
    const { namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds = WATCH_SECONDS } = options;
    const what = `watch ${resourceName(type)}`;
    const selection = { labelSelector, fieldSelector, resourceVersion };
    const query = { ...selection, watch: true, allowWatchBookmarks: true, timeoutSeconds };
    const request: ApiRequest = {
      method: "GET",
      path: collectionPath(type, namespace),
      query,
      repeatable: false,
      what,
    };
    const chunks = this.#api.stream(request, options.idleMs ?? IDLE_MS, options.signal);
    for await (const line of linesOf(chunks, this.#api.limits.kubeWatchEvent)) {
      const message = watchMessage(type, parseJson(what, line));
      if (message.type === "ERROR") throw errorFromStatus(what, 0, message.status);
      yield message;
    }
  }

  async create<T extends KubeObject>(type: ResourceType<T>, object: T, options?: CallOptions): Promise<Stored<T>> {
    return storedObject(type, await this.#create(type, object, options));
  }

  /** For kinds that are answered and not stored: token and access reviews. */
  async review<T extends KubeObject>(type: ResourceType<T>, object: T, options?: CallOptions): Promise<T> {
    return (await this.#create(type, object, options)) as T;
  }

  /** Fails with a conflict when the object's resource version is not the stored one. */
  async replace<T extends KubeObject>(type: ResourceType<T>, object: T, options?: CallOptions): Promise<Stored<T>> {
    return await this.#replace(type, object, undefined, options);
  }

  async replaceStatus<T extends KubeObject>(type: ResourceType<T>, object: T, options?: CallOptions) {
    return await this.#replace(type, object, "status", options);
  }

  /** JSON merge patch (RFC 7386): null removes a field, a list replaces a list. */
  async mergePatch<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, patch: object, options?: PatchOptions) {
    return await this.#patch(type, key, "application/merge-patch+json", patch, true, options);
  }

  /** JSON patch (RFC 6902). Not repeated: its operations depend on what is there. */
  async jsonPatch<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    operations: readonly JsonPatchOperation[],
    options?: PatchOptions,
  ) {
    return await this.#patch(type, key, "application/json-patch+json", operations, false, options);
  }

  /** Server-side apply: makes the object, or the fields given, as they are said here. */
  async apply<T extends KubeObject>(
    type: ResourceType<T>,
    object: KubeObject & Partly<NoInfer<T>>,
    options: ApplyOptions,
  ): Promise<Stored<T>> {
    const { fieldManager, force, ...rest } = options;
    const query = { fieldManager, force };
    // JSON is YAML, and this is the only name that every server knows for it.
    const contentType = "application/apply-patch+yaml";
    return await this.#patch(type, keyOf(object), contentType, object, true, rest, query);
  }

  /**
   * @returns false when there was no such object
   * @throws ApiError, `isConflict` when the uid or resource version is another
   */
  async delete(type: ResourceType, key: ObjectKey, options: DeleteOptions = {}): Promise<boolean> {
    const { propagationPolicy = "Background", uid, resourceVersion } = options;
    const body = {
      apiVersion: "v1",
      kind: "DeleteOptions",
      propagationPolicy,
      preconditions: { uid, resourceVersion },
    };
    const request = { method: "DELETE", path: objectPath(type, key), body, repeatable: true } as const;
    try {
      await this.#call("delete", type, key, request, options);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  /** Whether the cluster has this kind in this version; remembered for a minute. */
  async serves(type: ResourceType, options?: CallOptions): Promise<boolean> {
    return await this.#discovery.serves(type, options);
  }

  /** Ends the connections that are kept open. */
  close(): void {
    this.#api.close();
  }

  async #pageFrom<T extends KubeObject>(type: ResourceType<T>, options: ListOptions, from: string | undefined) {
    try {
      return await this.listPage(type, { ...options, from });
    } catch (error) {
      if (!(error instanceof ApiError && isGone(error) && error.continueToken !== undefined)) throw error;
      return await this.listPage(type, { ...options, from: error.continueToken });
    }
  }

  async #create<T extends KubeObject>(type: ResourceType<T>, object: T, options?: CallOptions): Promise<unknown> {
    const { name = `${object.metadata.generateName}*`, namespace } = object.metadata;
    if (type.namespaced && namespace === undefined)
      throw new ConfigError(`create ${type.kind} ${name}: in which namespace?`);
    const path = collectionPath(type, namespace);
    const request = { method: "POST", path, body: object, repeatable: false } as const;
    return await this.#call("create", type, namespace === undefined ? { name } : { namespace, name }, request, options);
  }

  async #replace<T extends KubeObject>(
    type: ResourceType<T>,
    object: T,
    subresource: Subresource | undefined,
    options?: CallOptions,
  ): Promise<Stored<T>> {
    const key = keyOf(object);
    const path = objectPath(type, key, subresource);
    const request = { method: "PUT", path, body: object, repeatable: true } as const;
    return storedObject(type, await this.#call("replace", type, key, request, options));
  }

  async #patch<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    contentType: string,
    body: unknown,
    repeatable: boolean,
    options: PatchOptions = {},
    query: NonNullable<ApiRequest["query"]> = {},
  ): Promise<Stored<T>> {
    const path = objectPath(type, key, options.subresource);
    const request = { method: "PATCH", path, query, body, contentType, repeatable } as const;
    return storedObject(type, await this.#call("patch", type, key, request, options));
  }

  async #call(
    verb: string,
    type: ResourceType,
    key: ObjectKey | undefined,
    request: Omit<ApiRequest, "what">,
    options?: CallOptions,
  ): Promise<unknown> {
    const what = `${verb} ${resourceName(type)}${key === undefined ? "" : ` ${keyText(key)}`}`;
    return await this.#api.call({ ...request, what }, options);
  }
}
