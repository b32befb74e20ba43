import { CorruptDataError, type CorruptionPlace } from "../errors.ts";
import { fieldReader } from "./json-fields.ts";

/** One entry of an indirect object (kopia: repo/object/indirect.go); zero is omitted in the JSON. */
export interface SeekTableEntry {
  /** Bytes. */
  readonly start: number;
  readonly length: number;
  readonly objectId: string;
}

/** Longer text between two entries is no seek table. */
const MAX_ENTRY_TEXT = 4096;

/**
 * Takes the entries out of `{"stream":"kopia:indirect","entries":[{"s":…,"l":…,"o":"…"},…]}` as the bytes
 * arrive, since such a table can have tens of megabytes. Entries hold no braces or brackets inside.
 * @throws CorruptDataError
 */
export class SeekTableJsonParser {
  readonly #place: CorruptionPlace;
  #state: "before" | "entries" | "after" = "before";
  #pending = "";

  constructor(place: CorruptionPlace) {
    this.#place = place;
  }

  *push(bytes: Uint8Array): Generator<SeekTableEntry> {
    // The table is ASCII; anything else fails as JSON.
    this.#pending += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
    if (this.#state === "before") this.#readBeginning();
    if (this.#state === "entries") yield* this.#readEntries();
    if (this.#state !== "after" && this.#pending.length > MAX_ENTRY_TEXT) throw this.#corrupt("is not a seek table");
  }

  /** To be called after the last bytes. */
  end(): void {
    if (this.#state !== "after" || !/^\s*\}\s*$/.test(this.#pending)) throw this.#corrupt("seek table ends too early");
  }

  #readBeginning(): void {
    const bracket = this.#pending.indexOf("[");
    if (bracket < 0) return;
    const beginning = fieldReader(this.#parse(`${this.#pending.slice(0, bracket)}[]}`), this.#place);
    if (beginning.text("stream", "") !== "kopia:indirect") throw this.#corrupt("is not a seek table");
    beginning.list("entries");
    this.#pending = this.#pending.slice(bracket + 1);
    this.#state = "entries";
  }

  *#readEntries(): Generator<SeekTableEntry> {
    let position = 0;
    const bracket = this.#pending.indexOf("]");
    for (;;) {
      const close = this.#pending.indexOf("}", position);
      if (bracket >= 0 && (close < 0 || bracket < close)) {
        this.#state = "after";
        position = bracket + 1;
        break;
      }
      if (close < 0) break;
      yield this.#parseEntry(this.#pending.slice(position, close + 1).replace(/^[\s,]*/, ""));
      position = close + 1;
    }
    this.#pending = this.#pending.slice(position);
  }

  #parseEntry(text: string): SeekTableEntry {
    const fields = fieldReader(this.#parse(text), this.#place);
    return { start: fields.integer("s", 0), length: fields.integer("l", 0), objectId: fields.text("o") };
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new CorruptDataError(this.#place, "seek table is not valid JSON", { cause: error });
    }
  }

  #corrupt(problem: string): CorruptDataError {
    return new CorruptDataError(this.#place, problem);
  }
}
