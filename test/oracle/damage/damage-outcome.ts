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
  for (const [field, value] of Object.entries(damaged)) {
    if (field === "contentError" || field === "xattrsError") continue;
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
