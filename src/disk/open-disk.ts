import type { Limits } from "../bytes/limits.ts";
import type { ByteSource } from "../source/byte-source.ts";
import { inParallel } from "../source/in-parallel.ts";
import { SliceSource } from "../source/slice-source.ts";
import type { Disk, DiskImage, Partition, PartitionTable, Volume, VolumeContent } from "./disk.ts";
import { type Detection, detectContent, readSignatureArea, reasonOf, signaturePlace } from "./filesystem/detect.ts";
import { type OpenImageOptions, openImage } from "./image/open-image.ts";
import { isExtended } from "./volume/mbr.ts";
import { readPartitionTable } from "./volume/partition-table.ts";
import { contentByPartitionType } from "./volume/partition-type.ts";

export interface OpenDiskOptions extends OpenImageOptions {
  /** Bytes of a logical sector, when known; else found out. */
  readonly sectorSize?: number;
  readonly limits?: Limits;
}

const VOLUMES_AT_ONCE = 4;
const LONGEST_LABEL = 64;

/**
 * Finds everything on a disk: image format, partition table, volumes and their file systems. A volume that
 * cannot be read says why and never hides the others. Owns `source` and the backing files from the call on:
 * closes them when the disk is closed, and when this throws.
 * @throws SourceError, CorruptDataError, UnsupportedFeatureError, ConfigError when the image or its first sector cannot be read
 */
export async function openDisk(source: ByteSource, options: OpenDiskOptions = {}): Promise<Disk> {
  try {
    return await findVolumes(await openImage(source, options), options);
  } catch (error) {
    await Promise.all([source, ...(options.backing ?? [])].map((each) => each.close()));
    throw error;
  }
}

async function findVolumes(image: DiskImage, options: OpenDiskOptions): Promise<Disk> {
  const first = await readSignatureArea(image, options.signal);
  const wholeDisk = signaturePlace(first);
  const table = await readPartitionTable(image, { ...options, ...(wholeDisk === undefined ? {} : { wholeDisk }) });
  const volumes: (Volume | undefined)[] = table.partitions.map(() => undefined);
  const warnings: string[] = [...table.warnings];
  const add = (index: number, found: FoundVolume) => {
    volumes[index] = found.volume;
    warnings.push(...found.warnings.map((warning) => `volume ${found.volume.name}: ${warning}`));
  };
  const partitions = [...table.partitions.entries()].filter(([, partition]) => !isExtended(partition));
  try {
    await inParallel(partitions, VOLUMES_AT_ONCE, async ([index, partition]) => {
      add(index, await openPartition(image, partition, options));
    });
    if (partitions.length === 0 || wholeDisk !== undefined) {
      add(volumes.length, nameVolume("whole", image, undefined, await detectContent(image, first, options)));
      if (partitions.length > 0)
        warnings.push("the disk has a partition table and is recognised as a whole too: both are shown");
    }
  } catch (error) {
    await closeFileSystems(volumes.filter((volume) => volume !== undefined));
    throw error;
  }
  return disk(
    image,
    { ...table, warnings },
    volumes.filter((volume) => volume !== undefined),
  );
}

function disk(image: DiskImage, table: PartitionTable, volumes: readonly Volume[]): Disk {
  return {
    image: image.info,
    source: image,
    table,
    volumes,
    async close() {
      await closeFileSystems(volumes);
      await image.close();
    },
  };
}

async function closeFileSystems(volumes: readonly Volume[]): Promise<void> {
  const contents = volumes.map(({ content }) => content);
  await Promise.all(
    contents.map((content) => (content.kind === "file-system" ? content.fileSystem.close() : undefined)),
  );
}

interface FoundVolume {
  readonly volume: Volume;
  readonly warnings: readonly string[];
}

async function openPartition(image: DiskImage, partition: Partition, options: OpenDiskOptions): Promise<FoundVolume> {
  // The table's warnings have said so already when a partition reaches beyond the disk's end.
  const start = Math.min(partition.offset, image.size);
  const size = Math.min(partition.size, image.size - start);
  const source = new SliceSource(image, start, size, `partition ${partition.number}`);
  const prefix = String(partition.number);
  if (size === 0) {
    const reason = `lies beyond the end of the disk: the disk has ${image.size} bytes, the partition starts at ${partition.offset}`;
    return nameVolume(prefix, source, partition, unreadable("missing partition", reason));
  }
  try {
    const first = await readSignatureArea(source, options.signal);
    const detection = await detectContent(source, first, options);
    const byType = ["unknown", "empty"].includes(detection.type) ? contentByPartitionType(partition) : undefined;
    return nameVolume(prefix, source, partition, byType === undefined ? detection : { ...detection, ...byType });
  } catch (error) {
    const detection = unreadable("unreadable partition", reasonOf(error, options.signal));
    return nameVolume(prefix, source, partition, detection);
  }
}

function unreadable(what: string, reason: string): Detection {
  return { type: "unreadable", content: { kind: "unreadable", what, reason }, warnings: [] };
}

function nameVolume(
  prefix: string,
  source: ByteSource,
  partition: Partition | undefined,
  { type, content, warnings }: Detection,
): FoundVolume {
  const name = `${prefix}-${labelOf(content) ?? type}`;
  return { volume: { name, ...(partition === undefined ? {} : { partition }), source, content }, warnings };
}

/** The file system's label as part of a directory name. */
function labelOf(content: VolumeContent): string | undefined {
  if (content.kind !== "file-system") return undefined;
  const label = content.fileSystem.info().label?.replaceAll("/", "_").slice(0, LONGEST_LABEL).trim();
  return label === "" ? undefined : label;
}
