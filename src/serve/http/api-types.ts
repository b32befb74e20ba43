/**
 * The JSON that /api/v1 speaks. Types only, so that the web app can import this file as it is; the same shapes
 * are described for everybody else at /api/v1/openapi.json.
 */
import type { FileType } from "../../disk/filesystem/file-system.ts";
import type { ErrorKind } from "../../errors.ts";
import type { BackupInventory, DiskInventory, FileSystemInventory, Inventory } from "../../restore-tree/tree-node.ts";

export type { BackupInventory, DiskInventory, FileSystemInventory, FileType, Inventory };

/** A path in two forms: one to show, one to ask with. */
export interface ApiPath {
  /** For people: what is not printable UTF-8 appears as `\xNN`. Never parse it. */
  readonly text: string;
  /** Percent-encoded raw bytes, absolute: append it to `/files`, `/archive`, `/browse`, `/api/v1/tree` or `/api/v1/stat`. */
  readonly href: string;
}

interface EntryName {
  /** For people; never parse it. */
  readonly name: string;
  /** Percent-encoded raw name: one path segment, to be appended to the directory's `href` behind a slash. */
  readonly href: string;
  readonly type: FileType;
}

export interface ReadableEntry extends EntryName {
  readonly error?: undefined;
  /** Bytes. */
  readonly size: number;
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** RFC 3339 in UTC with nanoseconds: `2026-11-17T03:00:12.123456789Z`. */
  readonly mtime: string;
  /** The same in milliseconds since 1970, for sorting. */
  readonly mtimeMs: number;
  /** Bytes occupied on the disk. */
  readonly allocated: number;
  readonly links: number;
  /** `immutable`, `encrypted`, `compressed`, … */
  readonly flags?: readonly string[];
  /** Symlinks: the target as the guest stored it, for display. */
  readonly target?: string;
  /** Symlinks: the type of what it leads to inside the guest. */
  readonly targetType?: FileType | "broken";
}

/** Its metadata cannot be read; it is listed all the same. */
export interface UnreadableEntry extends EntryName {
  /** One sentence saying why. */
  readonly error: string;
}

export type Entry = ReadableEntry | UnreadableEntry;

/** `GET /api/v1/tree/<path>?after=<cursor>&limit=<n>` */
export interface Listing {
  /** The directory listed; where the request's path led through symlinks, the path they lead to. */
  readonly path: ApiPath;
  readonly stat: Entry;
  /** In disk order. */
  readonly entries: readonly Entry[];
  /** Pass as `after` for the next page; absent on the last one. */
  readonly next?: string;
}

export interface ApiExtendedAttribute {
  /** For display, with its namespace: `user.comment`, `security.selinux`. */
  readonly name: string;
  readonly valueBase64: string;
}

/** `GET /api/v1/stat/<path>`: the entry itself (a symlink is not followed) with what only single entries show. */
export type EntryDetails = Entry & {
  readonly path: ApiPath;
  readonly xattrs: readonly ApiExtendedAttribute[];
  /** One sentence, when the extended attributes could not be read. */
  readonly xattrsError?: string;
};

/** `POST /api/v1/session` */
export interface LoginRequest {
  readonly user: string;
  readonly password: string;
}

/** `GET /api/v1/session` */
export interface Session {
  readonly user: string;
  /** RFC 3339: when this server ends, if it does by itself. */
  readonly expiresAt?: string;
  /** vmfr's version. */
  readonly version: string;
}

/** Kinds of failure: those of the cores, and those only HTTP knows. */
export type ApiErrorKind =
  | ErrorKind
  | "not-found"
  | "unauthenticated"
  | "too-many-attempts"
  | "forbidden"
  | "bad-request"
  | "internal";

/** Body of every answer with a status of 400 and above. */
export interface ApiError {
  readonly error: {
    readonly kind: ApiErrorKind;
    /** One sentence for people. */
    readonly message: string;
  };
}

export type ArchiveFormat = "tar" | "tar.gz" | "tar.zst" | "zip";
