/** All logical volumes among physical volumes, by volume group. */
import { SourceError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import type { FindVolumesOptions, FoundSets, InnerVolume, VolumeSet } from "../inner-volume.ts";
import type { GroupMetadata, LogicalVolumeEntry } from "./group-metadata.ts";
import { LogicalVolumes } from "./logical-volumes.ts";
import { findVolumeGroups, openPhysicalVolume, type PhysicalVolume, type VolumeGroup } from "./volume-groups.ts";

/**
 * @param sources what looks like physical volumes
 * @throws SourceError when it may pass, and the signal's reason
 */
export async function findLogicalVolumes(
  sources: readonly ByteSource[],
  options: FindVolumesOptions,
): Promise<FoundSets> {
  const others = new Map<ByteSource, { what: string } | { error: unknown }>();
  const found: PhysicalVolume[] = [];
  for (const source of sources) {
    try {
      const physical = await openPhysicalVolume(source, options);
      if (physical !== undefined) found.push(physical);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof SourceError && error.retryable) throw error;
      others.set(source, { error });
    }
  }
  // A copied disk beside its original leaves a group without any member that may be used.
  const groups = findVolumeGroups(found).filter(({ physicalVolumes }) => physicalVolumes.size > 0);
  const sets = groups.map((group) => volumeSet(group, options));
  const members = new Set(sets.flatMap((set) => set.members));
  for (const { id, source } of found) {
    if (members.has(source)) continue;
    const twice = found.some((each) => each.source !== source && each.id === id);
    const what = twice
      ? `LVM2 physical volume ${id}, which is there more than once: none of its copies is used`
      : "LVM2 physical volume of no volume group";
    others.set(source, { what });
  }
  return { sets, others };
}

function volumeSet({ metadata, physicalVolumes, warnings }: VolumeGroup, options: FindVolumesOptions): VolumeSet {
  const sources = new Map([...physicalVolumes].map(([id, { source }]) => [id, source]));
  const opener = new LogicalVolumes(metadata, sources, options);
  const visible = [...metadata.logicalVolumes.values()].filter((entry) => entry.visible);
  return {
    memberOf: `LVM2 physical volume of volume group ${metadata.name}`,
    members: [...sources.values()],
    volumes: visible.map((entry) => innerVolume(metadata, entry, opener)),
    warnings,
  };
}

function innerVolume(group: GroupMetadata, entry: LogicalVolumeEntry, opener: LogicalVolumes): InnerVolume {
  const extents = entry.segments.reduce((sum, { extentCount }) => sum + extentCount, 0);
  const withoutFiles = poolKind(entry);
  // The guest knows an old-style snapshot by the name of its store.
  const mapping = entry.segments[0]?.mapping;
  const shown = (mapping?.kind === "snapshot" ? group.logicalVolumes.get(mapping.store) : undefined) ?? entry;
  const name = mapperName(group.name, shown.name);
  return {
    name,
    devices: [
      `/dev/${group.name}/${shown.name}`,
      `/dev/mapper/${name}`,
      `/dev/disk/by-id/dm-name-${name}`,
      `/dev/disk/by-id/dm-uuid-LVM-${group.id.replaceAll("-", "")}${shown.id.replaceAll("-", "")}`,
    ],
    size: extents * group.extentSize,
    ...(withoutFiles === undefined ? {} : { withoutFiles }),
    open: () => opener.open(entry.name),
  };
}

/** Names are joined by a dash, so dashes in them are doubled: `my--vg-root`. */
function mapperName(group: string, volume: string): string {
  return [group, volume].map((name) => name.replaceAll("-", "--")).join("-");
}

function poolKind({ segments }: LogicalVolumeEntry): string | undefined {
  const kind = segments[0]?.mapping.kind;
  if (kind === "thin-pool") return "LVM2 thin pool: its volumes are shown by themselves";
  if (kind === "cache-pool") return "LVM2 cache pool that no volume uses";
  return undefined;
}
