import type { Limits } from "../bytes/limits.ts";
import { CorruptDataError, LimitError } from "../errors.ts";
import type { ContentKey } from "./content-id.ts";
import type { ContentStore } from "./content-store.ts";
import { type ObjectId, parseObjectId } from "./object-id.ts";
import { type SeekTable, SeekTableBuilder } from "./seek-table.ts";
import { SeekTableJsonParser } from "./seek-table-json.ts";

/** Chunks of an object fetched ahead while it is read from beginning to end. */
const CHUNKS_AHEAD = 4;

/** An object within the tree of seek tables above the chunks. */
interface Node {
  readonly id: ObjectId;
  /** Seek tables whose entries led here; bounded, or a table could lead back to itself. */
  readonly level: number;
  /** Bytes, where a seek table says. */
  readonly expectedLength?: number;
}

/** Turns object ids into seek tables and whole small objects (kopia: repo/object). */
export class ObjectReader {
  readonly #contents: ContentStore;
  readonly #limits: Limits;

  constructor(contents: ContentStore, limits: Limits) {
    this.#contents = contents;
    this.#limits = limits;
  }

  /** @throws CorruptDataError, LimitError, SourceError */
  async seekTable(text: string, signal?: AbortSignal): Promise<SeekTable> {
    const builder = new SeekTableBuilder(`object ${text}`, this.#limits.seekTableEntries);
    await this.#collect({ id: parseObjectId(text), level: 0 }, builder, signal);
    return builder.build();
  }

  /** A chunk of an object: the content, or what it holds when the object itself is compressed. */
  async readChunk(table: SeekTable, index: number, signal?: AbortSignal): Promise<Uint8Array> {
    const expected = table.startOf(index + 1) - table.startOf(index);
    const key = table.keyOf(index);
    const chunk = table.isCompressed(index)
      ? await this.#readCompressed(key, expected, signal)
      : await this.#contents.read(key, signal);
    if (chunk.length !== expected) {
      const problem = `chunk ${index} has ${chunk.length} bytes, the seek table says ${expected}`;
      throw new CorruptDataError({ format: "kopia", structure: "object" }, problem);
    }
    return chunk;
  }

  /** The whole object. @throws LimitError when it has more than `limits.metadataObject` bytes. */
  async readWhole(text: string, signal?: AbortSignal): Promise<Uint8Array> {
    const table = await this.seekTable(text, signal);
    if (table.size > this.#limits.metadataObject) {
      throw new LimitError("metadataObject", this.#limits.metadataObject, `kopia: object ${text}`);
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#chunks(table, signal)) chunks.push(chunk);
    return Buffer.concat(chunks, table.size);
  }

  async *#chunks(table: SeekTable, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
    for (let index = 0; index < table.count; index++) {
      if (index % CHUNKS_AHEAD === 0) void this.prefetch(table, index, Math.min(index + 2 * CHUNKS_AHEAD, table.count));
      yield await this.readChunk(table, index, signal);
    }
  }

  /** Starts to load chunks `first` to `end - 1` except those to skip; never rejects. */
  async prefetch(table: SeekTable, first: number, end: number, skip?: (index: number) => boolean): Promise<void> {
    const keys: ContentKey[] = [];
    for (let index = first; index < end; index++) if (skip?.(index) !== true) keys.push(table.keyOf(index));
    await this.#contents.prefetch(keys);
  }

  async #collect(node: Node, builder: SeekTableBuilder, signal: AbortSignal | undefined): Promise<void> {
    const { id, level, expectedLength } = node;
    if (id.indirection + level > this.#limits.indirectDepth) {
      throw new LimitError("indirectDepth", this.#limits.indirectDepth, `kopia: object ${id.text}`);
    }
    const start = builder.size;
    if (id.indirection > 0) await this.#collectEntries(node, builder, signal);
    else builder.add(expectedLength ?? (await this.#lengthOf(id, signal)), id.content, id.compressed);
    if (expectedLength !== undefined && builder.size - start !== expectedLength) {
      throw corrupt(id, `has ${builder.size - start} bytes, the seek table above it says ${expectedLength}`);
    }
  }

  async #lengthOf(id: ObjectId, signal: AbortSignal | undefined): Promise<number> {
    if (!id.compressed) return await this.#contents.lengthOf(id.content);
    return (await this.#readCompressed(id.content, this.#limits.metadataObject, signal)).length;
  }

  /** The seek table is itself an object: the id with one `I` less. */
  async #collectEntries(
    { id, level }: Node,
    builder: SeekTableBuilder,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const table = await this.seekTable(id.text.slice(1), signal);
    const structure = `seek table of object ${id.text}`;
    const parser = new SeekTableJsonParser({ format: "kopia", structure });
    const base = builder.size;
    for await (const bytes of this.#chunks(table, signal)) {
      for (const entry of parser.push(bytes)) {
        if (base + entry.start !== builder.size) throw corrupt(id, `seek table has a gap or overlap at ${entry.start}`);
        // Concatenated parts may end in an empty one.
        if (entry.length === 0) continue;
        const child = { id: parseObjectId(entry.objectId, structure), level: level + 1, expectedLength: entry.length };
        await this.#collect(child, builder, signal);
      }
    }
    parser.end();
  }

  /** Format 1 compresses whole objects: header id, then the stream. */
  async #readCompressed(key: ContentKey, maxLength: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const plaintext = this.#contents.decompress(await this.#contents.read(key, signal), maxLength);
    if (plaintext === undefined) {
      throw new CorruptDataError({ format: "kopia", structure: "compressed object" }, "does not decompress");
    }
    return plaintext;
  }
}

function corrupt(id: ObjectId, problem: string): CorruptDataError {
  return new CorruptDataError({ format: "kopia", structure: `object ${id.text}` }, problem);
}
