import { describeHexPath, type Listing, type ListingEntry, type ListingField } from "./listing-entry.ts";

export interface ListingComparison {
  /** Entries of the reference that agree in every compared field. */
  readonly equal: number;
  /** One line for each difference: path, field, both values. */
  readonly differences: readonly string[];
}

export interface ComparisonOptions {
  /** Fields of an entry that this format or oracle does not have; say why where it is used. */
  readonly ignore?: (entry: ListingEntry) => readonly ListingField[];
}

const FIELDS: readonly ListingField[] = [
  "node",
  "type",
  "mode",
  "uid",
  "gid",
  "size",
  "allocated",
  "links",
  "mtime",
  "atime",
  "ctime",
  "birthtime",
  "device",
  "flags",
  "target",
  "xattrs",
  "data",
  "sha256",
];

const LONGEST_VALUE = 300;

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "absent";
  return text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE)}… (${text.length} characters)`;
}

function entryDifferences(actual: ListingEntry, expected: ListingEntry, ignored: readonly ListingField[]): string[] {
  const path = describeHexPath(expected.path);
  const differences = FIELDS.filter((field) => !ignored.includes(field))
    .filter((field) => JSON.stringify(actual[field]) !== JSON.stringify(expected[field]))
    .map((field) => `${path}: ${field} is ${show(actual[field])}, the reference says ${show(expected[field])}`);
  // Both refusing is agreement, whatever each calls the reason.
  for (const field of ["contentError", "xattrsError"] as const) {
    if ((actual[field] === undefined) !== (expected[field] === undefined)) {
      differences.push(`${path}: ${field} is ${show(actual[field])}, the reference says ${show(expected[field])}`);
    }
  }
  return differences;
}

/** Compares a reader's listing with the reference, both ways: every entry, every field. */
export function compareListings(
  actual: Listing,
  expected: Listing,
  options: ComparisonOptions = {},
): ListingComparison {
  const differences: string[] = [];
  let equal = 0;
  for (const [path, reference] of expected) {
    const entry = actual.get(path);
    const found =
      entry === undefined
        ? [`${describeHexPath(path)}: missing (a ${reference.type})`]
        : entryDifferences(entry, reference, options.ignore?.(reference) ?? []);
    if (found.length === 0) equal++;
    differences.push(...found);
  }
  for (const [path, entry] of actual) {
    if (!expected.has(path)) differences.push(`${describeHexPath(path)}: not in the reference (a ${entry.type})`);
  }
  return { equal, differences };
}

const MOST_LINES = 30;

/** @throws Error listing the first differences when there are any. */
export function requireEqual(what: string, comparison: ListingComparison): void {
  const { differences } = comparison;
  if (differences.length === 0) return;
  const more = differences.length > MOST_LINES ? `\n  … and ${differences.length - MOST_LINES} more` : "";
  throw new Error(
    `${what}: ${differences.length} differences\n  ${differences.slice(0, MOST_LINES).join("\n  ")}${more}`,
  );
}
