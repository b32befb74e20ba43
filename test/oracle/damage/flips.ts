/** Bytes in which one bit at a time is wrong, and what becomes of each. */
import { expect } from "vitest";
import { VmfrError } from "../../../src/errors.ts";
import { tally } from "../../setup/tally.ts";
import type { DamageOutcome } from "./damage-outcome.ts";
import { randomNumbers } from "./random-numbers.ts";

/**
 * VMFR_EXHAUSTIVE=1 tries every byte, which takes hours, instead of a seeded sample; 2, 3, … do so with other bits of
 * them.
 */
const PASS = Number(process.env["VMFR_EXHAUSTIVE"] ?? 0);
export const exhaustive = PASS > 0;
const SEED = 4;

/** Seconds a normal run may spend on one subject, the independent reader's among them. */
const SECONDS = Number(process.env["VMFR_FLIP_SECONDS"] ?? 8);
/** So many are flipped in any case, however busy the machine is. */
const FEWEST = 120;
/** Milliseconds of computing; one look at a small image takes a few of them, so this is a hang. */
const LONGEST_LOOK = 5000;
const MOST_FAILURES = exhaustive ? Number.POSITIVE_INFINITY : 12;

export interface Flip {
  readonly offset: number;
  readonly bit: number;
}

/** What an independent reader says to an answer that is not the intact one. */
export type Judgement =
  | { readonly differences: readonly string[] }
  /** It calls the image damaged, in its own words. */
  | { readonly refusal: string }
  /** Why no reader can judge this one, or why they are wrong. */
  | { readonly exempt: string };

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
  /** Other answers, which are the independent reader's, too. */
  agreed: number;
  /** Other answers that are right for a reason of their own. */
  readonly exempt: Map<string, number>;
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
  const judgement = await subject.judge(subject.bytes, view, flip);
  if ("exempt" in judgement) {
    counts.exempt.set(judgement.exempt, (counts.exempt.get(judgement.exempt) ?? 0) + 1);
    return undefined;
  }
  if ("refusal" in judgement) return `${outcome.where}; the independent reader refuses: ${judgement.refusal}`;
  if (judgement.differences.length > 0) {
    return `${outcome.where}; the independent reader: ${judgement.differences.slice(0, 3).join("; ")}`;
  }
  counts.agreed++;
  return undefined;
}

/**
 * Flips one bit at a time: the same answer, a named error, or, where no checksum can tell, the answer that the
 * independent reader gives, too. Tallies the counts.
 * @throws when an answer is wrong, saying which bits led to it
 */
export async function expectFlipsTold<View>(subject: FlipSubject<View>): Promise<FlipCounts> {
  const { bytes, offsets, format } = subject;
  const random = randomNumbers(exhaustive ? SEED + PASS - 1 : SEED);
  const counts: FlipCounts = { equal: 0, named: 0, agreed: 0, exempt: new Map() };
  const failures: string[] = [];
  const fail = ({ offset, bit }: Flip, why: string) => {
    failures.push(`byte ${offset}, bit ${bit}: ${why}`);
    if (exhaustive) process.stdout.write(`${format}, wrong: ${failures.at(-1)}\n`);
  };
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
        if (wrong !== undefined) fail(flip, wrong);
      }
    } catch (error) {
      fail(flip, error instanceof Error ? String(error.stack) : String(error));
    }
    bytes[offset] = before;
    if (failures.length === MOST_FAILURES) break;
  }
  report(format, counts);
  expect(failures, `${format}: wrong answers`).toEqual([]);
  return counts;
}

function report(format: string, { equal, named, agreed, exempt }: FlipCounts): void {
  const outcomes: Record<string, number> = {
    "same answer": equal,
    "named error": named,
    "another answer, which is the independent reader's": agreed,
  };
  for (const [reason, count] of exempt) outcomes[`another answer, right although ${reason}`] = count;
  for (const [outcome, count] of Object.entries(outcomes)) {
    if (count > 0) tally(`${format} flipped metadata bytes: ${outcome}`, count);
  }
  if (exhaustive) process.stdout.write(`${format}: ${JSON.stringify(outcomes)}\n`);
}
