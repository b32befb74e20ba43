/** What the ext4 reader gives to and gets from journal replay. */
import type { Limits } from "../../../../bytes/limits.ts";
import type { ByteSource } from "../../../../source/byte-source.ts";
import type { Consistency } from "../../file-system.ts";
import type { FastCommitLog } from "./fast-commit-operation.ts";

/** The facts of the file system's own superblock that its journal is checked against. */
export interface JournaledFileSystem {
  /** Bytes. */
  readonly blockSize: number;
  readonly blockCount: number;
  /** Number of inodes; fast commits naming others are refused. Absent: not checked. */
  readonly inodeCount?: number;
  /** Bytes. */
  readonly inodeSize: number;
}

/** Call only when the file system's superblock says that it needs recovery; else the log is stale, whatever it holds. */
export interface JournalInput {
  /** Content of the journal inode as it lies on the disk. External journals are the caller's to refuse. */
  readonly journal: ByteSource;
  readonly fileSystem: JournaledFileSystem;
  readonly limits: Limits;
  readonly signal?: AbortSignal;
}

/** Where the newest content of a file system block lies in the journal. */
export interface JournaledBlock {
  /** Bytes from the start of the journal. */
  readonly journalOffset: number;
  /** The block's first four bytes are the journal's magic number, stored as zeros. */
  readonly escaped: boolean;
}

export interface JournalReplay {
  readonly consistency: Consistency;
  /** Sentences about what was odd but does not stop the replay. */
  readonly warnings: readonly string[];
  /** By file system block number; empty when the view is clean or raw. */
  readonly blocks: ReadonlyMap<number, JournaledBlock>;
  readonly fastCommit?: FastCommitLog;
}
