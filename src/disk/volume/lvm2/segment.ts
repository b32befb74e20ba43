/** A stretch of a logical volume and what it is made of (lvm2 `lib/format_text/import_vsn1.c` and the segment types' own folders). */
import type { ConfigSection } from "./config-text.ts";

const SECTOR = 512;

/** Where a stripe's share begins: in a physical volume's extents, or in those of another logical volume. */
export interface SegmentArea {
  /** Name inside the group. */
  readonly name: string;
  readonly startExtent: number;
}

/** What kind of mapping a segment is. Sizes are bytes. */
export type SegmentMapping =
  /** One area is linear. */
  | { readonly kind: "striped"; readonly stripeSize: number; readonly areas: readonly SegmentArea[] }
  /** The kernel reads from the first while the others may lag. */
  | { readonly kind: "mirror"; readonly areas: readonly SegmentArea[] }
  | { readonly kind: "raid"; readonly raid: RaidMapping }
  | { readonly kind: "thin-pool"; readonly metadata: string; readonly data: string; readonly chunkSize: number }
  | { readonly kind: "thin"; readonly pool: string; readonly deviceId: number; readonly externalOrigin?: string }
  | { readonly kind: "snapshot"; readonly origin: string; readonly store: string; readonly chunkSize: number }
  | { readonly kind: "cache"; readonly origin: string; readonly pool: string; readonly mode?: string }
  | { readonly kind: "cache-pool"; readonly mode?: string }
  | { readonly kind: "zero" }
  /** Named as the metadata does. */
  | { readonly kind: "unknown"; readonly type: string };

export interface RaidMapping {
  /** As LVM names it: `raid1`, `raid5_ls`, `raid10`. */
  readonly type: string;
  readonly stripeSize: number;
  /** Data and, where the level keeps one, superblock of each device, by name of the logical volume. */
  readonly devices: readonly { readonly image: string; readonly meta?: string }[];
  readonly dataCopies: number;
  /** A change of the level or layout was under way. */
  readonly reshaping: boolean;
}

export interface Segment {
  readonly startExtent: number;
  readonly extentCount: number;
  readonly mapping: SegmentMapping;
}

/** @throws CorruptDataError */
export function parseSegment(section: ConfigSection): Segment {
  const extentCount = section.number("extent_count");
  if (extentCount === 0) throw section.corrupt("extent_count", "is 0");
  return { startExtent: section.number("start_extent"), extentCount, mapping: parseMapping(section) };
}

/** LVM appends what a type needs of its reader: `cache+METADATA_FORMAT`. */
const KNOWN_FLAGS: ReadonlySet<string> = new Set(["METADATA_FORMAT"]);

function parseMapping(section: ConfigSection): SegmentMapping {
  const written = section.string("type");
  const [type = "", ...flags] = written.split("+");
  if (flags.some((flag) => !KNOWN_FLAGS.has(flag))) return { kind: "unknown", type: written };
  if (/^raid\d/.test(type)) return { kind: "raid", raid: parseRaid(section, type) };
  return PARSERS.get(type)?.(section) ?? { kind: "unknown", type };
}

type MappingParser = (section: ConfigSection) => SegmentMapping;

const PARSERS: ReadonlyMap<string, MappingParser> = new Map<string, MappingParser>(
  Object.entries({
    striped: parseStriped,
    linear: parseStriped,
    zero: () => ({ kind: "zero" }),
    mirror: (section) => ({ kind: "mirror", areas: parseAreas(section, "mirrors") }),
    "thin-pool": (section) => ({
      kind: "thin-pool",
      metadata: section.string("metadata"),
      data: section.string("pool"),
      chunkSize: section.number("chunk_size") * SECTOR,
    }),
    thin: (section) => {
      const externalOrigin = section.stringOr("external_origin", undefined);
      return {
        kind: "thin",
        pool: section.string("thin_pool"),
        deviceId: section.number("device_id"),
        ...(externalOrigin === undefined ? {} : { externalOrigin }),
      };
    },
    snapshot: (section) =>
      section.has("merging_store")
        ? { kind: "unknown", type: "snapshot that is being merged" }
        : {
            kind: "snapshot",
            origin: section.string("origin"),
            store: section.string("cow_store"),
            chunkSize: section.number("chunk_size") * SECTOR,
          },
    cache: (section) => ({
      kind: "cache",
      origin: section.string("origin"),
      pool: section.string("cache_pool"),
      ...cacheMode(section),
    }),
    "cache-pool": (section) => ({ kind: "cache-pool", ...cacheMode(section) }),
  }),
);

function cacheMode(section: ConfigSection): { readonly mode?: string } {
  const mode = section.stringOr("cache_mode", undefined);
  return mode === undefined ? {} : { mode };
}

function parseStriped(section: ConfigSection): SegmentMapping {
  const areas = parseAreas(section, "stripes");
  if (areas.length !== section.numberOr("stripe_count", 1))
    throw section.corrupt("stripes", "are not as many as stripe_count says");
  const stripeSize = areas.length === 1 ? 0 : section.number("stripe_size") * SECTOR;
  if (areas.length > 1 && stripeSize === 0) throw section.corrupt("stripe_size", "is 0");
  return { kind: "striped", stripeSize, areas };
}

/** Pairs of a name and a first extent. */
function parseAreas(section: ConfigSection, key: string): SegmentArea[] {
  const list = section.list(key);
  const areas: SegmentArea[] = [];
  for (let index = 0; index < list.length; index += 2) {
    const name = list[index];
    const startExtent = list[index + 1];
    if (
      typeof name !== "string" ||
      typeof startExtent !== "number" ||
      !Number.isSafeInteger(startExtent) ||
      startExtent < 0
    ) {
      throw section.corrupt(key, "is not a list of names and extents");
    }
    areas.push({ name, startExtent });
  }
  if (areas.length === 0) throw section.corrupt(key, "is empty");
  return areas;
}

function parseRaid(section: ConfigSection, type: string): RaidMapping {
  const names = section.list(section.has("raid0_lvs") ? "raid0_lvs" : "raids");
  const devices: { image: string; meta?: string }[] = [];
  let meta: string | undefined;
  for (const name of names) {
    if (typeof name !== "string") throw section.corrupt("raids", "is not a list of names");
    // LVM tells them apart by name, too.
    if (meta === undefined && name.includes("_rmeta_")) meta = name;
    else {
      devices.push(meta === undefined ? { image: name } : { image: name, meta });
      meta = undefined;
    }
  }
  if (devices.length === 0 || meta !== undefined) throw section.corrupt("raids", "is not a list of devices");
  return {
    type,
    stripeSize: section.numberOr("stripe_size", 0) * SECTOR,
    devices,
    dataCopies: section.numberOr("data_copies", 0),
    reshaping: section.has("data_offset") || section.has("reshape_count"),
  };
}

/** Names of the volumes, physical or logical, that a mapping is made of. */
export function partsOf(mapping: SegmentMapping): readonly string[] {
  switch (mapping.kind) {
    case "striped":
    case "mirror":
      return mapping.areas.map(({ name }) => name);
    case "raid":
      return mapping.raid.devices.flatMap(({ image, meta }) => (meta === undefined ? [image] : [image, meta]));
    case "thin-pool":
      return [mapping.metadata, mapping.data];
    case "thin":
      return mapping.externalOrigin === undefined ? [mapping.pool] : [mapping.pool, mapping.externalOrigin];
    case "snapshot":
      return [mapping.origin, mapping.store];
    case "cache":
      return [mapping.origin];
    default:
      return [];
  }
}

/** LVM's names for md's layouts (lvm2 `lib/raid/raid.c`, kernel `drivers/md/dm-raid.c`). */
const RAID_TYPES: ReadonlyMap<string, readonly [level: number, layout: number]> = new Map([
  ["raid0", [0, 0]],
  ["raid0_meta", [0, 0]],
  ["raid1", [1, 0]],
  // With its parity on the first device, unlike md's own level 4.
  ["raid4", [5, 4]],
  ["raid5", [5, 2]],
  ["raid5_la", [5, 0]],
  ["raid5_ra", [5, 1]],
  ["raid5_ls", [5, 2]],
  ["raid5_rs", [5, 3]],
  ["raid5_n", [5, 5]],
  ["raid6", [6, 8]],
  ["raid6_zr", [6, 8]],
  ["raid6_nr", [6, 9]],
  ["raid6_nc", [6, 10]],
  ["raid6_n_6", [6, 5]],
  ["raid6_la_6", [6, 16]],
  ["raid6_ra_6", [6, 17]],
  ["raid6_ls_6", [6, 18]],
  ["raid6_rs_6", [6, 19]],
]);

/** Of level 10: no copies but those in the same stripe. */
const ONE_FAR_COPY = 0x100;

/** Level and layout as md numbers them; undefined for a type that is not known. */
export function raidLevel({
  type,
  dataCopies,
}: RaidMapping): { readonly level: number; readonly layout: number } | undefined {
  if (type === "raid10" || type === "raid10_near") return { level: 10, layout: ONE_FAR_COPY | Math.max(2, dataCopies) };
  const known = RAID_TYPES.get(type);
  return known === undefined ? undefined : { level: known[0], layout: known[1] };
}
