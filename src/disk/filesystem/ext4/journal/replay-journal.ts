/**
 * Replays an ext3/ext4 journal in memory: says where the newest committed content of every journaled block
 * lies, without writing anything.
 *
 * Specification: Linux fs/jbd2/recovery.c; Documentation/filesystems/ext4/journal.rst.
 */
import { CorruptDataError, LimitError, UnsupportedFeatureError } from "../../../../errors.ts";
import { type FastCommitScan, scanFastCommits } from "./fast-commit-scan.ts";
import type { JournaledBlock, JournaledFileSystem, JournalInput, JournalReplay } from "./journal.ts";
import { dataChecksumMatches } from "./journal-block.ts";
import { JournalDamage } from "./journal-damage.ts";
import { type JournalSuperblock, parseJournalSuperblock } from "./journal-superblock.ts";
import { LogReader } from "./log-reader.ts";
import { type LoggedBlock, scanLog, type Transaction } from "./log-scan.ts";

const SUPERBLOCK_SIZE = 1024;

/** What the overlay needs of a block, and what proves it. */
interface Survivor extends LoggedBlock {
  readonly sequence: number;
}

/**
 * @returns never a partial replay: either every complete transaction, or, where the kernel would refuse to
 *          recover, the raw view with the reason
 * @throws SourceError when the journal cannot be read
 */
export async function replayJournal(input: JournalInput): Promise<JournalReplay> {
  try {
    return await replay(input);
  } catch (error) {
    if (error instanceof JournalDamage) {
      return raw(`journal damaged at transaction ${error.sequence}: ${error.problem}; raw view`);
    }
    if (error instanceof CorruptDataError) return raw(`journal damaged: ${error.message}; raw view`);
    if (error instanceof UnsupportedFeatureError || error instanceof LimitError) {
      return raw(`journal not replayed: ${error.message}; raw view`);
    }
    throw error;
  }
}

function raw(detail: string): JournalReplay {
  return { consistency: { state: "raw", detail }, warnings: [], blocks: new Map() };
}

async function replay({ journal, fileSystem, limits, signal }: JournalInput): Promise<JournalReplay> {
  if (journal.size < SUPERBLOCK_SIZE) {
    throw new CorruptDataError({ format: "jbd2", structure: "journal superblock" }, "the journal is shorter than it");
  }
  const superblock = parseJournalSuperblock(
    await journal.read(0, SUPERBLOCK_SIZE, signal),
    fileSystem.blockSize,
    journal.size,
  );
  const warnings = recordedError(superblock);
  if (superblock.start === 0) {
    return { consistency: { state: "clean", detail: "clean" }, warnings, blocks: new Map() };
  }
  const log = new LogReader(journal, superblock, signal);
  const scan = await scanLog(log, limits);
  const survivors = survivingBlocks(scan.transactions, fileSystem);
  await verifyData(log, survivors);
  const fastCommit = await scanFastCommits(log, fileSystem, scan.endSequence);
  if (fastCommit.damaged) {
    warnings.push(`fast commits behind the first ${fastCommit.commits} are not complete and are left out`);
  }
  return {
    consistency: { state: "replayed", detail: describeReplay(scan.transactions.length, fastCommit) },
    warnings,
    blocks: overlayBlocks(log, survivors),
    ...(fastCommit.commits > 0
      ? { fastCommit: { commits: fastCommit.commits, operations: fastCommit.operations } }
      : {}),
  };
}

function recordedError({ errno }: JournalSuperblock): string[] {
  return errno === 0 ? [] : [`the guest's kernel gave the journal up with error ${Math.abs(errno)}`];
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? "" : "s"}`;

function describeReplay(transactions: number, fastCommit: FastCommitScan): string {
  const full = count(transactions, "transaction");
  const fast = fastCommit.commits === 0 ? "" : ` and ${count(fastCommit.commits, "fast commit")}`;
  return `journal replayed in memory (${full}${fast})`;
}

/** Sequence numbers wrap: whether `left` comes after `right`. */
const isAfter = (left: number, right: number): boolean => ((left - right) | 0) > 0;

/** The last revocation of every revoked block, by transaction. */
function revocations(transactions: readonly Transaction[]): Map<number, number> {
  const revoked = new Map<number, number>();
  for (const { sequence, revoked: blocks } of transactions) {
    for (const block of blocks) revoked.set(block, sequence);
  }
  return revoked;
}

/**
 * The newest copy of every block that no later or equal transaction revoked.
 * @throws JournalDamage for blocks outside the file system
 */
function survivingBlocks(
  transactions: readonly Transaction[],
  { blockCount }: JournaledFileSystem,
): Map<number, Survivor> {
  const revoked = revocations(transactions);
  const survivors = new Map<number, Survivor>();
  for (const { sequence, blocks } of transactions) {
    for (const logged of blocks) {
      if (logged.block >= blockCount) {
        throw new JournalDamage(sequence, `it holds block ${logged.block}, the file system has ${blockCount}`);
      }
      const revocation = revoked.get(logged.block);
      if (revocation !== undefined && !isAfter(sequence, revocation)) continue;
      survivors.set(logged.block, { ...logged, sequence });
    }
  }
  return survivors;
}

/** @throws JournalDamage when a block is not the one its tag describes */
async function verifyData(log: LogReader, survivors: ReadonlyMap<number, Survivor>): Promise<void> {
  if (log.superblock.checksumVersion < 2) return;
  const inLogOrder = [...survivors.values()].toSorted((left, right) => left.journalBlock - right.journalBlock);
  for (const survivor of inLogOrder) {
    const data = await log.read(survivor.journalBlock);
    if (!dataChecksumMatches(data, survivor, survivor.sequence, log.superblock)) {
      throw new JournalDamage(survivor.sequence, `the checksum of its copy of block ${survivor.block} does not match`);
    }
  }
}

function overlayBlocks(log: LogReader, survivors: ReadonlyMap<number, Survivor>): Map<number, JournaledBlock> {
  const blocks = new Map<number, JournaledBlock>();
  for (const { block, journalBlock, escaped } of survivors.values()) {
    blocks.set(block, { journalOffset: log.byteOffset(journalBlock), escaped });
  }
  return blocks;
}
