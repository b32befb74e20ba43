import { fieldReader, parseJsonFields } from "./json-fields.ts";

/** Stops writers that predate format upgrades; holds no index. */
const POISON_BLOB = "n00000000000000000000000000000000-";

/** One compaction of format 1: once all outputs exist, they stand for the inputs. */
export interface CompactionLog {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** Plaintext of an `m…` blob (kopia: repo/content/indexblob/index_blob_manager_v0.go). @throws CorruptDataError */
export function parseCompactionLog(plaintext: Uint8Array, id: string): CompactionLog {
  const place = { format: "kopia", structure: `compaction log ${id}` };
  const fields = parseJsonFields(plaintext, place);
  const names = (list: readonly unknown[]) => list.map((item) => fieldReader(item, place).text("id"));
  return { inputs: names(fields.list("inputMetadata")), outputs: names(fields.list("outputMetadata")) };
}

/** The `n…` blobs that hold the current index of a repository without epochs (format 1). */
export function liveIndexBlobsV0(ids: readonly string[], logs: readonly CompactionLog[]): readonly string[] {
  const present = new Set(ids);
  const superseded = new Set(
    logs.filter((log) => log.outputs.every((id) => present.has(id))).flatMap((log) => log.inputs),
  );
  return ids.filter((id) => !superseded.has(id) && !id.startsWith(POISON_BLOB));
}
