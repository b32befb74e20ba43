/** Bytes in which one bit at a time is wrong, and what becomes of each. */
import { expect } from "vitest";
import { VmfrError } from "../../../src/errors.ts";
import { tally } from "../../setup/tally.ts";
import type { DamageOutcome } from "./damage-outcome.ts";
import { randomNumbers } from "./random-numbers.ts";

/** Set by VMFR_EXHAUSTIVE=1: every byte is tried and every other answer judged, which takes hours; else a seeded sample. */
export const exhaustive = process.env["VMFR_EXHAUSTIVE"] === "1";

/** Seconds a normal run may spend on one subject. */
const SECONDS = 8;
/** So many are flipped in any case, however busy the machine is. */
const FEWEST = 120;
/** Other answers a normal run holds against the independent reader, which is slow. */
const MOST_JUDGED = 15;
/** Milliseconds of computing; one look at a small image takes a few of them, so this is a hang. */
const LONGEST_LOOK = 5000;
const MOST_FAILURES = 12;

export interface Flip {
  readonly offset: number;
  readonly bit: number;
}

/** What the independent reader says to an answer that is not the intact one; `unfit` where it is known to be wrong itself. */
export type Judgement = "refuses" | "unfit" | { readonly differences: readonly string[] };

export interface FlipSubject<View> {
  /** For people: `ext2`, `GPT`. */
  readonly format: string;
  /** Changed and changed back. */
  readonly bytes: Uint8Array;
  /** Of the bytes to be flipped. */
  readonly offsets: readonly number[];
  /** What vmfr shows of the bytes as they are now. @throws VmfrError when it refuses all of them */
  readonly look: (bytes: Uint8Array) => Promise<View>;
  readonly outcome: (view: View) => DamageOutcome;
  /** The independent reader on another answer; absent where checksums allow none. */
  readonly judge?: (damaged: Uint8Array, view: View, flip: Flip) => Promise<Judgement>;
}

export interface FlipCounts {
  equal: number;
  named: number;
  /** Other answers. */
  agreed: number;
  refusedByReader: number;
  notJudged: number;
}

interface Look<View> {
  readonly outcome: DamageOutcome;
  readonly view?: View;
}

async function lookAt<View>(subject: FlipSubject<View>): Promise<Look<View>> {
  const before = process.cpuUsage();
  try {
    const view = await subject.look(subject.bytes);
    return { outcome: subject.outcome(view), view };
  } catch (error) {
    if (error instanceof VmfrError) return { outcome: { kind: "named error", where: error.message } };
    throw error;
  } finally {
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000, "milliseconds of one look").toBeLessThan(LONGEST_LOOK);
  }
}

/** Judges another answer: counts it, or returns why it is wrong. */
async function judgeOther<View>(
  subject: FlipSubject<View>,
  { view, outcome }: Look<View>,
  flip: Flip,
  counts: FlipCounts,
): Promise<string | undefined> {
  if (subject.judge === undefined || view === undefined) return outcome.where;
  if (!exhaustive && counts.agreed + counts.refusedByReader >= MOST_JUDGED) {
    counts.notJudged++;
    return undefined;
  }
  const judgement = await subject.judge(subject.bytes, view, flip);
  if (judgement === "unfit") counts.notJudged++;
  else if (judgement === "refuses") counts.refusedByReader++;
  else if (judgement.differences.length === 0) counts.agreed++;
  else return `${outcome.where}; the independent reader: ${judgement.differences.slice(0, 3).join("; ")}`;
  return undefined;
}

/**
 * Flips one bit at a time: the same answer, a named error, or, where no checksum can tell, the answer that the
 * independent reader gives, too. Tallies the counts.
 * @throws when an answer is wrong, saying which bits led to it
 */
export async function expectFlipsTold<View>(subject: FlipSubject<View>, seed = 4): Promise<FlipCounts> {
  const { bytes, offsets, format } = subject;
  const random = randomNumbers(seed);
  const counts: FlipCounts = { equal: 0, named: 0, agreed: 0, refusedByReader: 0, notJudged: 0 };
  const failures: string[] = [];
  const until = Date.now() + SECONDS * 1000;
  expect((await lookAt(subject)).outcome).toEqual({ kind: "equal", where: "" });
  for (let index = 0; exhaustive ? index < offsets.length : index < FEWEST || Date.now() < until; index++) {
    const offset = offsets[exhaustive ? index : Math.floor(random() * offsets.length)] as number;
    const flip = { offset, bit: Math.floor(random() * 8) };
    const before = bytes[offset] as number;
    bytes[offset] = before ^ (1 << flip.bit);
    try {
      const look = await lookAt(subject);
      if (look.outcome.kind === "equal") counts.equal++;
      else if (look.outcome.kind === "named error") counts.named++;
      else {
        const wrong = await judgeOther(subject, look, flip, counts);
        if (wrong !== undefined) failures.push(`byte ${offset}, bit ${flip.bit}: ${wrong}`);
      }
    } catch (error) {
      failures.push(`byte ${offset}, bit ${flip.bit}: ${error instanceof Error ? error.stack : String(error)}`);
    }
    bytes[offset] = before;
    if (failures.length === MOST_FAILURES) break;
  }
  report(format, counts);
  expect(failures, `${format}: wrong answers`).toEqual([]);
  return counts;
}

function report(format: string, { equal, named, agreed, refusedByReader, notJudged }: FlipCounts): void {
  const outcomes: Record<string, number> = {
    "same answer": equal,
    "named error": named,
    "another answer, which is the independent reader's": agreed,
    "another answer, and the independent reader refuses": refusedByReader,
    "another answer, not held against the independent reader": notJudged,
  };
  for (const [outcome, count] of Object.entries(outcomes)) {
    if (count > 0) tally(`${format} flipped metadata bytes: ${outcome}`, count);
  }
  if (exhaustive) process.stdout.write(`${format}: ${JSON.stringify(outcomes)}\n`);
}
