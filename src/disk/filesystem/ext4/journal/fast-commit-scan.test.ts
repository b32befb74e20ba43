import { describe, expect, test } from "vitest";
import {
  fastCommitHead,
  fastCommitRecord,
  HandMadeJournal,
  littleEndian,
} from "../../../../../test/fixtures/jbd2/hand-made-journal.ts";
import { defaultLimits } from "../../../../bytes/limits.ts";
import { MemorySource } from "../../../../source/memory-source.ts";
import type { JournalReplay } from "./journal.ts";
import { replayJournal } from "./replay-journal.ts";

/** The log holds transaction 1, so fast commits belong to 2. */
const TRANSACTION = 2;

function journalWithLog(): HandMadeJournal {
  const journal = new HandMadeJournal({ length: 1100, fastCommitBlocks: 20, checksum: 3 });
  journal.descriptor(1, [{ block: 9, data: new Uint8Array(1024) }]);
  journal.commit(1);
  return journal;
}

function replay(journal: HandMadeJournal): Promise<JournalReplay> {
  const fileSystem = { blockSize: 1024, blockCount: 5000, inodeCount: 100, inodeSize: 256 };
  return replayJournal({ journal: new MemorySource(journal.bytes), fileSystem, limits: defaultLimits });
}

const numbers = (...values: readonly number[]): number[] => values.flatMap(littleEndian);
const dentry = (tag: number, parent: number, inode: number, name: string): Uint8Array =>
  fastCommitRecord(tag, [...numbers(parent, inode), ...Buffer.from(name)]);
const range = (inode: number, logical: number, length: number, physical: number): Uint8Array =>
  fastCommitRecord(1, [...numbers(inode, logical), length & 0xff, length >>> 8, 0, 0, ...numbers(physical)]);
const deletion = (inode: number, logical: number, length: number): Uint8Array =>
  fastCommitRecord(2, numbers(inode, logical, length));

test("operations come typed and in order, across blocks and commits", async () => {
  const journal = journalWithLog();
  const image = Array.from({ length: 160 }, (_, index) => index);
  journal.fastCommit(0, TRANSACTION, [
    fastCommitHead(TRANSACTION),
    fastCommitRecord(6, [...littleEndian(12), ...image]),
    range(12, 5, 3, 700),
    range(12, 8, 32768 + 2, 800),
    dentry(3, 2, 12, "new"),
    dentry(4, 2, 12, "again"),
  ]);
  journal.fastCommit(1, TRANSACTION, [deletion(12, 6, 2), dentry(5, 2, 12, "new"), fastCommitRecord(7, [0, 0, 0])]);
  const { consistency, fastCommit, warnings } = await replay(journal);
  expect(consistency.detail).toBe("journal replayed in memory (1 transaction and 2 fast commits)");
  expect(warnings).toEqual([]);
  expect(fastCommit?.operations).toEqual([
    { kind: "inode", inode: 12, image: Uint8Array.from(image) },
    { kind: "add-range", inode: 12, logicalBlock: 5, length: 3, physicalBlock: 700, unwritten: false },
    { kind: "add-range", inode: 12, logicalBlock: 8, length: 2, physicalBlock: 800, unwritten: true },
    { kind: "create", parent: 2, inode: 12, name: Uint8Array.from(Buffer.from("new")) },
    { kind: "link", parent: 2, inode: 12, name: Uint8Array.from(Buffer.from("again")) },
    { kind: "delete-range", inode: 12, logicalBlock: 6, length: 2 },
    { kind: "unlink", parent: 2, inode: 12, name: Uint8Array.from(Buffer.from("new")) },
  ]);
});

describe("fast commits that do not count", () => {
  const create = dentry(3, 2, 12, "x");
  const cases: readonly (readonly [string, (journal: HandMadeJournal) => void])[] = [
    ["none", () => undefined],
    ["without a head", (journal) => journal.fastCommit(0, TRANSACTION, [create])],
    ["of another transaction", (journal) => journal.fastCommit(0, 1, [fastCommitHead(1), create])],
    ["with another transaction's tail", (journal) => journal.fastCommit(0, 1, [fastCommitHead(TRANSACTION), create])],
    [
      "with an unknown tag",
      (journal) => journal.fastCommit(0, TRANSACTION, [fastCommitHead(TRANSACTION), fastCommitRecord(77, [1])]),
    ],
    [
      "with a value of the wrong length",
      (journal) => journal.fastCommit(0, TRANSACTION, [fastCommitHead(TRANSACTION), fastCommitRecord(2, [1])]),
    ],
    [
      "with a value that leaves the block",
      (journal) => journal.block(1081).set([...fastCommitHead(TRANSACTION), 7, 0, 0xff, 0xff]),
    ],
  ];
  test.each(cases)("%s", async (_name, write) => {
    const journal = journalWithLog();
    write(journal);
    const { consistency, fastCommit } = await replay(journal);
    expect(consistency.detail).toBe("journal replayed in memory (1 transaction)");
    expect(fastCommit).toBeUndefined();
  });
});

test("what follows a wrong checksum is left out, and said", async () => {
  const journal = journalWithLog();
  journal.fastCommit(0, TRANSACTION, [fastCommitHead(TRANSACTION), dentry(3, 2, 12, "kept")]);
  journal.fastCommit(1, TRANSACTION, [dentry(3, 2, 13, "lost")], 1);
  journal.fastCommit(2, TRANSACTION, [dentry(3, 2, 14, "lost, too")]);
  const { consistency, fastCommit, warnings } = await replay(journal);
  expect(consistency.detail).toBe("journal replayed in memory (1 transaction and 1 fast commit)");
  expect(fastCommit?.operations).toHaveLength(1);
  expect(warnings).toEqual(["fast commits behind the first 1 are not complete and are left out"]);
});

describe("records with a right checksum and impossible content lead to the raw view", () => {
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ["names inode 0", dentry(3, 0, 12, "x")],
    ["names inode 101", dentry(3, 2, 101, "x")],
    ["a name holds NUL or slash", dentry(3, 2, 12, "a/b")],
    ["a name holds NUL or slash", dentry(3, 2, 12, "a\0")],
    ["adds blocks 700+0", range(12, 0, 0, 700)],
    ["adds blocks 0+1", range(12, 0, 1, 0)],
    ["adds blocks 4999+2", range(12, 0, 2, 4999)],
    ["adds blocks beyond the largest file", range(12, 0xffffffff, 2, 700)],
    ["deletes logical blocks 5+0", deletion(12, 5, 0)],
    ["deletes logical blocks 4294967295+2", deletion(12, 0xffffffff, 2)],
  ];
  test.each(cases)("%s", async (problem, record) => {
    const journal = journalWithLog();
    journal.fastCommit(0, TRANSACTION, [fastCommitHead(TRANSACTION), record]);
    const { consistency, blocks } = await replay(journal);
    expect(consistency.state).toBe("raw");
    expect(consistency.detail).toContain(problem);
    expect(blocks.size).toBe(0);
  });

  test("unknown features", async () => {
    const journal = journalWithLog();
    journal.fastCommit(0, TRANSACTION, [fastCommitHead(TRANSACTION, 1)]);
    expect((await replay(journal)).consistency.detail).toContain("fast commit feature 0x1");
  });
});

test("a journal too small for fast commits has none", async () => {
  const journal = new HandMadeJournal({ length: 64, fastCommitBlocks: 20, checksum: 3 });
  journal.descriptor(1, [{ block: 9, data: new Uint8Array(1024) }]);
  journal.commit(1);
  journal.fastCommit(0, TRANSACTION, [fastCommitHead(TRANSACTION), dentry(3, 2, 12, "x")]);
  expect((await replay(journal)).fastCommit).toBeUndefined();
});
