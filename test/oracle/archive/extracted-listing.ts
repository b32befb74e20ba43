import type { FileSystem } from "../../../src/disk/filesystem/file-system.ts";
import { walkFileSystem } from "../listing/file-system-walk.ts";
import type { Listing, ListingEntry, ListingField } from "../listing/listing-entry.ts";
import { walkReference } from "../listing/reference-walk.ts";

/** What no extraction can set, or no archive carries. */
export const UNSETTABLE: readonly ListingField[] = ["node", "allocated", "atime", "ctime", "birthtime", "flags"];

/** Entries to compare: the top level has none of its own, and a directory's size is its file system's affair. */
function comparable(listing: Listing): Map<string, ListingEntry> {
  return new Map(
    [...listing]
      .filter(([path]) => path !== "")
      .map(([path, entry]) => [path, entry.type === "directory" ? { ...entry, size: 0, links: 0 } : entry]),
  );
}

export async function listExtracted(directory: string): Promise<Map<string, ListingEntry>> {
  return comparable(await walkReference(directory));
}

/** The guest without what the format leaves out. */
export async function listGuest(
  guest: FileSystem,
  isArchived: (entry: ListingEntry) => boolean,
): Promise<Map<string, ListingEntry>> {
  const listing = comparable(await walkFileSystem(guest));
  return new Map([...listing].filter(([, entry]) => isArchived(entry)));
}

export const hexPath = (path: string): string => Buffer.from(path).toString("hex");

/** Paths of the same file, sorted; only where there are several. */
export function hardLinkGroups(listing: Listing): string[][] {
  const groups = new Map<number, string[]>();
  for (const { path, node, type } of listing.values()) {
    if (type === "file") groups.set(node, [...(groups.get(node) ?? []), path]);
  }
  return [...groups.values()]
    .filter((paths) => paths.length > 1)
    .map((paths) => paths.toSorted())
    .toSorted();
}
