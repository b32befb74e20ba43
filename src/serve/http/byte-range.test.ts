import { expect, test } from "vitest";
import { parseRange } from "./byte-range.ts";

test.each([
  [undefined, "whole"],
  ["bytes=0-0", { offset: 0, length: 1 }],
  ["bytes=3-", { offset: 3, length: 7 }],
  ["bytes=3-5", { offset: 3, length: 3 }],
  ["bytes=3-500", { offset: 3, length: 7 }],
  ["bytes=-4", { offset: 6, length: 4 }],
  ["bytes=-40", { offset: 0, length: 10 }],
  ["BYTES=9-9", { offset: 9, length: 1 }],
  ["bytes=10-", "unsatisfiable"],
  ["bytes=10-12", "unsatisfiable"],
  ["bytes=-0", "unsatisfiable"],
  ["bytes=5-3", "whole"],
  ["bytes=-", "whole"],
  ["bytes=0-1,4-5", "whole"],
  ["lines=0-1", "whole"],
  ["bytes=a-b", "whole"],
  ["bytes=99999999999999999999999-", "unsatisfiable"],
  ["bytes=0-99999999999999999999999", { offset: 0, length: 10 }],
])("%s of ten bytes", (header, expected) => {
  expect(parseRange(header, 10)).toEqual(expected);
});

test("nothing of an empty file can be had in part", () => {
  expect(parseRange("bytes=0-", 0)).toBe("unsatisfiable");
  expect(parseRange("bytes=-1", 0)).toBe("unsatisfiable");
});
