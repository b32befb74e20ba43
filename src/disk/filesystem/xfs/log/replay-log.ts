/**
 * Replays an XFS log in memory: lays over the volume what the kernel would write to it when mounting, without
 * writing anything.
 *
 * Specification: Linux fs/xfs/xfs_log_recover.c and the xfs_*_item_recover.c beside it.
 */

import { checksumMatches, stampChecksum } from "../checksum.ts";
import { INODE_CRC, INODE_MAGIC } from "../inode.ts";
import { inodeOffset, type Volume } from "../volume.ts";
import { type BufferItem, parseBufferItem } from "./buffer-item.ts";
import { clustersOf, freshInodes, parseInodeCreation } from "./inode-creation.ts";
import { applyInodeItem, changesOwner, isInodeAsNew, parseInodeItem } from "./inode-item.ts";
import { IntentLog, type Unfinished } from "./intents.ts";
import { findBounds, type LogBounds, recordsBetween } from "./log-bounds.ts";
import { LogDamage } from "./log-damage.ts";
import { BASIC_BLOCK, LogDevice } from "./log-device.ts";
import { readRecordData, requireOwn } from "./log-record.ts";
import { Overlay } from "./overlay.ts";
import { isAsNew, mayStamp, stamp } from "./structure-stamp.ts";
import { type LogItem, type Transaction, TransactionAssembler } from "./transaction.ts";

const TYPE = { INODE: 0x123b, BUFFER: 0x123c, INODE_CREATION: 0x123f } as const;

export interface LogReplay {
  readonly data: Overlay;
  readonly transactions: number;
  readonly unfinished: Unfinished;
  /** Inodes whose extent tree blocks may still name their former owner. */
  readonly adopting: ReadonlySet<number>;
}

/**
 * @returns undefined when there is nothing to replay
 * @throws LogDamage and CorruptDataError where the kernel would refuse to recover, LimitError, SourceError
 */
export async function replayLog(volume: Volume, signal?: AbortSignal): Promise<LogReplay | undefined> {
  const log = new LogDevice(volume, signal);
  const bounds = await findBounds(log);
  if (bounds === undefined) return undefined;
  const cancelled = await findCancellations(volume, log, bounds);
  const replay = new Replay(volume, cancelled, signal);
  let transactions = 0;
  for await (const transaction of transactionsOf(volume, log, bounds)) {
    await replay.apply(transaction);
    transactions++;
  }
  const { overlay, intents, adopting } = replay;
  return { data: overlay.over(volume.data), transactions, unfinished: intents.unfinished(), adopting };
}

async function* transactionsOf(
  { superblock, limits }: Volume,
  log: LogDevice,
  bounds: LogBounds,
): AsyncGenerator<Transaction, void, undefined> {
  const assembler = new TransactionAssembler(limits.journalOverlay);
  for await (const record of recordsBetween(log, bounds)) {
    requireOwn(record, superblock.uuid);
    yield* assembler.feed(record, await readRecordData(log, record));
    assembler.release();
  }
}

/** Whether the log has anything to replay. @throws as `replayLog` */
export async function needsReplay(volume: Volume, signal?: AbortSignal): Promise<boolean> {
  return (await findBounds(new LogDevice(volume, signal))) !== undefined;
}

/** How often each buffer was given back: until the last time, changes to it do not count. */
type Cancellations = Map<string, number>;

const keyOf = (block: number, blocks: number): string => `${block}+${blocks}`;

async function findCancellations(volume: Volume, log: LogDevice, bounds: LogBounds): Promise<Cancellations> {
  const cancelled: Cancellations = new Map();
  for await (const { items } of transactionsOf(volume, log, bounds)) {
    for (const item of items) {
      if (item.type !== TYPE.BUFFER) continue;
      const { block, blocks, isCancellation } = parseBufferItem(item);
      const key = keyOf(block, blocks);
      if (isCancellation) cancelled.set(key, (cancelled.get(key) ?? 0) + 1);
    }
  }
  return cancelled;
}

/** Items in the order the kernel takes them: buffers make room for inodes, and are given back at the end. */
function inOrder(items: readonly LogItem[]): LogItem[] {
  const rank = (item: LogItem): number => {
    if (item.type === TYPE.INODE_CREATION) return 0;
    if (item.type !== TYPE.BUFFER) return 1;
    const { isCancellation, isInodes } = parseBufferItem(item);
    return isCancellation ? 3 : isInodes ? 2 : 0;
  };
  return items
    .map((item) => ({ item, order: rank(item) }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ item }) => item);
}

class Replay {
  readonly overlay: Overlay;
  readonly intents = new IntentLog();
  readonly adopting = new Set<number>();
  readonly #volume: Volume;
  readonly #cancelled: Cancellations;
  readonly #signal: AbortSignal | undefined;

  constructor(volume: Volume, cancelled: Cancellations, signal: AbortSignal | undefined) {
    this.#volume = volume;
    this.#cancelled = cancelled;
    this.#signal = signal;
    this.overlay = new Overlay(volume.metadata, volume.superblock.blockSize, volume.limits.journalOverlay);
  }

  async apply({ sequence, items }: Transaction): Promise<void> {
    for (const item of inOrder(items)) {
      this.#signal?.throwIfAborted();
      if (item.type === TYPE.BUFFER) await this.#buffer(parseBufferItem(item), sequence);
      else if (item.type === TYPE.INODE) await this.#inode(item, sequence);
      else if (item.type === TYPE.INODE_CREATION) await this.#creation(item);
      else this.intents.note(item);
    }
  }

  async #buffer(item: BufferItem, sequence: bigint): Promise<void> {
    const { superblock } = this.#volume;
    const { block, blocks, isCancellation, isIrrelevant, pieces } = item;
    const key = keyOf(block, blocks);
    if (isCancellation) {
      const left = (this.#cancelled.get(key) ?? 1) - 1;
      if (left === 0) this.#cancelled.delete(key);
      else this.#cancelled.set(key, left);
      return;
    }
    if (isIrrelevant || this.#cancelled.has(key)) return;
    const offset = block * BASIC_BLOCK;
    const before = await this.#read(offset, blocks * BASIC_BLOCK);
    if (isAsNew(before, sequence, superblock)) return;
    const after = Uint8Array.from(before);
    for (const piece of pieces) after.set(piece.bytes, piece.offset);
    const rewritten = pieces.reduce((sum, { bytes }) => sum + bytes.length, 0) === after.length;
    if (rewritten || mayStamp(before, superblock)) stamp(after, superblock);
    await this.overlay.write(offset, after, this.#signal);
  }

  async #inode(logItem: LogItem, sequence: bigint): Promise<void> {
    const { superblock } = this.#volume;
    const item = parseInodeItem(logItem);
    if (this.#cancelled.has(keyOf(item.block, item.blocks))) return;
    if (changesOwner(item)) this.adopting.add(item.inode);
    const offset = item.block * BASIC_BLOCK + item.offset;
    if (offset !== inodeOffset(superblock, item.inode)) throw new LogDamage(0, `inode ${item.inode} lies elsewhere`);
    const before = await this.#read(offset, superblock.inodeSize);
    if (((before[0] as number) << 8) + (before[1] as number) !== INODE_MAGIC) {
      throw new LogDamage(0, `inode ${item.inode} is no inode on the disk`);
    }
    if (isInodeAsNew(before, item, sequence, superblock)) return;
    const after = applyInodeItem(before, item, sequence, superblock);
    if (superblock.version === 5 && checksumMatches(before, INODE_CRC)) stampChecksum(after, INODE_CRC);
    await this.overlay.write(offset, after, this.#signal);
  }

  async #creation(logItem: LogItem): Promise<void> {
    const { superblock } = this.#volume;
    const creation = parseInodeCreation(logItem, superblock);
    const sectors = superblock.blockSize / BASIC_BLOCK;
    const isGone = clustersOf(creation, superblock).some(({ block, blocks }) =>
      this.#cancelled.has(keyOf(block * sectors, blocks * sectors)),
    );
    if (isGone) return;
    const bytes = freshInodes(creation, superblock);
    stamp(bytes, superblock);
    await this.overlay.write(creation.block * superblock.blockSize, bytes, this.#signal);
  }

  /** @throws LogDamage outside the volume */
  #read(offset: number, length: number): Promise<Uint8Array> {
    if (offset + length > this.overlay.size) throw new LogDamage(0, `changes byte ${offset}, outside the volume`);
    return this.overlay.read(offset, length, this.#signal);
  }
}
