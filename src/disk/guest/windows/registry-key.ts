/** Keys of a hive (`nk` cells) and the lists of their subkeys. */
import type { Cursor } from "../../../bytes/cursor.ts";
import type { RegistryHive } from "./registry-hive.ts";
import { nameHash, readName } from "./registry-name.ts";
import { RegistryValue } from "./registry-value.ts";

const NK = { flags: 2, parent: 16, subkeys: 20, subkeyList: 28, values: 36, valueList: 40, nameLength: 72 } as const;
const NK_NAME = 76;
/** The name is stored as Latin-1, not UTF-16. */
const NAME_IS_LATIN1 = 0x20;
/** Bytes the cell of any key or value takes at least; bounds what a hive of some size can hold. */
const SMALLEST_KEY = 80;
const SMALLEST_VALUE = 24;
const LIST_HEADER = 4;

/** Bytes of one element of a list of subkeys, by its magic. */
const ELEMENT: Readonly<Record<string, number>> = { li: 4, lf: 8, lh: 8 };

interface Subkey {
  readonly offset: number;
  /** Of its name, where the list has it. */
  readonly hash?: number;
}

export class RegistryKey {
  readonly name: string;
  readonly #hive: RegistryHive;
  readonly #offset: number;
  readonly #cell: Cursor;

  private constructor(hive: RegistryHive, offset: number, cell: Cursor) {
    this.#hive = hive;
    this.#offset = offset;
    this.#cell = cell;
    this.name = readName(cell, NK_NAME, cell.u16le(NK.nameLength), (cell.u16le(NK.flags) & NAME_IS_LATIN1) !== 0);
  }

  /**
   * @param parent offset of the key above; absent for the root. A key knows the one above it, so that no damaged
   *        list can make the tree run in circles.
   * @throws CorruptDataError, SourceError
   */
  static async read(
    hive: RegistryHive,
    offset: number,
    parent: number | undefined,
    signal?: AbortSignal,
  ): Promise<RegistryKey> {
    const cell = await hive.cell(offset, "key", NK_NAME, signal);
    if (cell.ascii(0, 2) !== "nk") throw cell.corrupt("is no key");
    if (parent !== undefined && (cell.u32le(NK.parent) !== parent || offset === hive.base.root)) {
      throw cell.corrupt("belongs to another key");
    }
    return new RegistryKey(hive, offset, cell);
  }

  /** By name, whatever its case. */
  async subkey(name: string, signal?: AbortSignal): Promise<RegistryKey | undefined> {
    const wanted = name.toUpperCase();
    const hash = nameHash(wanted);
    for await (const subkey of this.#subkeys(signal)) {
      if (subkey.hash !== undefined && subkey.hash !== hash) continue;
      const key = await RegistryKey.read(this.#hive, subkey.offset, this.#offset, signal);
      if (key.name.toUpperCase() === wanted) return key;
    }
    return undefined;
  }

  async *subkeys(signal?: AbortSignal): AsyncGenerator<RegistryKey, void, undefined> {
    for await (const { offset } of this.#subkeys(signal)) {
      yield await RegistryKey.read(this.#hive, offset, this.#offset, signal);
    }
  }

  async *values(signal?: AbortSignal): AsyncGenerator<RegistryValue, void, undefined> {
    const count = this.#cell.u32le(NK.values);
    if (count === 0) return;
    if (count > this.#hive.size / SMALLEST_VALUE) throw this.#cell.corrupt(`counts ${count} values`);
    const list = await this.#hive.cell(this.#cell.u32le(NK.valueList), "list of values", 4 * count, signal);
    for (let index = 0; index < count; index++) {
      yield await RegistryValue.read(this.#hive, list.u32le(4 * index), signal);
    }
  }

  /** By name, whatever its case. */
  async value(name: string, signal?: AbortSignal): Promise<RegistryValue | undefined> {
    const wanted = name.toUpperCase();
    for await (const value of this.values(signal)) if (value.name.toUpperCase() === wanted) return value;
    return undefined;
  }

  async *#subkeys(signal?: AbortSignal): AsyncGenerator<Subkey, void, undefined> {
    const count = this.#cell.u32le(NK.subkeys);
    if (count === 0) return;
    if (count > this.#hive.size / SMALLEST_KEY) throw this.#cell.corrupt(`counts ${count} subkeys`);
    let listed = 0;
    for await (const list of this.#lists(signal)) {
      const elements = list.u16le(2);
      listed += elements;
      if (listed > count) throw list.corrupt(`lists more than the ${count} subkeys there are`);
      yield* elementsOf(list, elements);
    }
    if (listed < count) throw this.#cell.corrupt(`lists ${listed} of its ${count} subkeys`);
  }

  /** Many subkeys have several lists, named by an `ri`, which never names another `ri`. */
  async *#lists(signal?: AbortSignal): AsyncGenerator<Cursor, void, undefined> {
    const hive = this.#hive;
    const first = await hive.cell(this.#cell.u32le(NK.subkeyList), "list of subkeys", LIST_HEADER, signal);
    if (first.ascii(0, 2) !== "ri") {
      yield first;
      return;
    }
    const lists = first.u16le(2);
    for (let index = 0; index < lists; index++) {
      const list = await hive.cell(first.u32le(LIST_HEADER + 4 * index), "list of subkeys", LIST_HEADER, signal);
      if (list.u16le(2) === 0) throw list.corrupt("is empty");
      yield list;
    }
  }
}

function* elementsOf(list: Cursor, count: number): Generator<Subkey, void, undefined> {
  const magic = list.ascii(0, 2);
  const size = ELEMENT[magic];
  if (size === undefined) throw list.corrupt("is no list of subkeys");
  for (let index = 0; index < count; index++) {
    const at = LIST_HEADER + size * index;
    const offset = list.u32le(at);
    yield magic === "lh" ? { offset, hash: list.u32le(at + 4) } : { offset };
  }
}
