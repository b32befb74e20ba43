/** Values of a key (`vk` cells) and where their data is. */
import type { Cursor } from "../../../bytes/cursor.ts";
import { textFromUtf16 } from "../../../bytes/utf16-name.ts";
import { LimitError } from "../../../errors.ts";
import type { RegistryHive } from "./registry-hive.ts";
import { readName } from "./registry-name.ts";

const VK = { nameLength: 2, dataSize: 4, data: 8, type: 12, flags: 16 } as const;
const VK_NAME = 20;
const NAME_IS_LATIN1 = 0x1;
/** Up to four bytes of data stand where its offset would. */
const IS_RESIDENT = 0x8000_0000;
/** Bytes of one segment; longer data is cut into segments, from version 1.4 on. */
const SEGMENT = 16_344;
/** Bytes; what is read from the registry here has some hundred. */
const LARGEST_DATA = 1024 * 1024;

const TYPE = { string: 1, expandable: 2 } as const;

export class RegistryValue {
  /** Empty for a key's default value. */
  readonly name: string;
  /** `REG_SZ` is 1, `REG_BINARY` 3, `REG_DWORD` 4. */
  readonly type: number;
  readonly #hive: RegistryHive;
  readonly #cell: Cursor;

  private constructor(hive: RegistryHive, cell: Cursor) {
    this.#hive = hive;
    this.#cell = cell;
    this.type = cell.u32le(VK.type);
    this.name = readName(cell, VK_NAME, cell.u16le(VK.nameLength), (cell.u16le(VK.flags) & NAME_IS_LATIN1) !== 0);
  }

  /** @throws CorruptDataError, SourceError */
  static async read(hive: RegistryHive, offset: number, signal?: AbortSignal): Promise<RegistryValue> {
    const cell = await hive.cell(offset, "value", VK_NAME, signal);
    if (cell.ascii(0, 2) !== "vk") throw cell.corrupt("is no value");
    return new RegistryValue(hive, cell);
  }

  /** @throws CorruptDataError, LimitError, SourceError */
  async data(signal?: AbortSignal): Promise<Uint8Array> {
    const stored = this.#cell.u32le(VK.dataSize);
    const size = stored >= IS_RESIDENT ? stored - IS_RESIDENT : stored;
    if (stored >= IS_RESIDENT) return this.#cell.slice(VK.data, Math.min(size, 4));
    if (size === 0) return new Uint8Array(0);
    if (size > LARGEST_DATA) throw new LimitError("registryValue", LARGEST_DATA, `value ${this.name}`);
    const offset = this.#cell.u32le(VK.data);
    if (size > SEGMENT && this.#hive.base.minor > 3) return this.#segments(offset, size, signal);
    return (await this.#hive.cell(offset, "data", size, signal)).slice(0, size);
  }

  /** Undefined for what is no text. Ends at the first NUL. */
  async text(signal?: AbortSignal): Promise<string | undefined> {
    if (this.type !== TYPE.string && this.type !== TYPE.expandable) return undefined;
    return textFromUtf16(await this.data(signal)).replace(/\0.*$/s, "");
  }

  async #segments(offset: number, size: number, signal?: AbortSignal): Promise<Uint8Array> {
    const header = await this.#hive.cell(offset, "segmented data", 8, signal);
    if (header.ascii(0, 2) !== "db") throw header.corrupt("is no segmented data");
    const count = header.u16le(2);
    if (count !== Math.ceil(size / SEGMENT)) throw header.corrupt(`${count} segments for ${size} bytes`);
    const list = await this.#hive.cell(header.u32le(4), "list of segments", 4 * count, signal);
    const segments: Uint8Array[] = [];
    for (let left = size, index = 0; index < count; left -= SEGMENT, index++) {
      const length = Math.min(left, SEGMENT);
      segments.push((await this.#hive.cell(list.u32le(4 * index), "segment", length, signal)).slice(0, length));
    }
    return Buffer.concat(segments);
  }
}
