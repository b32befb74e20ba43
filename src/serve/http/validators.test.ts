import { expect, test } from "vitest";
import type { TreeStat } from "../../restore-tree/tree-node.ts";
import { isNotModified, isRangeCurrent, validatorsOf } from "./validators.ts";

const stat: TreeStat = {
  identity: "b/d/1/12",
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 10,
  allocated: 4096,
  links: 1,
  mtime: 1_700_000_000_123_456_789n,
  atime: 0n,
  ctime: 0n,
};
const validators = validatorsOf(stat);

test("identity, time and size make the tag", () => {
  expect(validators.lastModified).toBe("Tue, 14 Nov 2023 22:13:20 GMT");
  const others = [{ identity: "b/d/1/13" }, { mtime: stat.mtime + 1n }, { size: 11 }].map(
    (change) => validatorsOf({ ...stat, ...change }).etag,
  );
  expect(new Set([validators.etag, ...others]).size).toBe(4);
  expect(validators.etag).toMatch(/^"[\w-]{27}"$/);
});

test("times no calendar holds are shown as the nearest that one does", () => {
  expect(validatorsOf({ ...stat, mtime: 2n ** 100n }).lastModified).toBe("Fri, 31 Dec 9999 00:00:00 GMT");
  expect(validatorsOf({ ...stat, mtime: -(2n ** 100n) }).lastModified).toBe("Wed, 01 Jan 1000 00:00:00 GMT");
});

test("If-None-Match wins over If-Modified-Since", () => {
  const { etag, lastModified } = validators;
  expect(isNotModified({}, validators)).toBe(false);
  expect(isNotModified({ ifNoneMatch: etag }, validators)).toBe(true);
  expect(isNotModified({ ifNoneMatch: `"x", W/${etag}` }, validators)).toBe(true);
  expect(isNotModified({ ifNoneMatch: "*" }, validators)).toBe(true);
  expect(isNotModified({ ifNoneMatch: '"x"', ifModifiedSince: lastModified }, validators)).toBe(false);
  expect(isNotModified({ ifModifiedSince: lastModified }, validators)).toBe(true);
  expect(isNotModified({ ifModifiedSince: "Tue, 14 Nov 2023 22:13:19 GMT" }, validators)).toBe(false);
  expect(isNotModified({ ifModifiedSince: "yesterday" }, validators)).toBe(false);
});

test("a range continues only exactly this file", () => {
  expect(isRangeCurrent(undefined, validators)).toBe(true);
  expect(isRangeCurrent(validators.etag, validators)).toBe(true);
  expect(isRangeCurrent(validators.lastModified, validators)).toBe(true);
  expect(isRangeCurrent(`W/${validators.etag}`, validators)).toBe(false);
  expect(isRangeCurrent('"other"', validators)).toBe(false);
});
