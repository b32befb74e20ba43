/**
 * Finds the complete transactions of the log, as the kernel's first recovery pass does.
 *
 * Specification: Linux fs/jbd2/recovery.c.
 */
import type { Limits } from "../../../../bytes/limits.ts";
import { LimitError } from "../../../../errors.ts";
import { crc32BigEndian } from "./crc32-big-endian.ts";
import {
  type BlockTag,
  commitChecksumMatches,
  commitSeconds,
  type JournalBlock,
  parseJournalBlock,
  parseRevokedBlocks,
  parseTags,
  tailChecksumMatches,
} from "./journal-block.ts";
import { JournalDamage } from "./journal-damage.ts";
import type { LogReader } from "./log-reader.ts";

export interface LoggedBlock extends BlockTag {
  /** Journal block that holds the copy. */
  readonly journalBlock: number;
}

export interface Transaction {
  readonly sequence: number;
  readonly blocks: readonly LoggedBlock[];
  readonly revoked: readonly number[];
}

export interface LogScan {
  /** In the order of the log; every one has its commit block. */
  readonly transactions: readonly Transaction[];
  /** Sequence of the first transaction that is not complete. */
  readonly endSequence: number;
}

/** Bytes one revoke record is reckoned to occupy in memory. */
const REVOKE_RECORD_MEMORY = 64;

/** The scan's state: where it is, and the transaction being put together. */
class Scanner {
  readonly #log: LogReader;
  readonly #limits: Limits;
  readonly transactions: Transaction[] = [];
  #next: number;
  #sequence: number;
  #visited = 0;
  #loggedBlocks = 0;
  #revokeRecords = 0;
  #blocks: LoggedBlock[] = [];
  #revoked: number[] = [];
  #checksum = 0xffffffff;
  #lastCommitSeconds = 0n;
  /** Why the current transaction is suspect; its commit block decides between damage and stale blocks. */
  #suspicion: string | undefined;
  /** Sequence of a transaction whose asynchronous commit failed its checksum. */
  #interrupted: number | undefined;

  constructor(log: LogReader, limits: Limits) {
    this.#log = log;
    this.#limits = limits;
    this.#next = log.superblock.start;
    this.#sequence = log.superblock.sequence;
  }

  async run(): Promise<LogScan> {
    while (this.#visited < this.#log.length) {
      const position = this.#step(1);
      const block = parseJournalBlock(await this.#log.read(position), this.#log.byteOffset(position));
      if (block.kind === undefined || block.sequence !== this.#sequence) break;
      if (block.kind === "commit") {
        if (!this.#commit(block)) break;
      } else await this.#collect(block);
    }
    return {
      transactions: this.transactions,
      endSequence: this.#interrupted ?? this.#sequence,
    };
  }

  /** @returns the position before the step */
  #step(count: number): number {
    const position = this.#next;
    this.#next = this.#log.advance(position, count);
    this.#visited += count;
    return position;
  }

  async #collect(block: JournalBlock): Promise<void> {
    const { superblock } = this.#log;
    if (!tailChecksumMatches(block, superblock)) this.#suspicion ??= `the checksum of a ${block.kind} block`;
    // What a failed checksum left behind is only skipped, as far as it can be read at all.
    const interrupted = this.#interrupted !== undefined;
    if (block.kind === "revoke") {
      if (this.#suspicion === undefined && !interrupted) this.#revoke(parseRevokedBlocks(block, superblock));
      return;
    }
    const tags = parseTags(block, superblock);
    if (superblock.checksumVersion === 1 && !interrupted) {
      this.#checksum = crc32BigEndian(this.#checksum, block.cursor.bytes);
    }
    for (const tag of tags) {
      const journalBlock = this.#step(1);
      this.#blocks.push({ ...tag, journalBlock });
      if (superblock.checksumVersion === 1 && !interrupted) {
        this.#checksum = crc32BigEndian(this.#checksum, await this.#log.read(journalBlock));
      }
    }
    this.#loggedBlocks += tags.length;
    if (this.#loggedBlocks * superblock.blockSize > this.#limits.journalOverlay) {
      throw new LimitError("journalOverlay", this.#limits.journalOverlay, "bytes of blocks in the journal");
    }
  }

  #revoke(blocks: readonly number[]): void {
    this.#revokeRecords += blocks.length;
    if (this.#revokeRecords * REVOKE_RECORD_MEMORY > this.#limits.journalOverlay) {
      throw new LimitError("journalOverlay", this.#limits.journalOverlay, "memory for revoke records of the journal");
    }
    this.#revoked.push(...blocks);
  }

  /** @returns false when the log ends before this commit */
  #commit(block: JournalBlock): boolean {
    const seconds = commitSeconds(block);
    // A commit older than the one before it is left from an earlier lap of the log.
    const stale = seconds < this.#lastCommitSeconds;
    if (this.#suspicion !== undefined) {
      if (stale) return false;
      throw new JournalDamage(this.#sequence, `${this.#suspicion} does not match`);
    }
    if (this.#interrupted !== undefined) {
      throw new JournalDamage(this.#interrupted, "its checksum does not match, and a later transaction is complete");
    }
    if (!commitChecksumMatches(block, this.#log.superblock, this.#checksum)) {
      if (stale) return false;
      if (!this.#log.superblock.asyncCommit) {
        throw new JournalDamage(this.#sequence, "the checksum of its commit block does not match");
      }
      // Written without waiting for the blocks before it: a power cut looks the same as damage unless more follows.
      this.#interrupted = this.#sequence;
    } else {
      this.transactions.push({ sequence: this.#sequence, blocks: this.#blocks, revoked: this.#revoked });
    }
    this.#checksum = 0xffffffff;
    this.#lastCommitSeconds = seconds;
    this.#blocks = [];
    this.#revoked = [];
    this.#sequence = (this.#sequence + 1) >>> 0;
    return true;
  }
}

/**
 * @throws JournalDamage where the kernel would refuse to recover, LimitError when more is logged than
 *         `limits.journalOverlay` allows, CorruptDataError for impossible records, SourceError for failed reads
 */
export function scanLog(log: LogReader, limits: Limits): Promise<LogScan> {
  return new Scanner(log, limits).run();
}
