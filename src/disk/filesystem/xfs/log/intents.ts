/**
 * Work in several transactions is announced by an intent and ticked off by a "done" item; what a crash cut short is
 * finished by recovery (kernel fs/xfs/xfs_bmap_item.c, xfs_attr_item.c, xfs_exchmaps_item.c). Intents on free space,
 * reverse maps and reference counts change nothing that is read.
 */
import { ATTRIBUTE_FLAG } from "../attribute/stored-attribute.ts";
import { LogDamage } from "./log-damage.ts";
import { NativeFields } from "./native-fields.ts";
import type { LogItem } from "./transaction.ts";

const TYPE = {
  MAP: 0x1244,
  MAP_DONE: 0x1245,
  ATTRIBUTE: 0x1246,
  ATTRIBUTE_DONE: 0x1247,
  EXCHANGE: 0x1248,
  EXCHANGE_DONE: 0x1249,
} as const;

/** Blocks of a file are to be mapped elsewhere, or not at all. */
export interface MapChange {
  readonly inode: number;
  readonly inAttributes: boolean;
  readonly logical: number;
  readonly length: number;
  /** Block number of the format; absent when the blocks are to be unmapped. */
  readonly block: number | undefined;
  readonly isUnwritten: boolean;
  readonly isRealtime: boolean;
}

export interface AttributeChange {
  readonly inode: number;
  /** Bits of ATTRIBUTE_FLAG that tell the namespace. */
  readonly namespace: number;
  readonly name: Uint8Array;
  /** Absent when the attribute is to be removed. */
  readonly value: Uint8Array | undefined;
}

/** What is left to do when the log ends, in the order it was announced. */
export interface Unfinished {
  readonly maps: readonly MapChange[];
  readonly attributes: readonly AttributeChange[];
  /** Inodes whose contents were being exchanged. */
  readonly exchanged: ReadonlySet<number>;
}

export class IntentLog {
  readonly #maps = new Map<bigint, readonly MapChange[]>();
  readonly #attributes = new Map<bigint, AttributeChange | undefined>();
  readonly #exchanges = new Map<bigint, readonly number[]>();

  /** Items of other types are left alone. @throws LogDamage when an intent is cut short */
  note({ type, regions }: LogItem): void {
    const fields = new NativeFields(regions[0] ?? new Uint8Array(), "intent");
    switch (type) {
      case TYPE.MAP:
        this.#maps.set(fields.u64(8), parseMaps(fields));
        break;
      case TYPE.MAP_DONE:
        this.#maps.delete(fields.u64(8));
        break;
      case TYPE.ATTRIBUTE:
        this.#attributes.set(fields.u64(8), parseAttribute(fields, regions));
        break;
      case TYPE.ATTRIBUTE_DONE:
        this.#attributes.delete(fields.u64(8));
        break;
      case TYPE.EXCHANGE:
        this.#exchanges.set(fields.u64(8), [fields.count(16), fields.count(24)]);
        break;
      case TYPE.EXCHANGE_DONE:
        this.#exchanges.delete(fields.u64(8));
    }
  }

  unfinished(): Unfinished {
    return {
      maps: [...this.#maps.values()].flat(),
      attributes: [...this.#attributes.values()].filter((each) => each !== undefined),
      exchanged: new Set([...this.#exchanges.values()].flat()),
    };
  }
}

const MAP_HEADER = 16;
const MAP_SIZE = 32;
const UNMAP = 2;
const MAP_FLAG = { UNWRITTEN: 0x4000_0000, REALTIME: 0x2000_0000, ATTRIBUTES: 0x8000_0000 } as const;

function parseMaps(fields: NativeFields): MapChange[] {
  return Array.from({ length: fields.u32(4) }, (_, index) => {
    const offset = MAP_HEADER + index * MAP_SIZE;
    const flags = fields.u32(offset + 28);
    return {
      inode: fields.count(offset),
      inAttributes: (flags & MAP_FLAG.ATTRIBUTES) !== 0,
      logical: fields.count(offset + 16),
      length: fields.u32(offset + 24),
      block: (flags & 0xff) === UNMAP ? undefined : fields.count(offset + 8),
      isUnwritten: (flags & MAP_FLAG.UNWRITTEN) !== 0,
      isRealtime: (flags & MAP_FLAG.REALTIME) !== 0,
    };
  });
}

const OPERATION = { SET: 1, REMOVE: 2, REPLACE: 3 } as const;
const NAMESPACES = ATTRIBUTE_FLAG.ROOT | ATTRIBUTE_FLAG.SECURE | ATTRIBUTE_FLAG.PARENT;

/** Changes of parent pointers are not shown, so they are no change. */
function parseAttribute(fields: NativeFields, [, name, value]: readonly Uint8Array[]): AttributeChange | undefined {
  const operation = fields.u32(24) & 0xff;
  const known: readonly number[] = Object.values(OPERATION);
  if (!known.includes(operation)) return undefined;
  const nameLength = fields.u32(28);
  const valueLength = fields.u32(32);
  if (name === undefined || name.length < nameLength) throw new LogDamage(0, "an attribute's name is missing");
  if (operation === OPERATION.REMOVE) value = undefined;
  else if (valueLength > 0 && (value === undefined || value.length < valueLength)) {
    throw new LogDamage(0, "an attribute's value is missing");
  }
  return {
    inode: fields.count(16),
    namespace: fields.u32(36) & NAMESPACES,
    name: name.subarray(0, nameLength),
    value: operation === OPERATION.REMOVE ? undefined : (value ?? new Uint8Array()).subarray(0, valueLength),
  };
}
