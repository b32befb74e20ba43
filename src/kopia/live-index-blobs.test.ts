import { expect, test } from "vitest";
import { liveIndexBlobs } from "./live-index-blobs.ts";
import { liveIndexBlobsV0 } from "./live-index-blobs-v0.ts";

const hash = (digit: string) => digit.repeat(32);
const n = (epoch: number, digit: string) => `xn${epoch}_${hash(digit)}-s0123456789abcdef147-c1`;
const s = (epoch: number, digit: string, set: string, count: number) =>
  `xs${epoch}_${hash(digit)}-s${set.repeat(16)}-c${count}`;
const r = (min: number, max: number, digit: string, set = "a", count = 1) =>
  `xr${min}_${max}_${hash(digit)}-s${set.repeat(16)}-c${count}`;

test.each<[string, string[], string[]]>([
  ["nothing", [], []],
  ["only uncompacted", [n(0, "1"), n(0, "2")], [n(0, "1"), n(0, "2")]],
  ["a settled epoch from its compaction", [n(0, "1"), s(0, "2", "a", 1), "xe2"], [s(0, "2", "a", 1)]],
  ["an unsettled epoch never", [n(0, "1"), s(0, "2", "a", 1), "xe1"], [n(0, "1")]],
  ["an incomplete compaction never", [n(0, "1"), s(0, "2", "a", 2), "xe2"], [n(0, "1")]],
  ["the complete one of two compactions", [s(0, "2", "a", 2), s(0, "3", "b", 1), "xe2"], [s(0, "3", "b", 1)]],
  ["a whole set", [s(0, "2", "a", 2), s(0, "3", "a", 2), n(0, "1"), "xe2"], [s(0, "2", "a", 2), s(0, "3", "a", 2)]],
  ["a range, then what follows", [n(3, "1"), n(8, "2"), r(0, 6, "3"), "xe7", "xe8"], [r(0, 6, "3"), n(8, "2")]],
  ["a chain of ranges", [r(0, 6, "1"), r(7, 13, "2"), n(14, "3"), "xe15"], [r(0, 6, "1"), r(7, 13, "2"), n(14, "3")]],
  ["the longer chain", [r(0, 6, "1"), r(0, 9, "2"), r(7, 13, "3"), "xe15"], [r(0, 6, "1"), r(7, 13, "3")]],
  ["the chain of fewer ranges", [r(0, 6, "1"), r(7, 13, "2"), r(0, 13, "3"), "xe15"], [r(0, 13, "3")]],
  ["no range that does not connect to epoch 0", [r(7, 13, "2"), n(0, "1"), "xe15"], [n(0, "1")]],
  ["no incomplete range", [r(0, 6, "2", "a", 2), n(0, "1"), "xe8"], [n(0, "1")]],
  ["the epoch after the write epoch, and no later one", [n(3, "1"), n(4, "2"), "xe2"], [n(3, "1")]],
])("%s", (_name, ids, expected) => {
  expect(liveIndexBlobs(ids).ids).toEqual(expected);
});

test("the newest watermark counts", () => {
  expect(liveIndexBlobs(["xw1700000000", "xw1800000000", "xw1600000000"])).toEqual({
    ids: [],
    watermark: 1_800_000_000,
  });
  expect(liveIndexBlobs([])).toEqual({ ids: [] });
});

test("absurd epoch numbers cost no time", () => {
  expect(liveIndexBlobs([n(0, "1"), "xe9007199254740000"]).ids).toEqual([n(0, "1")]);
});

test("format 1 leaves out what a finished compaction replaced, and the poison blob", () => {
  const poison = `n${"0".repeat(32)}-repository_unreadable_by_this_kopia_version`;
  const logs = [
    { inputs: ["n1", "n2"], outputs: ["n3"] },
    { inputs: ["n4"], outputs: ["n5", "absent"] },
  ];
  expect(liveIndexBlobsV0([poison, "n1", "n2", "n3", "n4", "n5"], logs)).toEqual(["n3", "n4", "n5"]);
});
