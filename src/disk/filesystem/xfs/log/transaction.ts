/** Transactions put together from the operations of log records (kernel fs/xfs/xfs_log_recover.c, xfs_log_format.h). */
import { LimitError } from "../../../../errors.ts";
import { LogDamage } from "./log-damage.ts";
import type { LogRecord } from "./log-record.ts";

const OPERATION_HEADER = 12;
const FLAG = { START: 0x1, COMMIT: 0x2, CONTINUE: 0x4, WAS_CONTINUED: 0x8, END: 0x10, UNMOUNT: 0x20 } as const;
/** Who may write operations: transactions and the log itself. */
const CLIENTS: readonly number[] = [0x69, 0xaa];
const TRANSACTION_HEADER = 16;
const TRANSACTION_MAGIC = 0x5452414e;
/** Regions of one item: a buffer of 64 KiB has at most so many pieces. */
const MOST_REGIONS = 1024;

/** Something a transaction changed: its first region says what, the others hold the new content. Little-endian. */
export interface LogItem {
  readonly type: number;
  readonly regions: readonly Uint8Array[];
}

export interface Transaction {
  /** Of the record it started in: what structures are stamped with when they are written. */
  readonly sequence: bigint;
  readonly items: readonly LogItem[];
}

interface OpenItem {
  readonly expected: number;
  readonly regions: Uint8Array[];
}

interface OpenTransaction {
  readonly sequence: bigint;
  header: Uint8Array;
  readonly items: OpenItem[];
}

/** Feeds on the data of records in order, and gives each transaction when it is committed. */
export class TransactionAssembler {
  readonly #open = new Map<number, OpenTransaction>();
  readonly #limit: number;
  #bytes = 0;

  /** @param limit bytes that transactions not yet committed may take */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws LogDamage when operations are impossible, LimitError */
  *feed(record: LogRecord, data: Uint8Array): Generator<Transaction, void, undefined> {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    let offset = 0;
    for (let left = record.operations; left > 0 && offset < data.length; left--) {
      if (offset + OPERATION_HEADER > data.length) throw new LogDamage(record.block, "an operation is cut short");
      const identity = view.getUint32(offset, false);
      const length = view.getUint32(offset + 4, false);
      const client = view.getUint8(offset + 8);
      const flags = view.getUint8(offset + 9);
      offset += OPERATION_HEADER;
      if (!CLIENTS.includes(client)) throw new LogDamage(record.block, `operation of client ${client}`);
      if (offset + length > data.length)
        throw new LogDamage(record.block, `an operation of ${length} bytes does not fit`);
      const committed = this.#operation(record, { identity, flags, content: data.subarray(offset, offset + length) });
      if (committed !== undefined) yield committed;
      offset += length;
    }
  }

  #operation(
    record: LogRecord,
    { identity, flags, content }: { identity: number; flags: number; content: Uint8Array },
  ): Transaction | undefined {
    const transaction = this.#open.get(identity);
    if (transaction === undefined) {
      // Without its start it began before the tail, and all of it is on the disk.
      if ((flags & FLAG.START) !== 0)
        this.#open.set(identity, { sequence: record.sequence, header: new Uint8Array(), items: [] });
      return undefined;
    }
    const kind = kindOf(flags);
    if (kind === "commit" || kind === "abandon") {
      this.#open.delete(identity);
      return kind === "commit" ? close(transaction, record.block) : undefined;
    }
    if (kind === undefined) throw new LogDamage(record.block, `operation with flags 0x${flags.toString(16)}`);
    this.#bytes += content.length;
    if (this.#bytes > this.#limit) throw new LimitError("journalOverlay", this.#limit, "xfs log: transactions");
    if (kind === "region") addRegion(transaction, content, record.block);
    else extendRegion(transaction, content, record.block);
    return undefined;
  }

  /** A transaction's bytes are free again once it was replayed. */
  release(): void {
    if (this.#open.size === 0) this.#bytes = 0;
  }
}

type OperationKind = "region" | "continuation" | "commit" | "abandon";

function kindOf(flags: number): OperationKind | undefined {
  let word = flags & ~FLAG.END;
  if ((word & FLAG.WAS_CONTINUED) !== 0) word &= ~FLAG.CONTINUE;
  switch (word) {
    case 0:
    case FLAG.CONTINUE:
      return "region";
    case FLAG.WAS_CONTINUED:
      return "continuation";
    case FLAG.COMMIT:
      return "commit";
    case FLAG.UNMOUNT:
      return "abandon";
    default:
      return undefined;
  }
}

function addRegion(transaction: OpenTransaction, content: Uint8Array, block: number): void {
  if (content.length === 0) return;
  if (transaction.header.length === 0) {
    if (content.length > TRANSACTION_HEADER) throw new LogDamage(block, "a transaction's header is too long");
    transaction.header = content;
    requireMagic(transaction.header, block);
    return;
  }
  const last = transaction.items.at(-1);
  if (last !== undefined && last.regions.length < last.expected) {
    last.regions.push(content);
    return;
  }
  // Every item's first region starts with its type and the number of its regions.
  const expected = content.length < 4 ? 0 : readU16(content, 2);
  if (expected === 0 || expected > MOST_REGIONS)
    throw new LogDamage(block, `an item of ${expected} regions is impossible`);
  transaction.items.push({ expected, regions: [content] });
}

function extendRegion(transaction: OpenTransaction, content: Uint8Array, block: number): void {
  const last = transaction.items.at(-1);
  if (last !== undefined) {
    const region = last.regions.pop() ?? new Uint8Array();
    last.regions.push(Buffer.concat([region, content]));
    return;
  }
  // The header itself was split over two records.
  transaction.header = Buffer.concat([transaction.header, content]);
  if (transaction.header.length > TRANSACTION_HEADER) throw new LogDamage(block, "a transaction's header is too long");
  requireMagic(transaction.header, block);
}

function requireMagic(header: Uint8Array, block: number): void {
  if (header.length >= 4 && readU16(header, 0) + readU16(header, 2) * 0x10000 !== TRANSACTION_MAGIC) {
    throw new LogDamage(block, "a transaction's magic number is missing");
  }
}

function close({ sequence, items }: OpenTransaction, block: number): Transaction {
  const complete = items.map(({ expected, regions }): LogItem => {
    if (regions.length !== expected) throw new LogDamage(block, `an item has ${regions.length} of ${expected} regions`);
    return { type: readU16(regions[0] as Uint8Array, 0), regions };
  });
  return { sequence, items: complete };
}

function readU16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] as number) + (bytes[offset + 1] as number) * 0x100;
}
