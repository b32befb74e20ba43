import { expect, test } from "vitest";
import { ConfigError } from "../../../errors.ts";
import { FilterList } from "./filter-list.ts";

function excluded(rules: readonly string[], name: string, isDirectory = false): boolean {
  const subject = { name, isDirectory, isXattr: false, base: "web/base" };
  return FilterList.parse(rules, false, false).excludes(subject);
}

test.each([
  [["- *.o"], "a/b.o", true],
  [["- /b.o"], "a/b.o", false],
  [["- a/b.o"], "x/a/b.o", true],
  [["- a/b.o"], "xa/b.o", false],
  [["+ b.o", "- *.o"], "a/b.o", false],
  [["- **/deep/**"], "x/deep/y", true],
  [["- deep/***"], "x/deep/y", true],
  [["-! *.txt"], "a.o", true],
  [["-/ /web/base/a"], "a", true],
  [["H x", "S y"], "x", true],
  [["P x", "exclude y"], "x", false],
  [["exclude,s y"], "y", true],
  [["- a", "!"], "a", false],
])("%j leaves out %s: %s", (rules, name, expected) => {
  expect(excluded(rules, name)).toBe(expected);
});

test("a slash at the end is for directories, *** for the directory too", () => {
  expect(excluded(["- a/"], "a")).toBe(false);
  expect(excluded(["- a/"], "a", true)).toBe(true);
  expect(excluded(["- /a/***"], "a", true)).toBe(true);
});

test("merge files: own rules first, anchored where they lie, inherited unless told not to", async () => {
  const files: Record<string, string> = { web: "- /top\n- *.o\n", "web/below": "+ keep.o\n", "web/below/n": "" };
  const enter = async (list: FilterList, directory: string) => list.enter(directory, async () => files[directory]);
  const list = FilterList.parse([": .rules"], false, false);
  const top = await enter(list, "web");
  const below = await enter(top, "web/below");
  const ask = (rules: FilterList, name: string) =>
    rules.excludes({ name, isDirectory: false, isXattr: false, base: "web" });
  expect([ask(top, "top"), ask(top, "below/top"), ask(top, "a.o")]).toEqual([true, false, true]);
  expect([ask(below, "below/keep.o"), ask(below, "below/other.o")]).toEqual([false, true]);
  const alone = await enter(await enter(FilterList.parse([":n .rules"], false, false), "web"), "web/below");
  expect(ask(alone, "below/other.o")).toBe(false);
});

test.each(["", "x y", "-q a", "! x", "- ", "-C- x", ":"])("%j is no rule", (rule) => {
  expect(() => FilterList.parse([rule], false, false)).toThrow(ConfigError);
});
