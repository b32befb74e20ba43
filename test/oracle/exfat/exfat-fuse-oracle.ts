/** What exfat-fuse makes of an image. */
import type { Listing, ListingEntry, ListingField } from "../listing/listing-entry.ts";
import { walkReference } from "../listing/reference-walk.ts";
import { withExfatMount } from "./images.ts";

/**
 * exfat-fuse numbers files as it meets them, gives all of them mode 0777, and tells neither holes nor creation; of the
 * root directory it makes up the times.
 */
export function unknownToExfatFuse({ path, type }: ListingEntry): readonly ListingField[] {
  const never: readonly ListingField[] = ["node", "mode", "birthtime"];
  if (path === "") return [...never, "mtime", "atime", "ctime"];
  return type === "file" ? [...never, "data"] : never;
}

/** exfat-fuse knows no extended attributes and says so of every file; exFAT has none. */
export async function exfatFuseListing(image: string, sectorSize: number): Promise<Listing> {
  const mounted = await withExfatMount(image, "ro", sectorSize, walkReference);
  return new Map([...mounted].map(([at, { xattrsError: _refused, ...entry }]) => [at, { ...entry, xattrs: [] }]));
}
