/** A file as NTFS knows it: its first record and the attributes of all its records. */
import { LruCache } from "../../../bytes/lru-cache.ts";
import { CorruptDataError } from "../../../errors.ts";
import type { NodeId } from "../file-system.ts";
import { ATTRIBUTE, type Attribute } from "./attribute.ts";
import { type ListedAttribute, LONGEST_LIST, parseAttributeList } from "./attribute-list.ts";
import { readWhole } from "./content.ts";
import { type FileRecord, type FileReference, recordPlace } from "./file-record.ts";
import type { MasterFileTable } from "./master-file-table.ts";
import { findValue, type Value } from "./value.ts";
import type { Volume } from "./volume.ts";

export interface FileNode {
  readonly number: number;
  readonly sequence: number;
  readonly isDirectory: boolean;
  readonly attributes: readonly Attribute[];
}

const SEQUENCE_UNIT = 2 ** 32;

/**
 * Record number in the low 32 bits, sequence number above, so that a name that was left behind never leads
 * into another file; sequence 0 leads to whatever the record holds.
 */
export function nodeIdOf({ record, sequence }: FileReference): NodeId {
  return sequence * SEQUENCE_UNIT + record;
}

export function referenceOf(node: NodeId): FileReference {
  return { record: node % SEQUENCE_UNIT, sequence: Math.floor(node / SEQUENCE_UNIT) };
}

export function attributeValue(node: FileNode, type: number, name = ""): Value | undefined {
  return findValue(node.attributes, type, name, node.number);
}

/** Attributes of the files that were looked at last. */
const KEPT_NODES = 1024;

export class FileNodes {
  readonly #volume: Volume;
  readonly #table: MasterFileTable;
  readonly #kept = new LruCache<NodeId, FileNode>(KEPT_NODES);

  constructor(volume: Volume, table: MasterFileTable) {
    this.#volume = volume;
    this.#table = table;
  }

  /**
   * @throws CorruptDataError when a record is damaged or belongs to another file
   * @throws PathError when there is no such record
   */
  async read(node: NodeId, signal?: AbortSignal): Promise<FileNode> {
    signal?.throwIfAborted();
    const known = this.peek(node);
    if (known !== undefined) return known;
    const record = await this.#table.record(referenceOf(node), signal);
    verifyFirst(record);
    const list = attributeList(record);
    const file = list === undefined ? record : { ...record, attributes: await this.#listed(record, list, signal) };
    this.#kept.set(node, file);
    return file;
  }

  /** As `read`, without waiting, where the record is in the cache and is the only one of the file; else undefined. */
  peek(node: NodeId): FileNode | undefined {
    const kept = this.#kept.get(node);
    if (kept !== undefined) return kept;
    const record = this.#table.peek(referenceOf(node));
    if (record === undefined) return undefined;
    verifyFirst(record);
    if (attributeList(record) !== undefined) return undefined;
    this.#kept.set(node, record);
    return record;
  }

  /** Lists are read from the first record alone, so none can lead back to itself. */
  async #listed(record: FileRecord, list: Value, signal?: AbortSignal): Promise<readonly Attribute[]> {
    const listed = parseAttributeList(
      await readWhole(this.#volume, list, record.number, LONGEST_LIST, signal),
      record.number,
    );
    const others = new Map<number, FileRecord>();
    const attributes: Attribute[] = [];
    for (const entry of listed) {
      const { reference } = entry;
      const holder =
        reference.record === record.number
          ? record
          : (others.get(reference.record) ?? (await this.#continuation(record, reference, signal)));
      others.set(reference.record, holder);
      attributes.push(pick(holder, entry));
    }
    return attributes;
  }

  async #continuation(base: FileRecord, reference: FileReference, signal?: AbortSignal): Promise<FileRecord> {
    const record = this.#table.peek(reference) ?? (await this.#table.record(reference, signal));
    const { base: belongsTo } = record;
    if (belongsTo?.record !== base.number || (belongsTo.sequence !== 0 && belongsTo.sequence !== base.sequence)) {
      throw new CorruptDataError(recordPlace(record.number), `does not continue record ${base.number}`);
    }
    return record;
  }
}

function verifyFirst({ number, base }: FileRecord): void {
  if (base === undefined) return;
  throw new CorruptDataError(recordPlace(number), `continues record ${base.record} and is no file`);
}

function attributeList({ attributes, number }: FileRecord): Value | undefined {
  return findValue(attributes, ATTRIBUTE.ATTRIBUTE_LIST, "", number);
}

function pick(holder: FileRecord, { type, name, firstVcn, instance }: ListedAttribute): Attribute {
  const found = holder.attributes.find(
    (each) =>
      each.type === type &&
      each.name === name &&
      each.instance === instance &&
      (each.resident ? firstVcn === 0 : each.firstVcn === firstVcn),
  );
  if (found !== undefined) return found;
  throw new CorruptDataError(recordPlace(holder.number), `listed attribute 0x${type.toString(16)} is missing`);
}
