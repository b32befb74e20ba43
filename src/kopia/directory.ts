import { CorruptDataError } from "../errors.ts";
import { fieldReader, type JsonFields, parseJsonFields } from "./json-fields.ts";
import { nanosecondsOf } from "./timestamp.ts";

/** An entry of a snapshot (kopia: snapshot/manifest.go). Its name is the backup's word and no path to follow. */
export interface DirectoryEntry {
  readonly name: string;
  readonly type: "directory" | "file" | "symlink" | "other";
  /** Permission bits. */
  readonly mode: number;
  /** Bytes. */
  readonly size: number;
  /** Nanoseconds since 1970; absent where unknown (the time of a streamed device). */
  readonly mtime?: bigint;
  readonly uid: number;
  readonly gid: number;
  readonly objectId: string;
}

const TYPES: Record<string, DirectoryEntry["type"]> = { d: "directory", f: "file", s: "symlink" };

/** @throws CorruptDataError */
export function parseDirectoryEntry(fields: JsonFields): DirectoryEntry {
  const mtime = nanosecondsOf(fields.text("mtime", ""));
  return {
    name: fields.text("name"),
    type: TYPES[fields.text("type", "")] ?? "other",
    mode: Number.parseInt(fields.text("mode", "0"), 8) || 0,
    size: fields.integer("size", 0),
    // Go's zero time, wrapped, is a day in 1754.
    ...(mtime === undefined || mtime < 0n ? {} : { mtime }),
    uid: fields.integer("uid", 0),
    gid: fields.integer("gid", 0),
    objectId: fields.text("obj", ""),
  };
}

/** The entries of a directory object. @throws CorruptDataError */
export function parseDirectory(bytes: Uint8Array, objectId: string): DirectoryEntry[] {
  const place = { format: "kopia", structure: `directory ${objectId}` };
  const fields = parseJsonFields(bytes, place);
  if (fields.text("stream", "") !== "kopia:directory") throw new CorruptDataError(place, "is not a directory");
  return fields.list("entries").map((entry) => parseDirectoryEntry(fieldReader(entry, place)));
}
