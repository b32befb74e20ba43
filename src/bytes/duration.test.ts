import { expect, test } from "vitest";
import { parseDuration } from "./duration.ts";

test("durations", () => {
  expect(["90m", "8h", "1h30m", "2d", "45s"].map(parseDuration)).toEqual([
    5_400_000, 28_800_000, 5_400_000, 172_800_000, 45_000,
  ]);
});

test.each(["", "8", "h", "8h ", "-1h", "0s", "1w"])("%j is refused", (text) => {
  expect(() => parseDuration(text)).toThrow("is not a duration");
});
