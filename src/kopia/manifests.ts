import { gunzipSync } from "node:zlib";
import type { Limits } from "../bytes/limits.ts";
import { CorruptDataError, type CorruptionPlace } from "../errors.ts";
import { contentIdText } from "./content-id.ts";
import type { ContentIndex } from "./content-index.ts";
import type { ContentStore } from "./content-store.ts";
import { type DirectoryEntry, parseDirectoryEntry } from "./directory.ts";
import { fieldReader, type JsonFields, parseJsonFields } from "./json-fields.ts";
import { nanosecondsOf } from "./timestamp.ts";

/** A finished snapshot. */
export interface Snapshot {
  /** Manifest id; Velero's `snapshotHandle`. */
  readonly id: string;
  /** `hostname`, `username`, `path` and the tags, as Velero or Kopia's command line (`tag:<key>`) wrote them. */
  readonly labels: Readonly<Record<string, string>>;
  readonly description: string;
  /** RFC 3339. */
  readonly startTime: string;
  readonly endTime: string;
  readonly root: DirectoryEntry;
}

interface Manifest {
  readonly id: string;
  readonly modified: bigint;
  readonly deleted: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly data: JsonFields | undefined;
}

const PREFIX = "m";

/**
 * Finished snapshots by manifest id. Every `m…` content holds a batch of manifests; of one id the newest
 * counts, also when it says "deleted" (kopia: repo/manifest).
 * @throws CorruptDataError, SourceError
 */
export async function readSnapshots(
  index: ContentIndex,
  contents: ContentStore,
  limits: Limits,
  signal?: AbortSignal,
): Promise<Map<string, Snapshot>> {
  const keys = [...index.keysWithPrefix(PREFIX)];
  void contents.prefetch(keys);
  const newest = new Map<string, Manifest>();
  for (const key of keys) {
    const structure = `manifests ${contentIdText(key)}`;
    for (const manifest of parseBatch(await contents.read(key, signal), structure, limits)) {
      const known = newest.get(manifest.id);
      if (known === undefined || manifest.modified > known.modified) newest.set(manifest.id, manifest);
    }
  }
  const snapshots = [...newest.values()].map(finishedSnapshot).filter((snapshot) => snapshot !== undefined);
  return new Map(snapshots.map((snapshot) => [snapshot.id, snapshot]));
}

function parseBatch(compressed: Uint8Array, structure: string, limits: Limits): Manifest[] {
  const place = { format: "kopia", structure };
  return parseJsonFields(gunzip(compressed, place, limits), place)
    .list("entries")
    .map((entry) => parseManifest(entry, place));
}

function gunzip(compressed: Uint8Array, place: CorruptionPlace, limits: Limits): Uint8Array {
  try {
    return gunzipSync(compressed, { maxOutputLength: limits.metadataObject });
  } catch (error) {
    throw new CorruptDataError(place, "does not decompress", { cause: error });
  }
}

function parseManifest(entry: unknown, place: CorruptionPlace): Manifest {
  const fields = fieldReader(entry, place);
  const modified = nanosecondsOf(fields.text("modified"));
  if (modified === undefined) throw new CorruptDataError(place, `time "${fields.text("modified")}" is not valid`);
  const labels = fields.texts("labels");
  return {
    id: fields.text("id"),
    modified,
    deleted: fields.flag("deleted"),
    labels,
    // Policies and maintenance schedules are of no use to a reader.
    data: labels["type"] === "snapshot" ? fields.optionalChild("data") : undefined,
  };
}

/** Undefined for what is no snapshot, deleted, or a checkpoint of an upload that had not ended. */
function finishedSnapshot({ id, deleted, labels, data }: Manifest): Snapshot | undefined {
  if (deleted || data === undefined || data.text("incomplete", "") !== "") return undefined;
  return {
    id,
    labels,
    description: data.text("description", ""),
    startTime: data.text("startTime", ""),
    endTime: data.text("endTime", ""),
    root: parseDirectoryEntry(data.child("rootEntry")),
  };
}
