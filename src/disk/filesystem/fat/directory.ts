import type { Cursor } from "../../../bytes/cursor.ts";
import { nameFromUtf16 } from "../../../bytes/utf16-name.ts";
import { CorruptDataError } from "../../../errors.ts";
import type { CachedSource } from "../../../source/cached-source.ts";
import type { ClusterChain } from "./cluster-chain.ts";
import type { CodePage } from "./code-page.ts";
import {
  ATTRIBUTE,
  isLongNamePiece,
  parseEntry,
  SLOT_DELETED,
  SLOT_END,
  SLOT_SIZE,
  typeOf,
} from "./directory-entry.ts";
import {
  type ClusterGeometry,
  type DirectorySlab,
  type DirectoryStretch,
  mappedStretches,
  readSlabs,
} from "./directory-slots.ts";
import type { NamedEntry } from "./fold-name.ts";
import { LongNameCollector } from "./long-name.ts";
import { SHORT_NAME_SIZE, shortName, shortNameChecksum, volumeLabel } from "./short-name.ts";

/** Bytes; the specification's bound, and Linux's. */
const LARGEST_DIRECTORY = 65_536 * SLOT_SIZE;

const DOT = ".          ";
const DOT_DOT = "..         ";

/** What directories are read with. */
export interface DirectoryRules extends ClusterGeometry {
  readonly metadata: CachedSource;
  readonly entryBits: 12 | 16 | 32;
  readonly codePage: CodePage;
}

/** Where a directory's bytes lie: a chain of clusters, or the fixed place of FAT12's and FAT16's root. */
export type DirectoryPlace = ClusterChain | { readonly position: number; readonly length: number };

/** One directory, read slot by slot in order; cursors are byte offsets in it. */
export class Directory {
  readonly #rules: DirectoryRules;
  readonly #place: DirectoryPlace;

  constructor(rules: DirectoryRules, place: DirectoryPlace) {
    this.#rules = rules;
    this.#place = place;
  }

  /** Entries behind the cursor `after`. What is damaged hides nothing else: its error is thrown at the end. */
  async *batches(after: number, signal?: AbortSignal): AsyncGenerator<readonly NamedEntry[], void, undefined> {
    const longName = new LongNameCollector();
    const damage: CorruptDataError[] = [];
    let ended = false;
    for await (const slab of readSlabs(this.#rules.metadata, this.#stretches(after, signal), "fat", signal)) {
      const batch: NamedEntry[] = [];
      for (let at = 0; at < slab.length && !ended; at += SLOT_SIZE) {
        ended = slab.cursor.u8(at) === SLOT_END;
        if (ended) break;
        const entry = this.#entry(slab, at, longName, damage);
        if (entry !== undefined) batch.push(entry);
      }
      if (batch.length > 0) yield batch;
      if (ended) break;
    }
    const [first] = damage;
    if (first !== undefined) throw first;
    if (!ended) this.#requireEnd();
  }

  /** The first entry that is the label of the volume; only the root directory has one. */
  async label(signal?: AbortSignal): Promise<string | undefined> {
    for await (const { cursor, length } of readSlabs(this.#rules.metadata, this.#stretches(0, signal), "fat", signal)) {
      for (let at = 0; at < length; at += SLOT_SIZE) {
        if (cursor.u8(at) === SLOT_END) return undefined;
        if (cursor.u8(at) !== SLOT_DELETED && isLabel(cursor.u8(at + 11))) {
          return volumeLabel(cursor.slice(at, SHORT_NAME_SIZE), this.#rules.codePage);
        }
      }
    }
    return undefined;
  }

  #stretches(
    from: number,
    signal: AbortSignal | undefined,
  ): AsyncIterable<DirectoryStretch> | Iterable<DirectoryStretch> {
    const place = this.#place;
    if ("window" in place) {
      const length = Math.min(place.length * this.#rules.clusterSize, LARGEST_DIRECTORY);
      return mappedStretches(place, this.#rules, length, from, signal);
    }
    const length = place.length - from;
    return length > 0 ? [{ offset: from, position: place.position + from, length }] : [];
  }

  /** A chain that is damaged matters only to a directory that has not ended before. */
  #requireEnd(): void {
    const place = this.#place;
    if (!("window" in place)) return;
    if (place.damage !== undefined) throw place.damage;
    if (place.length * this.#rules.clusterSize > LARGEST_DIRECTORY) {
      throw new CorruptDataError(
        { format: "fat", structure: "directory" },
        `is larger than ${LARGEST_DIRECTORY} bytes`,
      );
    }
  }

  #leadsBack(cursor: Cursor, at: number): boolean {
    const place = this.#place;
    return "window" in place && parseEntry(cursor, at, this.#rules.entryBits).firstCluster === place.first;
  }

  #entry(
    slab: DirectorySlab,
    at: number,
    longName: LongNameCollector,
    damage: CorruptDataError[],
  ): NamedEntry | undefined {
    const { cursor } = slab;
    const attributes = cursor.u8(at + 11);
    if (cursor.u8(at) === SLOT_DELETED || isLabel(attributes)) {
      longName.reset();
      return undefined;
    }
    if (isLongNamePiece(attributes)) {
      longName.add(cursor, at);
      return undefined;
    }
    const stored = cursor.slice(at, SHORT_NAME_SIZE);
    const long = longName.take(shortNameChecksum(stored));
    const dots = cursor.ascii(at, SHORT_NAME_SIZE);
    if (dots === DOT || dots === DOT_DOT) return undefined;
    const short = shortName(stored, cursor.u8(at + 12), this.#rules.codePage);
    const name = long === undefined || isDots(long) ? short : long;
    // A short name without a long one may hold no dot: this was "." or "..", and would lead back up.
    if (name === "" || isDots(name) || name.includes("/") || (long === undefined && stored.includes(FULL_STOP))) {
      damage.push(entryDamage(slab.position + at, "has no usable name"));
      return undefined;
    }
    if (typeOf(attributes) === "directory" && this.#leadsBack(cursor, at)) {
      damage.push(entryDamage(slab.position + at, "leads back to its own directory"));
      return undefined;
    }
    return {
      entry: {
        name: nameFromUtf16(name),
        node: (slab.position + at) / SLOT_SIZE,
        type: typeOf(attributes),
        cursor: slab.offset + at + SLOT_SIZE,
      },
      name,
      ...(name === short ? {} : { alias: short }),
    };
  }
}

const FULL_STOP = 0x2e;

function isDots(name: string): boolean {
  return name === "." || name === "..";
}

function isLabel(attributes: number): boolean {
  return (attributes & ATTRIBUTE.VOLUME_LABEL) !== 0 && !isLongNamePiece(attributes);
}

export function entryDamage(position: number, problem: string): CorruptDataError {
  return new CorruptDataError({ format: "fat", structure: "directory entry", byteOffset: position }, problem);
}

/** Whether a slot holds an entry that a node can be. */
export function holdsEntry(cursor: Cursor, at: number): boolean {
  const first = cursor.u8(at);
  const attributes = cursor.u8(at + 11);
  return first !== SLOT_END && first !== SLOT_DELETED && !isLongNamePiece(attributes) && !isLabel(attributes);
}
