/** What the metadata text says of one volume group, validated (lvm2 `lib/format_text/import_vsn1.c`). */
import { type ConfigSection, parseConfigText } from "./config-text.ts";
import { parseSegment, type Segment } from "./segment.ts";

const SECTOR = 512;

export interface GroupMetadata {
  readonly id: string;
  readonly name: string;
  /** Counts changes; of two texts the higher is the newer. */
  readonly sequence: number;
  /** Bytes. */
  readonly extentSize: number;
  /** By the name that segments use: `pv0`. */
  readonly physicalVolumes: ReadonlyMap<string, PhysicalVolumeEntry>;
  /** By name, in the order of the text. */
  readonly logicalVolumes: ReadonlyMap<string, LogicalVolumeEntry>;
}

export interface PhysicalVolumeEntry {
  readonly id: string;
  /** Where the guest last saw it: `/dev/vda3`. A hint only. */
  readonly device?: string;
  /** Bytes from its start to extent 0. */
  readonly dataStart: number;
  readonly extentCount: number;
}

export interface LogicalVolumeEntry {
  readonly id: string;
  readonly name: string;
  /** A part of another volume is not. */
  readonly visible: boolean;
  /** Ascending, without gaps, from extent 0. */
  readonly segments: readonly Segment[];
}

/** @throws CorruptDataError */
export function parseGroupMetadata(text: Uint8Array): GroupMetadata {
  const root = parseConfigText(text);
  const [found, another] = root.sections;
  if (found === undefined || another !== undefined)
    throw root.corrupt("the volume group", "is not the one section of the text");
  const [name, group] = found;
  const extentSize = group.number("extent_size") * SECTOR;
  if (extentSize === 0) throw group.corrupt("extent_size", "is 0");
  return {
    id: group.string("id"),
    name,
    sequence: group.number("seqno"),
    extentSize,
    physicalVolumes: new Map(
      [...group.section("physical_volumes").sections].map(([key, each]) => [key, physicalVolume(each)]),
    ),
    logicalVolumes: new Map(
      [...sectionsOf(group, "logical_volumes")].map(([key, each]) => [key, logicalVolume(key, each)]),
    ),
  };
}

/** A new group has no logical volumes, and no section for them. */
function sectionsOf(group: ConfigSection, key: string): ReadonlyMap<string, ConfigSection> {
  return group.has(key) ? group.section(key).sections : new Map();
}

function physicalVolume(section: ConfigSection): PhysicalVolumeEntry {
  const device = section.stringOr("device", undefined);
  return {
    id: section.string("id"),
    ...(device === undefined ? {} : { device }),
    dataStart: section.number("pe_start") * SECTOR,
    extentCount: section.number("pe_count"),
  };
}

function logicalVolume(name: string, section: ConfigSection): LogicalVolumeEntry {
  const count = section.number("segment_count");
  const segments: Segment[] = [];
  let end = 0;
  for (let number = 1; number <= count; number++) {
    const segment = parseSegment(section.section(`segment${number}`));
    if (segment.startExtent !== end)
      throw section.corrupt(`segment${number}`, "does not continue where the one before it ends");
    end += segment.extentCount;
    segments.push(segment);
  }
  return { id: section.string("id"), name, visible: section.list("status").includes("VISIBLE"), segments };
}
