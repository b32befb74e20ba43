/** Finding where the log was written last (kernel fs/xfs/xfs_log_recover.c, xlog_find_head). All figures are basic blocks. */

import { LogDamage } from "./log-damage.ts";
import type { LogDevice } from "./log-device.ts";
import { readRecordHeader } from "./log-record.ts";

/** The longest record, and what may be on its way to the disk at once. */
const RECORD = (256 * 1024) / 512;
const IN_FLIGHT = 8 * RECORD;

/**
 * The block behind the last one written, before anything is known about torn writes.
 * @returns undefined when the log was never written to
 * @throws LogDamage when no record is found in front of it
 */
export async function findHead(log: LogDevice): Promise<number | undefined> {
  const first = await log.cycle(0);
  const last = await log.cycle(log.size - 1);
  if (first === 0) return undefined;
  if (last === 0) return findHeadOfFirstRound(log);
  // Blocks of the newest cycle lie in front of the head, those of the cycle before it behind.
  const boundary = first === last ? log.size : await firstOfCycle(log, last);
  const stale = first === last ? last - 1 : last;
  return verifyRecord(log, await firstStale(log, boundary, stale));
}

/** The log has not been written to its end yet: the head is where the zeros begin. */
async function findHeadOfFirstRound(log: LogDevice): Promise<number> {
  const zeros = await firstOfCycle(log, 0);
  const start = Math.max(0, zeros - IN_FLIGHT);
  const head = (await findCycle(log, start, zeros, 0)) ?? zeros;
  return (await trimToRecord(log, start, head)) ?? head;
}

/** Blocks of `cycle` fill the log's end; where they begin, by bisection. */
async function firstOfCycle(log: LogDevice, cycle: number): Promise<number> {
  let low = 0;
  let high = log.size - 1;
  while (low + 1 < high) {
    const middle = (low + high) >>> 1;
    if ((await log.cycle(middle)) === cycle) high = middle;
    else low = middle;
  }
  return high;
}

/** Several writes are under way at once, so the first block not written may lie before the boundary. */
async function firstStale(log: LogDevice, boundary: number, stale: number): Promise<number> {
  const reach = Math.min(IN_FLIGHT, log.size);
  if (boundary >= reach) return (await findCycle(log, boundary - reach, boundary, stale)) ?? boundary;
  const behind = await findCycle(log, log.size - (reach - boundary), log.size, stale - 1);
  return behind ?? (await findCycle(log, 0, boundary, stale)) ?? boundary;
}

async function findCycle(log: LogDevice, from: number, to: number, cycle: number): Promise<number | undefined> {
  for (let block = from; block < to; block++) if ((await log.cycle(block)) === cycle) return block;
  return undefined;
}

/** The head must end a record; where the last record is not complete, its start is the head. */
async function verifyRecord(log: LogDevice, head: number): Promise<number> {
  const start = Math.max(0, head - RECORD);
  const trimmed = await trimToRecord(log, start, head);
  if (trimmed !== undefined) return trimmed % log.size;
  if (start > 0) throw new LogDamage(head, "no record is found in front of the head");
  // The record in front of the head lies around the log's end.
  const behind = await trimToRecord(log, Math.max(0, log.size - (RECORD - head)), log.size, head);
  if (behind === undefined) throw new LogDamage(head, "no record is found in front of the head");
  return behind === log.size ? head : behind;
}

/** @param extra blocks of the record that lie behind `to`, around the end */
async function trimToRecord(log: LogDevice, from: number, to: number, extra = 0): Promise<number | undefined> {
  for (let block = to - 1; block >= from; block--) {
    if (!(await log.startsRecord(block))) continue;
    const { blocks } = await readRecordHeader(log, block);
    return to - block + extra === blocks ? to : block;
  }
  return undefined;
}
