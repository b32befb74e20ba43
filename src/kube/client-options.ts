/** What the API server's verbs can be told. */
import type { CallOptions } from "./api-caller.ts";
import type { Subresource } from "./resource-type.ts";

export interface Selection {
  /** Absent: all of them. */
  readonly namespace?: string | undefined;
  /** `app=web,tier!=db` */
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface ListOptions extends Selection, CallOptions {
  /** Objects a page; 500. */
  readonly limit?: number;
}

export interface WatchOptions extends Selection {
  /** From a list, an object or a bookmark; opaque. */
  readonly resourceVersion: string;
  readonly signal?: AbortSignal | undefined;
  /** The server ends the watch after so many seconds; 5 minutes. */
  readonly timeoutSeconds?: number;
  /** Without a bookmark or anything else for so long the connection is dead; 150 s, since bookmarks come each minute. */
  readonly idleMs?: number;
}

export interface ApplyOptions extends CallOptions {
  readonly fieldManager: string;
  /** Takes over fields that others manage; without it, theirs are a conflict. */
  readonly force?: boolean;
  readonly subresource?: Subresource;
}

export interface PatchOptions extends CallOptions {
  readonly subresource?: Subresource;
}

export interface DeleteOptions extends CallOptions {
  readonly propagationPolicy?: "Orphan" | "Background" | "Foreground";
  /** Only this very object, not another of its name. */
  readonly uid?: string;
  /** Only if it has not changed since. */
  readonly resourceVersion?: string;
}

/** An object of which only the fields are given that the caller has an opinion on. */
export type Partly<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [Field in keyof T]?: Partly<T[Field]> }
    : T;

export interface JsonPatchOperation {
  readonly op: "add" | "remove" | "replace" | "test";
  /** JSON pointer (RFC 6901). */
  readonly path: string;
  readonly value?: unknown;
}
