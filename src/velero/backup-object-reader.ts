import { gunzipSync } from "node:zlib";
import { z } from "zod";
import type { Limits } from "../bytes/limits.ts";
import { CorruptDataError, LimitError } from "../errors.ts";
import { ObjectNotFoundError } from "../object-store/object-not-found-error.ts";
import type { ObjectStreams } from "../object-store/object-store.ts";

/** Go leaves out what is empty and writes `null` for empty lists; both mean "not set". */
export function optional<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullish().transform((value) => value ?? undefined);
}

/** A list that may be absent or `null`. */
export function list<Schema extends z.ZodType>(schema: Schema) {
  return z
    .array(schema)
    .nullish()
    .transform((value) => value ?? []);
}

/** Labels and annotations: absent, `null` or a map of strings. */
export const stringMap = z
  .record(z.string(), z.string())
  .nullish()
  .transform((value): Readonly<Record<string, string>> => value ?? {});

/**
 * Parses one JSON value from a backup; nothing in it has been checked before.
 * @throws CorruptDataError naming the first field that is not what Velero writes.
 */
export function parseJson<Schema extends z.ZodType>(bytes: Uint8Array, schema: Schema, key: string): z.output<Schema> {
  const place = { format: "velero", structure: key };
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new CorruptDataError(place, "is not JSON");
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new CorruptDataError(place, `field ${issue?.path.join(".") || "(top)"}: ${issue?.message ?? "invalid"}`);
}

/** Reads the small objects of a backup whole, within `limits.backupObject` bytes packed and unpacked. */
export class BackupObjectReader {
  readonly #store: ObjectStreams;
  readonly #limits: Limits;

  constructor(store: ObjectStreams, limits: Limits) {
    this.#store = store;
    this.#limits = limits;
  }

  /**
   * The parsed object, or undefined when there is none. Keys that end in `.gz` are unpacked first.
   * @throws CorruptDataError, LimitError, SourceError
   */
  async read<Schema extends z.ZodType>(
    key: string,
    schema: Schema,
    signal?: AbortSignal,
  ): Promise<z.output<Schema> | undefined> {
    const stored = await this.#get(key, signal);
    if (stored === undefined) return undefined;
    return parseJson(key.endsWith(".gz") ? this.#gunzip(stored, key) : stored, schema, key);
  }

  /** Streams, because the size is the bucket's to say and not known before. */
  async #get(key: string, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const chunk of this.#store.stream(key, signal)) {
        length += chunk.length;
        if (length > this.#limits.backupObject) throw new LimitError("backupObject", this.#limits.backupObject, key);
        chunks.push(chunk);
      }
    } catch (error) {
      if (error instanceof ObjectNotFoundError) return undefined;
      throw error;
    }
    return Buffer.concat(chunks, length);
  }

  #gunzip(bytes: Uint8Array, key: string): Uint8Array {
    try {
      return gunzipSync(bytes, { maxOutputLength: this.#limits.backupObject });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") {
        throw new LimitError("backupObject", this.#limits.backupObject, key);
      }
      throw new CorruptDataError({ format: "gzip", structure: key }, "is truncated or damaged", { cause: error });
    }
  }
}
