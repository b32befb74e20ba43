/** One image, two readers: vmfr's and ntfs-3g's. */
import path from "node:path";
import type { FileSystem } from "../../../src/disk/filesystem/file-system.ts";
import { contradictions } from "../damage/damage-outcome.ts";
import { compareListings, type ListingComparison } from "../listing/compare-listings.ts";
import { walkChecked } from "../listing/kernel-oracle.ts";
import type { Listing, ListingEntry, ListingField } from "../listing/listing-entry.ts";
import { walkReference } from "../listing/reference-walk.ts";
import { tool, withNtfsMount } from "./images.ts";

type AttributePairs = readonly (readonly [string, string])[];

/** ntfs-3g answers for its system attributes when asked, but does not list them. */
async function systemAttributes(mountPoint: string): Promise<Map<string, AttributePairs>> {
  const script = path.join(import.meta.dirname, "ntfs_attributes.py");
  const lines = (await tool("/usr/bin/python3", script, mountPoint)).trimEnd().split("\n");
  return new Map(
    lines.map((line) => {
      const entry = JSON.parse(line) as { path: string; xattrs: AttributePairs };
      return [entry.path, entry.xattrs] as const;
    }),
  );
}

const ATTRIBUTE_BITS = Buffer.from("system.ntfs_attrib_be").toString("hex");

/** Asking for the system attributes of more entries than this takes minutes. */
const MOST_ASKED = 10_000;

/** The image as ntfs-3g shows it. */
export function ntfs3gListing(image: string, walk = walkReference): Promise<Listing> {
  return withNtfsMount(image, "ro", async (mountPoint) => {
    const listing = await walk(mountPoint);
    if (listing.size > MOST_ASKED) return listing;
    const system = await systemAttributes(mountPoint);
    const withSystem = (entry: ListingEntry): ListingEntry => {
      const shown = system.get(entry.path) ?? [];
      const xattrs = [...(entry.xattrs ?? []), ...shown].toSorted(([left], [right]) => (left < right ? -1 : 1));
      // Every file has these bits, unless ntfs-3g does not find it.
      const isFound = shown.some(([name]) => name === ATTRIBUTE_BITS);
      return { ...entry, xattrs, ...(isFound ? {} : { xattrsError: "not found" }) };
    };
    return new Map([...listing].map(([at, entry]) => [at, withSystem(entry)]));
  });
}

const RECORD_NUMBERS = 2 ** 32;

/** In the units that ntfs-3g shows: record numbers without their sequence, and sectors. */
function asShownByNtfs3g(entry: ListingEntry): ListingEntry {
  return { ...entry, node: entry.node % RECORD_NUMBERS, allocated: Math.ceil(entry.allocated / 512) * 512 };
}

/** ntfs-3g shows every mode as 0777, no holes, no creation time through statx, and no flags. */
const NOT_SHOWN: readonly ListingField[] = ["mode", "data", "birthtime", "flags"];

const DOS_DIRECTORY = Buffer.from("dos/").toString("hex");

function notComparable({ path: at }: ListingEntry): readonly ListingField[] {
  // ntfs-3g does not give the descriptor of the root that mkntfs writes.
  if (at === "") return [...NOT_SHOWN, "xattrs"];
  // ntfs-3g counts names that only DOS sees as links.
  return at.startsWith(DOS_DIRECTORY) ? [...NOT_SHOWN, "links"] : NOT_SHOWN;
}

const asNtfs3gShows = (listing: Listing): Listing =>
  new Map([...listing].map(([at, entry]) => [at, asShownByNtfs3g(entry)]));

export function compareListingWithNtfs3g(listing: Listing, expected: Listing): ListingComparison {
  const ignore = (entry: ListingEntry): readonly ListingField[] =>
    expected.size > MOST_ASKED ? [...notComparable(entry), "xattrs"] : notComparable(entry);
  return compareListings(asNtfs3gShows(listing), expected, { ignore });
}

/** Values that ntfs-3g finds out otherwise than by looking where they are kept. */
const DERIVED = ["system.ntfs_acl", "system.ntfs_dos_name"].map((name) => Buffer.from(name).toString("hex"));
const COMPRESSED = 0x0800;

/** ntfs-3g goes by the data for whether a file is compressed; the bit says what will become of it. */
function withoutCompressed(bits: string): string {
  return (Number.parseInt(bits, 16) & ~COMPRESSED).toString(16);
}

/** Of times before 1970 ntfs-3g drops the fraction of the second. */
function roundedTime(nanoseconds: string): string {
  const time = BigInt(nanoseconds);
  return time < 0n ? String((time / 1_000_000_000n) * 1_000_000_000n) : nanoseconds;
}

/** It shows this where the bit for reparse points is set and there is none. */
const NO_REPARSE_POINT = Buffer.from("unsupported reparse tag 0x00000000").toString("hex");

function asComparable(listing: Listing): Listing {
  const shown = ({ xattrs = [], ...entry }: ListingEntry): ListingEntry => ({
    ...entry,
    mtime: roundedTime(entry.mtime),
    atime: roundedTime(entry.atime),
    ctime: roundedTime(entry.ctime),
    xattrs: xattrs.flatMap(([name, value]) => {
      if (DERIVED.includes(name)) return [];
      return [[name, name === ATTRIBUTE_BITS ? withoutCompressed(value) : value] as const];
    }),
    ...(entry.target === NO_REPARSE_POINT ? { contentError: "no reparse point" } : {}),
  });
  return new Map([...listing].map(([at, entry]) => [at, entry.type === "unknown" ? entry : shown(entry)]));
}

/** Of a damaged image: what neither refuses and they show otherwise. */
export function contradictionsToNtfs3g(listing: Listing, expected: Listing): readonly string[] {
  return contradictions(asComparable(asNtfs3gShows(listing)), asComparable(expected), {
    ignore: (entry) => (entry.type === "directory" ? [...notComparable(entry), "allocated"] : notComparable(entry)),
  });
}

/** Also looks every name up and resumes every listing. */
export async function compareWithNtfs3g(image: string, fileSystem: FileSystem): Promise<ListingComparison> {
  return compareListingWithNtfs3g(await walkChecked(fileSystem), await ntfs3gListing(image));
}
