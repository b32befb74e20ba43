import { Cursor } from "../../../bytes/cursor.ts";
import { nameFromUtf16, textFromUtf16 } from "../../../bytes/utf16-name.ts";
import { CorruptDataError } from "../../../errors.ts";
import { type DirectorySlab, mappedStretches, readSlabs } from "../fat/directory-slots.ts";
import type { NamedEntry } from "../fat/fold-name.ts";
import type { FileMap } from "../file-map.ts";
import {
  ENTRY,
  isBenign,
  isDirectory,
  isInUse,
  isSecondary,
  parseFileSet,
  SLOT_SIZE,
  slotsOfSet,
  verifySet,
} from "./entry-set.ts";
import { nodeAt } from "./node.ts";
import type { ExfatVolume } from "./volume.ts";

/** Where a directory's bytes lie. */
export interface DirectoryPlace {
  readonly map: FileMap;
  /** Bytes. */
  readonly length: number;
  readonly contiguous: boolean;
  /** Thrown by whoever gets to the end: the chain breaks off there. */
  readonly damage?: CorruptDataError | undefined;
}

/** A critical primary entry that is not a file; only the root directory has them. */
export type VolumeEntry =
  | { readonly kind: "label"; readonly label: string }
  | { readonly kind: "upcase"; readonly firstCluster: number; readonly size: number; readonly checksum: number };

const LONGEST_LABEL = 11;

/** A set whose slots are still being read. */
interface OpenSet {
  readonly type: number;
  /** Of the first slot, from the start of the volume. */
  readonly position: number;
  readonly slots: Uint8Array[];
  missing: number;
}

/** One directory, read slot by slot in order; cursors are byte offsets in it. */
export class Directory {
  readonly #volume: ExfatVolume;
  readonly #place: DirectoryPlace;

  constructor(volume: ExfatVolume, place: DirectoryPlace) {
    this.#volume = volume;
    this.#place = place;
  }

  /** Entries behind the cursor `after`. What is damaged hides nothing else: its error is thrown at the end. */
  async *batches(after: number, signal?: AbortSignal): AsyncGenerator<readonly NamedEntry[], void, undefined> {
    const reader = new SetReader(this.#place.contiguous);
    for await (const slab of this.#slabs(after, signal)) {
      const batch = reader.read(slab);
      if (batch.length > 0) yield batch;
      if (reader.ended) break;
    }
    reader.finish(this.#place.damage);
  }

  /** Label and upcase table of a root directory. */
  async volumeEntries(signal?: AbortSignal): Promise<VolumeEntry[]> {
    const found: VolumeEntry[] = [];
    for await (const { cursor, length } of this.#slabs(0, signal)) {
      for (let at = 0; at < length; at += SLOT_SIZE) {
        const type = cursor.u8(at);
        if (type === ENTRY.END) return found;
        if (type === ENTRY.VOLUME_LABEL) {
          const units = Math.min(cursor.u8(at + 1), LONGEST_LABEL);
          found.push({ kind: "label", label: textFromUtf16(cursor.slice(at + 2, units * 2)) });
        } else if (type === ENTRY.UPCASE_TABLE) {
          const [checksum, firstCluster] = [cursor.u32le(at + 4), cursor.u32le(at + 20)];
          found.push({ kind: "upcase", checksum, firstCluster, size: cursor.u64le(at + 24) });
        }
      }
    }
    return found;
  }

  #slabs(from: number, signal: AbortSignal | undefined): AsyncIterable<DirectorySlab> {
    const { metadata, boot } = this.#volume;
    const stretches = mappedStretches(this.#place.map, boot, this.#place.length, from, signal);
    return readSlabs(metadata, stretches, "exfat", signal);
  }
}

/** Puts sets together from slots that may lie in different slabs. */
class SetReader {
  readonly #contiguous: boolean;
  #set: OpenSet | undefined;
  #damage: CorruptDataError | undefined;
  ended = false;

  constructor(contiguous: boolean) {
    this.#contiguous = contiguous;
  }

  read(slab: DirectorySlab): NamedEntry[] {
    const entries: NamedEntry[] = [];
    for (let at = 0; at < slab.length && !this.ended; at += SLOT_SIZE) {
      try {
        const entry = this.#slot(slab, at);
        if (entry !== undefined) entries.push(entry);
      } catch (error) {
        if (!(error instanceof CorruptDataError)) throw error;
        this.#damage ??= error;
      }
    }
    return entries;
  }

  /** @throws CorruptDataError for the first damage met, or what ended the directory early */
  finish(placeDamage: CorruptDataError | undefined): void {
    if (this.#set !== undefined) this.#damage ??= incomplete(this.#set);
    const damage = this.#damage ?? (this.ended ? undefined : placeDamage);
    if (damage !== undefined) throw damage;
  }

  #slot(slab: DirectorySlab, at: number): NamedEntry | undefined {
    const type = slab.cursor.u8(at);
    const open = this.#set;
    if (open !== undefined && isInUse(type) && isSecondary(type)) {
      open.slots.push(slab.cursor.slice(at, SLOT_SIZE));
      return --open.missing === 0 ? this.#complete(open, slab.offset + at + SLOT_SIZE) : undefined;
    }
    this.#set = undefined;
    this.ended = type === ENTRY.END;
    // What breaks into the set is still read for what it is itself.
    if (open !== undefined) this.#damage ??= incomplete(open);
    if (this.ended || !isInUse(type)) return undefined;
    this.#begin(type, slab, at);
    return undefined;
  }

  #begin(type: number, slab: DirectorySlab, at: number): void {
    const position = slab.position + at;
    if (isSecondary(type)) throw entryDamage(position, "belongs to no file");
    if (type === ENTRY.ALLOCATION_BITMAP || type === ENTRY.UPCASE_TABLE || type === ENTRY.VOLUME_LABEL) return;
    if (type !== ENTRY.FILE && !isBenign(type)) throw entryDamage(position, `unknown type ${type}`);
    const missing = slotsOfSet(slab.cursor, at) - 1;
    const set = { type, position, slots: [slab.cursor.slice(at, SLOT_SIZE)], missing };
    if (missing > 0) this.#set = set;
    else if (type === ENTRY.FILE) throw incomplete(set);
    else verifySet(joined(set));
  }

  #complete(set: OpenSet, cursor: number): NamedEntry | undefined {
    this.#set = undefined;
    const slots = joined(set);
    if (set.type !== ENTRY.FILE) {
      verifySet(slots);
      return undefined;
    }
    const record = parseFileSet(slots);
    const node = nodeAt({ position: set.position, contiguous: this.#contiguous });
    const type = isDirectory(record) ? "directory" : "file";
    return { entry: { name: nameFromUtf16(record.name), node, type, cursor }, name: record.name };
  }
}

function joined({ slots, position }: OpenSet): Cursor {
  return new Cursor(Buffer.concat(slots), { format: "exfat", structure: "directory entry", byteOffset: position });
}

function incomplete({ position }: OpenSet): CorruptDataError {
  return entryDamage(position, "its set of entries is not complete");
}

export function entryDamage(position: number, problem: string): CorruptDataError {
  return new CorruptDataError({ format: "exfat", structure: "directory entry", byteOffset: position }, problem);
}
