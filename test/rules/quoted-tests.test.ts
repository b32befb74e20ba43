import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");

/** `[label]` of a test below test/cluster, a test file in backquotes, or a test's name in double quotes. */
const MENTION = /\[(?<label>[\w-]+)\]|`(?<file>[^`]+\.test\.ts)`|"(?<name>[^"]+)"/g;
/** What follows the opening parenthesis of a test, or the table of one. */
const TITLE = /(?:\btest\(|\]\)\(|\]\s*as const\)\(|^ {2})\s*(?<quote>["'`])(?<title>.+?)\k<quote>/gm;
const PLACEHOLDER = /\$\{[^}]*\}|%[a-z#]|\$\w+/g;

const pattern = (text: string, gap: RegExp) => new RegExp(`^${text.split(gap).map(escaped).join(".*")}$`);

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
}

function titlesOf(file: string): string[] {
  return [...readFileSync(file, "utf8").matchAll(TITLE)].map((match) => match.groups?.["title"] ?? "");
}

/** "…" in a name stands for anything, and so does what a table of tests fills into a title. */
function isTitled(name: string, title: string): boolean {
  const hasWords = title.replace(PLACEHOLDER, "").length > 10;
  return pattern(name, /…/).test(title) || (hasWords && pattern(title, PLACEHOLDER).test(name));
}

function pathOf(groups: Record<string, string | undefined>): string | undefined {
  const { label, file } = groups;
  if (label !== undefined) return `test/cluster/${label === "resilience" ? "operator-resilience" : label}.test.ts`;
  if (file === undefined) return undefined;
  return /^(?:src|test|web)\//.test(file) ? file : `src/operator/${file}`;
}

/** What one cell of a table says that is not so; a name belongs to the file named last before it. */
function wrongOf(cell: string): string[] {
  const wrong: string[] = [];
  let file: string | undefined;
  for (const { groups = {} } of cell.matchAll(MENTION)) {
    const named = pathOf(groups);
    if (named !== undefined) {
      file = named;
      if (!existsSync(path.join(root, file))) wrong.push(`${file} does not exist`);
    }
    const name = groups["name"];
    if (name === undefined || file === undefined || !existsSync(path.join(root, file))) continue;
    if (!titlesOf(path.join(root, file)).some((title) => isTitled(name, title))) wrong.push(`${file} lacks "${name}"`);
  }
  return wrong;
}

test.each(["compatibility.md", "compatibility-tests.md"])("every test that docs/%s quotes exists", (page) => {
  const rows = readFileSync(path.join(root, "docs", page), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("|"));
  expect(rows.length).toBeGreaterThan(20);
  expect(rows.flatMap((row) => row.split("|").flatMap(wrongOf))).toEqual([]);
});
