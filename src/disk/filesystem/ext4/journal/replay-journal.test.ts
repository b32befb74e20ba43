import { describe, expect, test } from "vitest";
import { HandMadeJournal, type HandMadeOptions } from "../../../../../test/fixtures/jbd2/hand-made-journal.ts";
import { defaultLimits } from "../../../../bytes/limits.ts";
import { SourceError } from "../../../../errors.ts";
import { MemorySource } from "../../../../source/memory-source.ts";
import type { JournalReplay } from "./journal.ts";
import { OverlaySource } from "./overlay-source.ts";
import { replayJournal } from "./replay-journal.ts";

const BLOCK_COUNT = 5000;

function replay(journal: HandMadeJournal, limits = defaultLimits): Promise<JournalReplay> {
  const fileSystem = { blockSize: journal.blockSize, blockCount: BLOCK_COUNT, inodeSize: 256 };
  return replayJournal({ journal: new MemorySource(journal.bytes), fileSystem, limits });
}

const data = (fill: number): Uint8Array => new Uint8Array(1024).fill(fill);

/** First byte of every replayed block. */
async function contents(journal: HandMadeJournal, result: JournalReplay): Promise<Record<number, number>> {
  const base = new MemorySource(new Uint8Array(BLOCK_COUNT * journal.blockSize));
  const overlay = new OverlaySource(base, new MemorySource(journal.bytes), journal.blockSize, result.blocks);
  const found: Record<number, number> = {};
  for (const block of result.blocks.keys()) {
    found[block] = (await overlay.read(block * journal.blockSize, 1))[0] as number;
  }
  return found;
}

const VARIANTS: readonly (readonly [string, HandMadeOptions])[] = [0, 1, 2, 3].flatMap((checksum) =>
  [false, true].map((wide): readonly [string, HandMadeOptions] => [
    `checksum version ${checksum}, ${wide ? 64 : 32}-bit block numbers`,
    { checksum: checksum as 0 | 1 | 2 | 3, wide },
  ]),
);

describe.each(VARIANTS)("%s", (_name, options) => {
  test("replays complete transactions, the newest copy of a block winning", async () => {
    const journal = new HandMadeJournal(options);
    journal.descriptor(1, [
      { block: 100, data: data(1) },
      { block: 101, data: data(2), sameUuid: true },
    ]);
    journal.commit(1);
    journal.descriptor(2, [{ block: 100, data: data(3) }]);
    journal.commit(2);
    const result = await replay(journal);
    expect(result.consistency).toEqual({ state: "replayed", detail: "journal replayed in memory (2 transactions)" });
    expect(await contents(journal, result)).toEqual({ 100: 3, 101: 2 });
  });

  test("leaves out a transaction without its commit block", async () => {
    const journal = new HandMadeJournal(options);
    journal.descriptor(1, [{ block: 100, data: data(1) }]);
    journal.commit(1);
    journal.descriptor(2, [{ block: 100, data: data(2) }]);
    const result = await replay(journal);
    expect(result.consistency.detail).toBe("journal replayed in memory (1 transaction)");
    expect(await contents(journal, result)).toEqual({ 100: 1 });
  });

  test("revokes copies of the same and earlier transactions, not of later ones", async () => {
    const journal = new HandMadeJournal(options);
    journal.descriptor(1, [
      { block: 100, data: data(1) },
      { block: 101, data: data(1), sameUuid: true },
    ]);
    journal.commit(1);
    journal.revoke(2, [100, 101]);
    journal.commit(2);
    journal.descriptor(3, [{ block: 101, data: data(3) }]);
    journal.commit(3);
    expect(await contents(journal, await replay(journal))).toEqual({ 101: 3 });
  });

  test("follows the log around its end and sequence numbers around 2^32", async () => {
    const journal = new HandMadeJournal({ ...options, length: 8, start: 6, sequence: 0xffffffff });
    journal.descriptor(0xffffffff, [{ block: 7, data: data(1) }]);
    journal.commit(0xffffffff);
    journal.descriptor(0, [{ block: 7, data: data(2) }]);
    journal.commit(0);
    const result = await replay(journal);
    expect(result.consistency.detail).toBe("journal replayed in memory (2 transactions)");
    expect(await contents(journal, result)).toEqual({ 7: 2 });
  });

  test("ends after one lap of a log that never ends", async () => {
    const journal = new HandMadeJournal({ ...options, length: 6 });
    for (let number = 1; number < 6; number++) journal.revoke(1, []);
    expect((await replay(journal)).consistency.detail).toBe("journal replayed in memory (0 transactions)");
  });
});

test("restores the magic number at the start of an escaped block", async () => {
  const journal = new HandMadeJournal();
  const stored = Uint8Array.from(data(9));
  stored.fill(0, 0, 4);
  journal.descriptor(1, [{ block: 2, data: stored, escaped: true }]);
  journal.commit(1);
  const result = await replay(journal);
  const base = new MemorySource(new Uint8Array(4 * 1024));
  const overlay = new OverlaySource(base, new MemorySource(journal.bytes), 1024, result.blocks);
  const whole = await overlay.read(0, 4 * 1024);
  expect([...whole.subarray(2046, 2054)]).toEqual([0, 0, 0xc0, 0x3b, 0x39, 0x98, 9, 9]);
  for (const [from, to] of [
    [2049, 2051],
    [2050, 2060],
    [2052, 3000],
    [1000, 2050],
    [0, 2048],
  ] as const) {
    expect(Buffer.compare(await overlay.read(from, to - from), whole.subarray(from, to))).toBe(0);
  }
  await overlay.close();
  await expect(overlay.read(0, 1)).rejects.toThrow(SourceError);
});

test("an empty log is clean", async () => {
  const journal = new HandMadeJournal();
  journal.u32(0x1c, 0);
  expect((await replay(journal)).consistency).toEqual({ state: "clean", detail: "clean" });
});

test("a recorded error is a warning", async () => {
  const journal = new HandMadeJournal();
  journal.u32(0x20, -5);
  expect((await replay(journal)).warnings).toEqual(["the guest's kernel gave the journal up with error 5"]);
});

describe("damage in the middle of the log leads to the raw view", () => {
  const three = (options: HandMadeOptions): { journal: HandMadeJournal; descriptors: number[]; commits: number[] } => {
    const journal = new HandMadeJournal(options);
    const descriptors: number[] = [];
    const commits: number[] = [];
    for (const sequence of [1, 2, 3]) {
      descriptors.push(journal.descriptor(sequence, [{ block: 100 + sequence, data: data(sequence) }]));
      commits.push(journal.commit(sequence));
    }
    return { journal, descriptors, commits };
  };
  const flip = (journal: HandMadeJournal, block: number, offset: number): void => {
    const bytes = journal.block(block);
    bytes[offset] = (bytes[offset] as number) ^ 0x40;
  };

  test.each([2, 3] as const)("descriptor, checksum version %d", async (checksum) => {
    const { journal, descriptors } = three({ checksum });
    flip(journal, descriptors[1] as number, 500);
    expect((await replay(journal)).consistency).toEqual({
      state: "raw",
      detail: "journal damaged at transaction 2: the checksum of a descriptor block does not match; raw view",
    });
  });

  test.each([1, 2, 3] as const)("commit block, checksum version %d", async (checksum) => {
    const { journal, commits } = three({ checksum });
    flip(journal, commits[1] as number, 0x11);
    expect((await replay(journal)).consistency.detail).toBe(
      "journal damaged at transaction 2: the checksum of its commit block does not match; raw view",
    );
  });

  test.each([2, 3] as const)("data block, checksum version %d", async (checksum) => {
    const { journal, descriptors } = three({ checksum });
    flip(journal, (descriptors[1] as number) + 1, 77);
    const result = await replay(journal);
    expect(result.consistency.detail).toBe(
      "journal damaged at transaction 2: the checksum of its copy of block 102 does not match; raw view",
    );
    expect(result.blocks.size).toBe(0);
  });

  test("data block, checksum version 1", async () => {
    const { journal, descriptors } = three({ checksum: 1 });
    flip(journal, (descriptors[1] as number) + 1, 77);
    expect((await replay(journal)).consistency.detail).toMatch(/^journal damaged at transaction 2: .*raw view$/);
  });

  test("revoke block", async () => {
    const journal = new HandMadeJournal({ checksum: 3 });
    flip(journal, journal.revoke(1, [5]), 17);
    journal.commit(1);
    expect((await replay(journal)).consistency.detail).toBe(
      "journal damaged at transaction 1: the checksum of a revoke block does not match; raw view",
    );
  });

  test("an asynchronous commit followed by another", async () => {
    const { journal, commits } = three({ checksum: 1, asyncCommit: true });
    flip(journal, commits[1] as number, 0x11);
    expect((await replay(journal)).consistency.detail).toBe(
      "journal damaged at transaction 2: its checksum does not match, and a later transaction is complete; raw view",
    );
  });

  test("an asynchronous commit that is the last is merely torn", async () => {
    const { journal, commits } = three({ checksum: 1, asyncCommit: true });
    flip(journal, commits[2] as number, 0x11);
    expect((await replay(journal)).consistency.detail).toBe("journal replayed in memory (2 transactions)");
  });

  test.each(["descriptor", "commit"] as const)("a stale %s from an earlier lap merely ends the log", async (part) => {
    const journal = new HandMadeJournal({ checksum: 3 });
    journal.descriptor(1, [{ block: 1, data: data(1) }]);
    journal.commit(1, 2000);
    const descriptor = journal.descriptor(2, [{ block: 2, data: data(2) }]);
    const commit = journal.commit(2, 1500);
    flip(journal, part === "descriptor" ? descriptor : commit, 600);
    expect((await replay(journal)).consistency.detail).toBe("journal replayed in memory (1 transaction)");
  });

  test("a version 1 commit without a checksum counts", async () => {
    const { journal, commits } = three({ checksum: 1 });
    journal.block(commits[1] as number).fill(0, 0xc, 0x14);
    expect((await replay(journal)).consistency.detail).toBe("journal replayed in memory (3 transactions)");
  });

  test("a block outside the file system", async () => {
    const journal = new HandMadeJournal();
    journal.descriptor(1, [{ block: BLOCK_COUNT, data: data(1) }]);
    journal.commit(1);
    expect((await replay(journal)).consistency.detail).toBe(
      "journal damaged at transaction 1: it holds block 5000, the file system has 5000; raw view",
    );
  });

  test("a revoke block that claims too many bytes", async () => {
    const journal = new HandMadeJournal();
    journal.u32(journal.revoke(1, [5]) * 1024 + 12, 1025);
    journal.commit(1);
    expect((await replay(journal)).consistency.detail).toContain("revoke block claims 1025 bytes");
  });
});

describe("superblocks that are refused", () => {
  const cases: readonly (readonly [string, HandMadeOptions, (journal: HandMadeJournal) => void])[] = [
    ["magic number is missing", {}, (journal) => journal.u32(0, 0)],
    ["block type is 1", {}, (journal) => journal.u32(4, 1)],
    ["block size 4096 is not the file system's 1024", {}, (journal) => journal.u32(0xc, 4096)],
    ["claims 33 blocks, more than the journal has", {}, (journal) => journal.u32(0x10, 33)],
    ["first log block 0 lies outside", {}, (journal) => journal.u32(0x14, 0)],
    ["first log block 32 lies outside", {}, (journal) => journal.u32(0x14, 32)],
    ["log start 32 lies outside", {}, (journal) => journal.u32(0x1c, 32)],
    ["log start 1 lies outside", {}, (journal) => journal.u32(0x14, 2)],
    ["checksum does not match", { checksum: 3 }, (journal) => journal.u32(0x18, 77)],
    ["unknown checksum type 9", { checksum: 3 }, (journal) => void journal.bytes.fill(9, 0x50, 0x51)],
    ["more than one kind of checksum", { checksum: 3 }, (journal) => journal.u32(0x24, 1)],
    ["incompatible feature 0x40", {}, (journal) => journal.u32(0x28, 0x41)],
    ["read-only compatible feature 0x2", {}, (journal) => journal.u32(0x2c, 2)],
  ];
  test.each(cases)("%s", async (problem, options, spoil) => {
    const journal = new HandMadeJournal(options);
    spoil(journal);
    const result = await replay(journal);
    expect(result.consistency.state).toBe("raw");
    expect(result.consistency.detail).toContain(problem);
    expect(result.consistency.detail).toMatch(/^journal .*; raw view$/);
  });

  test("a version 1 superblock has no features, whatever lies there", async () => {
    const journal = new HandMadeJournal();
    journal.u32(4, 3);
    journal.u32(0x28, 0xffffffff);
    journal.descriptor(1, [{ block: 1, data: data(1) }]);
    journal.commit(1);
    expect((await replay(journal)).blocks.size).toBe(1);
  });

  test("a journal shorter than its superblock", async () => {
    const fileSystem = { blockSize: 1024, blockCount: 10, inodeSize: 256 };
    const journal = new MemorySource(new Uint8Array(100));
    const { consistency } = await replayJournal({ journal, fileSystem, limits: defaultLimits });
    expect(consistency.detail).toContain("the journal is shorter than it");
  });
});

describe("limits", () => {
  test("blocks", async () => {
    const journal = new HandMadeJournal();
    journal.descriptor(1, [{ block: 1, data: data(1) }]);
    journal.descriptor(1, [{ block: 2, data: data(1) }]);
    journal.commit(1);
    const { consistency } = await replay(journal, { ...defaultLimits, journalOverlay: 1024 });
    expect(consistency.detail).toBe(
      "journal not replayed: bytes of blocks in the journal: exceeds the limit of 1024 (journalOverlay); raw view",
    );
  });

  test("revoke records", async () => {
    const journal = new HandMadeJournal();
    journal.revoke(1, [1, 2, 3]);
    journal.commit(1);
    const { consistency } = await replay(journal, { ...defaultLimits, journalOverlay: 128 });
    expect(consistency.detail).toContain("memory for revoke records");
  });
});

test("a journal that cannot be read is not a damaged journal", async () => {
  const journal = new HandMadeJournal();
  const source = new MemorySource(journal.bytes);
  const failing = {
    size: source.size,
    read: (offset: number, length: number) =>
      offset === 0 ? source.read(0, length) : Promise.reject(new SourceError("timed out", { retryable: true })),
    close: () => source.close(),
  };
  const fileSystem = { blockSize: 1024, blockCount: 10, inodeSize: 256 };
  await expect(replayJournal({ journal: failing, fileSystem, limits: defaultLimits })).rejects.toThrow("timed out");
});
