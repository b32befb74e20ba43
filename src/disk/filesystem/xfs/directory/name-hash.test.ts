import { expect, test } from "vitest";
import { nameHash } from "./name-hash.ts";

// Computed by xfs_db's "hash" command.
test.each([
  ["a", 0x61],
  ["ab", 0x30e2],
  ["abc", 0x187163],
  ["abcd", 0xc38b1e4],
  ["abcde", 0x1c58f263],
  ["abcdefgh", 0x4c7a38f6],
])("hash of %s", (name, expected) => {
  expect(nameHash(Buffer.from(name))).toBe(expected);
});
