/** Turns the segments of a group's logical volumes into sources over its physical volumes. */
import { CorruptDataError, LimitError, UnsupportedFeatureError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import { ConcatSource } from "../../../source/concat-source.ts";
import { ZeroSource } from "../../../source/memory-source.ts";
import { SliceSource } from "../../../source/slice-source.ts";
import type { FindVolumesOptions } from "../inner-volume.ts";
import { ChunkedSource, stripes } from "../raid/chunked-source.ts";
import type { GroupMetadata, LogicalVolumeEntry } from "./group-metadata.ts";
import { MissingPhysicalVolumeError } from "./missing-physical-volume-error.ts";
import { partsOf, type Segment, type SegmentArea } from "./segment.ts";

/** The logical volumes of one group, opened by name; what several of them share (a pool) is opened once. */
export class LogicalVolumes {
  readonly #group: GroupMetadata;
  readonly #devices: ReadonlyMap<string, ByteSource>;
  readonly #options: FindVolumesOptions;
  readonly #opened = new Map<string, Promise<ByteSource>>();
  readonly #depths = new Map<string, number>();

  /** @param devices physical volumes that are there, by their identifier; they stay the caller's to close */
  constructor(group: GroupMetadata, devices: ReadonlyMap<string, ByteSource>, options: FindVolumesOptions) {
    this.#group = group;
    this.#devices = devices;
    this.#options = options;
  }

  /**
   * @throws MissingPhysicalVolumeError, UnsupportedFeatureError for segments that are not read, CorruptDataError,
   *         LimitError (volumeDepth), SourceError
   */
  async open(name: string): Promise<ByteSource> {
    this.#depth(name, []);
    return this.#open(name);
  }

  /** Volumes one below the other, from this one. Finds those that are part of themselves, which would wait for themselves. */
  #depth(name: string, above: readonly string[]): number {
    const known = this.#depths.get(name);
    if (known !== undefined) return known;
    if (above.includes(name)) throw corrupt(name, "is part of itself");
    const { volumeDepth } = this.#options.limits;
    if (above.length >= volumeDepth) throw new LimitError("volumeDepth", volumeDepth, `lvm2: logical volume ${name}`);
    const below = this.#entry(name)
      .segments.flatMap(({ mapping }) => partsOf(mapping))
      .filter((part) => this.#group.logicalVolumes.has(part));
    const depth = 1 + Math.max(0, ...below.map((part) => this.#depth(part, [...above, name])));
    this.#depths.set(name, depth);
    return depth;
  }

  #entry(name: string): LogicalVolumeEntry {
    const entry = this.#group.logicalVolumes.get(name);
    if (entry === undefined) throw corrupt(name, "is not in the metadata");
    return entry;
  }

  #open(name: string): Promise<ByteSource> {
    const opening = this.#opened.get(name) ?? this.#openSegments(this.#entry(name));
    this.#opened.set(name, opening);
    return opening;
  }

  async #openSegments({ name, segments }: LogicalVolumeEntry): Promise<ByteSource> {
    if (segments.length === 0) throw corrupt(name, "has no segments");
    const sources: ByteSource[] = [];
    for (const segment of segments) sources.push(await this.#openSegment(name, segment));
    const [only] = sources;
    return sources.length === 1 && only !== undefined ? only : new ConcatSource(sources);
  }

  async #openSegment(name: string, { extentCount, mapping }: Segment): Promise<ByteSource> {
    const size = extentCount * this.#group.extentSize;
    if (!Number.isSafeInteger(size)) throw corrupt(name, "has an implausible size");
    switch (mapping.kind) {
      case "striped":
        return this.#openStripes(name, size, mapping.areas, mapping.stripeSize);
      case "zero":
        return new ZeroSource(size);
      default:
        throw new UnsupportedFeatureError("lvm2", [`segments of type ${mapping.kind}`]);
    }
  }

  async #openStripes(
    name: string,
    size: number,
    areas: readonly SegmentArea[],
    stripeSize: number,
  ): Promise<ByteSource> {
    const each = size / areas.length;
    const devices = await Promise.all(areas.map((area) => this.#openArea(area, each)));
    const [only] = devices;
    if (devices.length === 1 && only !== undefined) return only;
    if (each % stripeSize !== 0) throw corrupt(name, "is not made of whole stripes");
    return new ChunkedSource(devices, stripes(devices.length, stripeSize), size, `logical volume ${name}`);
  }

  async #openArea({ name, startExtent }: SegmentArea, size: number): Promise<ByteSource> {
    const { extentSize, physicalVolumes } = this.#group;
    const physical = physicalVolumes.get(name);
    const start = startExtent * extentSize;
    if (physical === undefined) return new SliceSource(await this.#open(name), start, size, `logical volume ${name}`);
    const device = this.#devices.get(physical.id);
    if (device === undefined) throw new MissingPhysicalVolumeError(physical);
    return new SliceSource(device, physical.dataStart + start, size, `physical volume ${physical.id}`);
  }
}

function corrupt(name: string, problem: string): CorruptDataError {
  return new CorruptDataError({ format: "lvm2", structure: `logical volume ${name}` }, problem);
}
