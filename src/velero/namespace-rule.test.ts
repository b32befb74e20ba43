import { expect, test } from "vitest";
import { coversNamespace } from "./namespace-rule.ts";

test.each<[string, string[], string[], boolean]>([
  ["no lists", [], [], true],
  ["included by name", ["other", "prod-a"], [], true],
  ["not among the included", ["other"], [], false],
  ["excluded", [], ["prod-a"], false],
  ["excluded wins", ["prod-a"], ["prod-a"], false],
  ["excluded wins over everything", ["*"], ["prod-a"], false],
  ["everything", ["*"], ["other"], true],
  ["a star", ["prod-*"], [], true],
  ["two stars in one", ["*-*"], [], true],
  ["a star in the middle", ["p*a"], [], true],
  ["a star that has to try again", ["*d-a"], [], true],
  ["a star elsewhere", ["dev-*"], [], false],
  ["a question mark", ["prod-?"], [], true],
  ["a question mark too many", ["prod-a?"], [], false],
  ["a class", ["prod-[abc]"], [], true],
  ["a range", ["prod-[a-c]"], [], true],
  ["a negated class", ["prod-[!abc]"], [], false],
  ["an unclosed class", ["prod-[a"], [], false],
  ["alternatives", ["{dev,prod}-a"], [], true],
  ["other alternatives", ["{dev,test}-a"], [], false],
  ["an unclosed brace", ["{prod-a"], [], false],
  ["an excluded glob", [], ["prod-*"], false],
  ["an excluded glob beside a lone star, which Velero leaves alone", ["*"], ["prod-*"], true],
  ["a dot is no wildcard", ["prod.a"], [], false],
])("ValidateVMInBackupSpec of a VM in prod-a: %s", (_name, includedNamespaces, excludedNamespaces, expected) => {
  expect(coversNamespace({ includedNamespaces, excludedNamespaces }, "prod-a")).toBe(expected);
});

test("hostile patterns end quickly", () => {
  const patterns = [`${"*a".repeat(500)}b`, "{a,b}".repeat(200), "[".repeat(1000), "{".repeat(1000)];
  for (const pattern of patterns) {
    expect(coversNamespace({ includedNamespaces: [pattern], excludedNamespaces: [] }, "a".repeat(63))).toBe(false);
  }
});
