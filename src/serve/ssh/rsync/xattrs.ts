/** Extended attributes: short values travel with the file list, long ones as checksums until asked for; xattrs.c. */
import { createHash } from "node:crypto";
import { compareBytes, nameKey } from "../../../bytes/byte-name.ts";
import type { ExtendedAttribute } from "../../../disk/filesystem/file-system.ts";
import type { TreeNode } from "../../../restore-tree/tree-node.ts";
import type { FilterList } from "./filter-list.ts";
import type { WireReader } from "./wire-reader.ts";
import type { WireWriter } from "./wire-writer.ts";

/** Bytes of a value that is sent at once. */
const LONGEST_SHORT_VALUE = 32;
const MAX_REQUESTED = 10_000;

export interface XattrOptions {
  /** Also rsync's own ones (`-XX`). */
  readonly includesOwn: boolean;
  readonly filters: FilterList;
}

export class XattrSender {
  readonly #writer: WireWriter;
  readonly #options: XattrOptions;
  /** By what the client was sent: the number of the list. */
  readonly #sent = new Map<string, number>();

  constructor(writer: WireWriter, options: XattrOptions) {
    this.#writer = writer;
    this.#options = options;
  }

  send(all: readonly ExtendedAttribute[]): void {
    const attributes = this.#selected(all);
    const hash = createHash("sha256");
    for (const { name, value } of attributes) hash.update(`${name.length} ${value.length} `).update(name).update(value);
    const key = hash.digest("base64");
    const known = this.#sent.get(key);
    this.#writer.varint(known === undefined ? 0 : known + 1);
    if (known !== undefined) return;
    this.#sent.set(key, this.#sent.size);
    this.#writer.varint(attributes.length);
    for (const { name, value } of attributes) {
      this.#writer.varint(name.length + 1);
      this.#writer.varint(value.length);
      this.#writer.bytes(name);
      this.#writer.byte(0);
      this.#writer.bytes(value.length > LONGEST_SHORT_VALUE ? createHash("md5").update(value).digest() : value);
    }
  }

  /** Sends the values a client has asked for by their numbers, which count from 1. */
  async sendValues(node: TreeNode, numbers: readonly number[], signal: AbortSignal): Promise<void> {
    const attributes = numbers.length === 0 ? [] : this.#selected(await node.xattrs(signal));
    let previous = 0;
    for (const number of numbers) {
      const value = attributes[number - 1]?.value ?? Uint8Array.of();
      this.#writer.varint(number - previous);
      this.#writer.varint(value.length);
      this.#writer.bytes(value);
      previous = number;
    }
    this.#writer.byte(0);
  }

  #selected(all: readonly ExtendedAttribute[]): ExtendedAttribute[] {
    const { includesOwn, filters } = this.#options;
    const hasRules = filters.hasXattrRules;
    return all
      .filter((attribute) => {
        const name = nameKey(attribute.name);
        if (!includesOwn && name.startsWith("user.rsync.%")) return false;
        if (!hasRules) return !name.startsWith("system.");
        return !filters.excludes({ name, isDirectory: false, isXattr: true, base: "" });
      })
      .sort((left, right) => compareBytes(left.name, right.name));
  }
}

/** The numbers of the long values a client wants. @throws CorruptDataError for what cannot be numbers. */
export async function readXattrRequest(reader: WireReader): Promise<number[]> {
  const numbers: number[] = [];
  let number = 0;
  for (let step = await reader.varint(); step !== 0; step = await reader.varint()) {
    number += step;
    if (number < 1 || number > 0xffff || numbers.length >= MAX_REQUESTED) throw reader.corrupt(`attribute ${number}`);
    numbers.push(number);
  }
  return numbers;
}
