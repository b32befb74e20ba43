import { expect, test } from "vitest";
import { ConfigError } from "../errors.ts";
import { isInRange, parseTimeRange } from "./time-range.ts";

const contains = (start: string | undefined, end: string | undefined, time: string) => {
  const range = parseTimeRange(start, end);
  return range !== undefined && isInRange(range, new Date(time));
};

test.each<[string, string | undefined, string | undefined, string, boolean]>([
  ["start is inside", "2024-01-31", undefined, "2024-01-31T00:00:00Z", true],
  ["before the start", "2024-01-31", undefined, "2024-01-30T23:59:59Z", false],
  ["a date as end is the whole day", undefined, "2024-01-31", "2024-01-31T23:59:59.999Z", true],
  ["and no more", undefined, "2024-01-31", "2024-02-01T00:00:00Z", false],
  ["an explicit midnight is that instant", undefined, "2024-01-31T00:00:00Z", "2024-01-31T00:00:01Z", false],
  ["which is inside", undefined, "2024-01-31T00:00:00Z", "2024-01-31T00:00:00Z", true],
  ["an offset counts", "2024-01-31T00:00:00+02:00", "2024-01-31T01:00:00+02:00", "2024-01-30T22:30:00Z", true],
  ["start after end is empty", "2024-02-01", "2024-01-01", "2024-01-15T00:00:00Z", false],
])("the range of times: %s", (_name, start, end, time, expected) => {
  expect(contains(start, end, time)).toBe(expected);
});

test("no ends is no range; an unknown time is in none", () => {
  expect(parseTimeRange()).toBeUndefined();
  expect(isInRange({}, undefined)).toBe(false);
});

test.each(["", "yesterday", "2024-13-01", "2024-02-30", "2024-01-31T25:00:00Z", "2024-01-31 10:00", "1706659200"])(
  "%j is refused by name",
  (text) => {
    expect(() => parseTimeRange(text)).toThrow(ConfigError);
    expect(() => parseTimeRange(text)).toThrow(/^invalid startTime format: unable to parse time/);
    expect(() => parseTimeRange(undefined, text)).toThrow(/^invalid endTime format: /);
  },
);
