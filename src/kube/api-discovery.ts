import type { ApiCaller, CallOptions } from "./api-caller.ts";
import { isNotFound } from "./api-error.ts";
import { type Clock, systemClock } from "./clock.ts";
import { groupVersionPath, type ResourceType } from "./resource-type.ts";

/** CRDs come and go seldom, and whoever installs one expects it to be noticed soon. */
const REMEMBERED_MS = 60_000;

/** Which resources the API server has (Kubernetes API concepts, "API discovery"). */
export class ApiDiscovery {
  readonly #api: ApiCaller;
  readonly #clock: Clock;
  readonly #groups = new Map<string, { readonly since: number; readonly plurals: ReadonlySet<string> }>();

  constructor(api: ApiCaller, clock: Clock = systemClock) {
    this.#api = api;
    this.#clock = clock;
  }

  async serves(type: ResourceType, options?: CallOptions): Promise<boolean> {
    const path = groupVersionPath(type);
    const known = this.#groups.get(path);
    if (known !== undefined && this.#clock.monotonic() - known.since < REMEMBERED_MS) {
      return known.plurals.has(type.plural);
    }
    const plurals = await this.#pluralsAt(path, options);
    this.#groups.set(path, { since: this.#clock.monotonic(), plurals });
    return plurals.has(type.plural);
  }

  async #pluralsAt(path: string, options?: CallOptions): Promise<ReadonlySet<string>> {
    const request = { method: "GET", path, repeatable: true, what: `discover ${path}` } as const;
    try {
      const { resources } = (await this.#api.call(request, options)) as { resources?: { name?: unknown }[] | null };
      return new Set((resources ?? []).map((resource) => resource.name).filter((name) => typeof name === "string"));
    } catch (error) {
      if (isNotFound(error)) return new Set();
      throw error;
    }
  }
}
