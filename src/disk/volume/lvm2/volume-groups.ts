/** Finds the volume groups among physical volumes: which metadata counts, and which devices a group has. */
import { defaultLimits, type Limits } from "../../../bytes/limits.ts";
import { describeError, SourceError, VmfrError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import { type GroupMetadata, parseGroupMetadata } from "./group-metadata.ts";
import { readMetadataArea } from "./metadata-area.ts";
import { type PhysicalVolumeHeader, readPhysicalVolume } from "./physical-volume.ts";

/** A physical volume and what its own metadata areas say. */
export interface PhysicalVolume {
  readonly id: string;
  readonly source: ByteSource;
  /** The newest valid text of its areas; absent where it keeps none. */
  readonly metadata?: GroupMetadata;
  /** Sentences: areas that could not be read. */
  readonly warnings: readonly string[];
}

export interface VolumeGroup {
  readonly metadata: GroupMetadata;
  /** Those that are there, by identifier. */
  readonly physicalVolumes: ReadonlyMap<string, PhysicalVolume>;
  /** Sentences: physical volumes that are missing or there twice. */
  readonly warnings: readonly string[];
}

export interface ReadPhysicalVolumeOptions {
  readonly limits?: Limits;
  readonly signal?: AbortSignal;
}

/**
 * Undefined for what is no physical volume.
 * @throws CorruptDataError when its label, or all of its metadata, is damaged; SourceError when it may pass
 */
export async function openPhysicalVolume(
  source: ByteSource,
  options: ReadPhysicalVolumeOptions = {},
): Promise<PhysicalVolume | undefined> {
  const header = await readPhysicalVolume(source, options.signal);
  if (header === undefined) return undefined;
  const { metadata, failures } = await readMetadata(source, header, options);
  const [failure] = failures;
  if (metadata === undefined && failure !== undefined) throw failure;
  const warnings = failures.map((each) => `a copy of the volume group's metadata is not used: ${describeError(each)}`);
  return { id: header.id, source, ...(metadata === undefined ? {} : { metadata }), warnings };
}

async function readMetadata(
  source: ByteSource,
  header: PhysicalVolumeHeader,
  { limits = defaultLimits, signal }: ReadPhysicalVolumeOptions,
): Promise<{ readonly metadata: GroupMetadata | undefined; readonly failures: readonly VmfrError[] }> {
  let metadata: GroupMetadata | undefined;
  const failures: VmfrError[] = [];
  for (const area of header.metadataAreas) {
    try {
      const text = await readMetadataArea(source, area, limits, signal);
      if (text === undefined) continue;
      const found = parseGroupMetadata(text);
      if (metadata === undefined || found.sequence > metadata.sequence) metadata = found;
    } catch (error) {
      if (!(error instanceof VmfrError) || (error instanceof SourceError && error.retryable)) throw error;
      failures.push(error);
    }
  }
  return { metadata, failures };
}

/**
 * One group for each identifier, by its newest metadata wherever that lies; names may repeat. A physical volume
 * that the newest metadata does not list has left the group.
 */
export function findVolumeGroups(found: readonly PhysicalVolume[]): VolumeGroup[] {
  const newest = new Map<string, GroupMetadata>();
  for (const { metadata } of found) {
    if (metadata === undefined) continue;
    const known = newest.get(metadata.id);
    if (known === undefined || metadata.sequence > known.sequence) newest.set(metadata.id, metadata);
  }
  return [...newest.values()].map((metadata) => volumeGroup(metadata, found));
}

function volumeGroup(metadata: GroupMetadata, found: readonly PhysicalVolume[]): VolumeGroup {
  const physicalVolumes = new Map<string, PhysicalVolume>();
  const warnings: string[] = [];
  for (const { id } of metadata.physicalVolumes.values()) {
    const [only, ...others] = found.filter((each) => each.id === id);
    if (only === undefined) warnings.push(`volume group ${metadata.name}: physical volume ${id} is missing`);
    else if (others.length > 0) {
      // A copied disk beside its original: nobody can say which of them the guest wrote to.
      warnings.push(
        `volume group ${metadata.name}: physical volume ${id} is there ${others.length + 1} times, none is used`,
      );
    } else {
      physicalVolumes.set(id, only);
      warnings.push(...only.warnings.map((warning) => `physical volume ${id}: ${warning}`));
    }
  }
  return { metadata, physicalVolumes, warnings };
}
