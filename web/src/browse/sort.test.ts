import { expect, test } from "vitest";
import type { Entry } from "../../../src/serve/http/api-types.ts";
import { sortEntries } from "./sort.ts";

function entry(name: string, fields: object = {}): Entry {
  return {
    name,
    href: name,
    type: "file",
    size: 1,
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: "",
    mtimeMs: 0,
    allocated: 0,
    links: 1,
    ...fields,
  };
}

const entries: Entry[] = [
  entry("file10", { size: 5 }),
  entry("file9", { size: 7 }),
  entry("etc", { type: "directory" }),
  entry("link", { type: "symlink", targetType: "directory" }),
  { name: "bad", href: "bad", type: "file", error: "inode 12: checksum does not match" },
];

const names = (sorted: Entry[]): string[] => sorted.map(({ name }) => name);

test("directories and links to them first, numbers by value, the unreadable last", () => {
  expect(names(sortEntries(entries, { key: "name", descending: false }))).toEqual([
    "etc",
    "link",
    "file9",
    "file10",
    "bad",
  ]);
});

test("descending turns the order of values, not of the groups", () => {
  expect(names(sortEntries(entries, { key: "size", descending: true }))).toEqual([
    "etc",
    "link",
    "file9",
    "file10",
    "bad",
  ]);
  expect(names(sortEntries(entries, { key: "name", descending: true }))).toEqual([
    "link",
    "etc",
    "file10",
    "file9",
    "bad",
  ]);
});
