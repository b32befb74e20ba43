/** Which records must be replayed (kernel fs/xfs/xfs_log_recover.c, xlog_find_tail). All figures are basic blocks. */
import { CorruptDataError } from "../../../../errors.ts";
import { LogDamage } from "./log-damage.ts";
import type { LogDevice } from "./log-device.ts";
import { BASIC_BLOCK } from "./log-device.ts";
import { findHead } from "./log-head.ts";
import { isIntact, type LogRecord, readRecordData, readRecordHeader } from "./log-record.ts";

/** Records under way to the disk at once when the machine stopped. */
const MOST_IN_FLIGHT = 8;
const UNMOUNT = 0x20;

/** All records from `tail` to `head` are intact. */
export interface LogBounds {
  readonly tail: number;
  readonly head: number;
}

/**
 * @returns undefined when the log was never written to, or ends with the record of an unmount
 * @throws LogDamage where the kernel, too, would give up
 */
export async function findBounds(log: LogDevice): Promise<LogBounds | undefined> {
  const found = await findHead(log);
  if (found === undefined) return undefined;
  let head = found;
  let last = await lastRecord(log, head);
  if (await isUnmount(log, last, head)) return undefined;
  const torn = await firstTorn(log, last.tailBlock, head);
  if (torn !== undefined) {
    head = torn;
    last = await lastRecord(log, head);
    if (await isUnmount(log, last, head)) return undefined;
  }
  if (last.tailBlock === head) return undefined;
  return { head, tail: await verifyTail(log, { head, tail: last.tailBlock }, last.bufferSize) };
}

async function lastRecord(log: LogDevice, head: number): Promise<LogRecord> {
  const [block] = await recordsBefore(log, head, { most: 1, end: head });
  if (block === undefined) throw new LogDamage(head, "the log holds no record");
  return readRecordHeader(log, block);
}

/** Where records start, going back from `from` to `end` around the end, the nearest first. */
async function recordsBefore(
  log: LogDevice,
  from: number,
  { most, end }: { most: number; end: number },
): Promise<number[]> {
  const starts: number[] = [];
  let block = from;
  do {
    block = log.advance(block, -1);
    if (await log.startsRecord(block)) starts.push(block);
  } while (starts.length < most && block !== end);
  return starts;
}

/** A record of one operation that says so, right in front of the head. */
async function isUnmount(log: LogDevice, record: LogRecord, head: number): Promise<boolean> {
  if (log.advance(record.block, record.blocks) !== head || record.operations !== 1) return false;
  const data = await readRecordData(log, record);
  return data.length >= 12 && ((data[9] as number) & UNMOUNT) !== 0;
}

/** The first of the last few records that did not reach the disk whole: the machine stopped while writing it. */
async function firstTorn(log: LogDevice, tail: number, head: number): Promise<number | undefined> {
  const starts = await recordsBefore(log, head, { most: MOST_IN_FLIGHT, end: tail });
  return firstDamaged(log, { tail: starts.at(-1) ?? tail, head });
}

async function firstDamaged(log: LogDevice, bounds: LogBounds): Promise<number | undefined> {
  try {
    for await (const record of recordsBetween(log, bounds)) {
      if (!(await isIntact(log, record))) return record.block;
    }
  } catch (error) {
    if (error instanceof DamagedRecord) return error.block;
    throw error;
  }
  return undefined;
}

class DamagedRecord extends LogDamage {
  readonly block: number;

  constructor(block: number, problem: string) {
    super(block, problem);
    this.block = block;
  }
}

/** The records one after the other. @throws LogDamage when one does not end where the next begins */
export async function* recordsBetween(
  log: LogDevice,
  { tail, head }: LogBounds,
): AsyncGenerator<LogRecord, void, undefined> {
  let left = log.distance(tail, head);
  for (let block = tail; left > 0; ) {
    const record = await headerOrDamage(log, block);
    if (record.blocks > left) throw new DamagedRecord(block, "the record leaves the part of the log in use");
    yield record;
    left -= record.blocks;
    block = log.advance(block, record.blocks);
  }
}

async function headerOrDamage(log: LogDevice, block: number): Promise<LogRecord> {
  try {
    return await readRecordHeader(log, block);
  } catch (error) {
    if (error instanceof CorruptDataError) throw new DamagedRecord(block, error.message);
    throw error;
  }
}

/** Writes that were torn away from the head may have gone over the tail; then recovery starts at the next record. */
async function verifyTail(log: LogDevice, { tail, head }: LogBounds, bufferSize: number): Promise<number> {
  let start = await nextRecord(log, tail, head);
  for (;;) {
    const damaged = await firstDamaged(log, { tail: start, head });
    if (damaged === undefined) return start;
    if (log.distance(head, damaged) > (MOST_IN_FLIGHT * bufferSize) / BASIC_BLOCK) {
      throw new LogDamage(damaged, "the record is damaged");
    }
    start = await nextRecord(log, log.advance(damaged, 1), head);
  }
}

async function nextRecord(log: LogDevice, from: number, head: number): Promise<number> {
  for (let block = from; block !== head; block = log.advance(block, 1)) if (await log.startsRecord(block)) return block;
  throw new LogDamage(from, "no record starts between here and the head");
}
