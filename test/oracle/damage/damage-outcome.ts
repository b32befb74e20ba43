import { type ComparisonOptions, compareListings } from "../listing/compare-listings.ts";
import { describeHexPath, type Listing, type ListingEntry } from "../listing/listing-entry.ts";

/** What became of a damaged image, against the intact one's listing. */
export interface DamageOutcome {
  readonly kind: "equal" | "named error" | "different";
  /** Where the first error or difference is. */
  readonly where: string;
}

const isRefused = (entry: ListingEntry): boolean => entry.contentError !== undefined || entry.xattrsError !== undefined;

/** Whether a missing entry is explained: a directory above it says that it cannot be read. */
function explained(path: string, damaged: Listing): boolean {
  for (let end = path.length - 2; end >= 0; end -= 2) {
    if (end > 0 && path.slice(end, end + 2) !== "2f") continue;
    const parent = damaged.get(path.slice(0, end));
    if (parent !== undefined) return isRefused(parent);
  }
  return false;
}

/** The fields that both have; what is refused lacks its part. */
function sharedFieldsDiffer(damaged: ListingEntry, intact: ListingEntry): string | undefined {
  // A refused stat leaves nothing but the node's number.
  if (damaged.type === "unknown") return undefined;
  // A refused directory is as large as it could be followed.
  const open = damaged.contentError !== undefined && damaged.type === "directory" ? ["size", "allocated"] : [];
  for (const [field, value] of Object.entries(damaged)) {
    if (field === "contentError" || field === "xattrsError" || open.includes(field)) continue;
    if (JSON.stringify(value) !== JSON.stringify(intact[field as keyof ListingEntry])) return field;
  }
  const missing = Object.keys(intact).find((field) => !(field in damaged));
  return missing === undefined || isRefused(damaged) ? undefined : missing;
}

/** Sorts a damaged image's listing: all as before, something refused by name, or, the worst, another answer. */
export function judgeDamage(damaged: Listing, intact: Listing): DamageOutcome {
  let refusal: string | undefined;
  for (const [path, entry] of damaged) {
    const expected = intact.get(path);
    const name = describeHexPath(path);
    if (expected === undefined && isRefused(entry)) {
      refusal ??= `${name}: ${entry.contentError ?? entry.xattrsError}`;
      continue;
    }
    if (expected === undefined) return { kind: "different", where: `${name} appears` };
    const field = sharedFieldsDiffer(entry, expected);
    if (field !== undefined) return { kind: "different", where: `${name}: ${field}` };
    if (isRefused(entry)) refusal ??= `${name}: ${entry.contentError ?? entry.xattrsError}`;
  }
  for (const path of intact.keys()) {
    if (!damaged.has(path) && !explained(path, damaged)) {
      return { kind: "different", where: `${describeHexPath(path)} is missing without a word` };
    }
  }
  return refusal === undefined ? { kind: "equal", where: "" } : { kind: "named error", where: refusal };
}

/** Of an answer in words, for what is no tree of files. */
export function outcomeOfWords(words: string, intact: string): DamageOutcome {
  return words === intact ? { kind: "equal", where: "" } : { kind: "different", where: words };
}

/** A name with a zero in it, or something below it: a program gets no more of the name than what is before it. */
const HAS_ZERO = /^(?:..)*00/;

/** What any program can be shown of a listing. */
export function showable(listing: Listing): Listing {
  return new Map([...listing].filter(([at]) => !HAS_ZERO.test(at)));
}

/** Paths that cannot be judged, because one of the readers refuses them or a directory above them. */
function refusedPaths(listing: Listing): ReadonlySet<string> {
  return new Set([...listing.values()].filter((entry) => entry.contentError !== undefined).map(({ path }) => path));
}

function parentOf(path: string): string {
  for (let end = path.length - 2; end > 0; end -= 2) if (path.slice(end, end + 2) === "2f") return path.slice(0, end);
  return "";
}

/** Whether paths are refused, or lie below one that is. A directory that contains itself has thousands of them. */
function belowRefused(refused: ReadonlySet<string>): (path: string) => boolean {
  const known = new Map<string, boolean>([["", refused.has("")]]);
  const isBelow = (path: string): boolean => {
    const below = known.get(path) ?? (refused.has(path) || isBelow(parentOf(path)));
    known.set(path, below);
    return below;
  };
  return isBelow;
}

/**
 * Where two readers of a damaged image contradict each other: what either refuses by name is left out, of files
 * whose attributes one refuses the attributes.
 */
export function contradictions(
  damaged: Listing,
  reference: Listing,
  options: ComparisonOptions = {},
): readonly string[] {
  const isBelow = belowRefused(new Set([...refusedPaths(damaged), ...refusedPaths(reference)]));
  const judged = (listing: Listing): Listing =>
    new Map(
      [...listing]
        .filter(([path]) => !isBelow(path))
        .map(([path, { xattrsError: _refused, ...entry }]) => [path, entry]),
    );
  const withoutAttributes = (path: string) =>
    damaged.get(path)?.xattrsError !== undefined || reference.get(path)?.xattrsError !== undefined;
  return compareListings(judged(damaged), judged(reference), {
    ignore: (entry) => [
      ...(options.ignore?.(entry) ?? []),
      ...(withoutAttributes(entry.path) ? (["xattrs"] as const) : []),
    ],
  }).differences;
}
