/** Turns the segments of a group's logical volumes into sources over its physical volumes. */
import { CorruptDataError, LimitError, UnsupportedFeatureError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import { ConcatSource } from "../../../source/concat-source.ts";
import { ZeroSource } from "../../../source/memory-source.ts";
import { OverlaySource } from "../../../source/overlay-source.ts";
import { SliceSource } from "../../../source/slice-source.ts";
import type { FindVolumesOptions } from "../inner-volume.ts";
import { ChunkedSource, stripes } from "../raid/chunked-source.ts";
import { openArray } from "../raid/open-array.ts";
import type { GroupMetadata, LogicalVolumeEntry } from "./group-metadata.ts";
import { MissingPhysicalVolumeError } from "./missing-physical-volume-error.ts";
import { currentImages, type RaidDevice } from "./raid-devices.ts";
import {
  partsOf,
  type RaidMapping,
  raidLevel,
  type Segment,
  type SegmentArea,
  type SegmentMapping,
} from "./segment.ts";
import { openSnapshotStore } from "./snapshot-store.ts";
import { ThinPool } from "./thin/thin-pool.ts";

type Mapping<Kind extends SegmentMapping["kind"]> = Extract<SegmentMapping, { kind: Kind }>;

/** The logical volumes of one group, opened by name; what several of them share (a pool) is opened once. */
export class LogicalVolumes {
  readonly #group: GroupMetadata;
  readonly #devices: ReadonlyMap<string, ByteSource>;
  readonly #options: FindVolumesOptions;
  readonly #opened = new Map<string, Promise<ByteSource>>();
  readonly #pools = new Map<string, Promise<ThinPool>>();
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
      case "mirror":
        return this.#openStripes(name, size, mapping.areas.slice(0, 1), 0);
      case "raid":
        return this.#openRaid(name, size, mapping.raid);
      case "thin":
        return this.#openThin(size, mapping);
      case "snapshot":
        return this.#openSnapshot(mapping);
      case "cache":
        return this.#openCached(name, size, mapping);
      case "zero":
        return new ZeroSource(size);
      case "unknown":
        throw new UnsupportedFeatureError("lvm2", [`segments of type ${mapping.type}`]);
      default:
        throw corrupt(name, `is a ${mapping.kind}, which has no content of its own`);
    }
  }

  async #openThin(size: number, { pool, deviceId, externalOrigin }: Mapping<"thin">): Promise<ByteSource> {
    const opening = this.#pools.get(pool) ?? this.#openPool(pool);
    this.#pools.set(pool, opening);
    const volume = await (await opening).openVolume(deviceId, size, this.#options.signal);
    return externalOrigin === undefined ? volume : new OverlaySource(volume, await this.#open(externalOrigin));
  }

  async #openPool(name: string): Promise<ThinPool> {
    const mapping = this.#entry(name).segments[0]?.mapping;
    if (mapping?.kind !== "thin-pool") throw corrupt(name, "is no thin pool");
    const [metadata, data] = await Promise.all([this.#open(mapping.metadata), this.#open(mapping.data)]);
    return ThinPool.open(metadata, data, mapping.chunkSize, this.#options.limits, this.#options.signal);
  }

  async #openSnapshot({ origin, store, chunkSize }: Mapping<"snapshot">): Promise<ByteSource> {
    const { limits, signal } = this.#options;
    const below = await this.#open(origin);
    const changed = await openSnapshotStore(await this.#open(store), below.size, chunkSize, limits, signal);
    return new OverlaySource(changed, below);
  }

  /** What a cache that writes through, or is passed by, holds is in the origin as well. */
  async #openCached(name: string, size: number, { origin, pool, mode: own }: Mapping<"cache">): Promise<ByteSource> {
    const shared = this.#group.logicalVolumes.get(pool)?.segments[0]?.mapping;
    const mode = own ?? (shared?.kind === "cache-pool" ? shared.mode : undefined);
    if (mode !== "writethrough" && mode !== "passthrough") {
      const advice = `what logical volume ${name} holds may lie in its cache alone`;
      throw new UnsupportedFeatureError("lvm2", [`cache in ${mode ?? "unknown"} mode`], advice);
    }
    return new SliceSource(await this.#open(origin), 0, size, `logical volume ${name}`);
  }

  async #openRaid(name: string, size: number, raid: RaidMapping): Promise<ByteSource> {
    const kind = raidLevel(raid);
    if (kind === undefined || raid.reshaping) {
      throw new UnsupportedFeatureError("lvm2", [raid.reshaping ? `${raid.type} that is being reshaped` : raid.type]);
    }
    const devices = await Promise.all(raid.devices.map((device) => this.#openRaidDevice(device)));
    const images = await currentImages(devices, this.#options.signal);
    const deviceSize = images.find((image) => image !== undefined)?.size ?? 0;
    const array = { ...kind, devices: images.length, chunkSize: raid.stripeSize, deviceSize, size };
    return openArray({ ...array, format: "lvm2", name: `logical volume ${name}` }, images);
  }

  /** Undefined where a physical volume is missing: the other devices may have it all. */
  async #openRaidDevice({ image, meta }: RaidMapping["devices"][number]): Promise<RaidDevice | undefined> {
    try {
      const opened = await this.#open(image);
      return meta === undefined ? { image: opened } : { image: opened, meta: await this.#open(meta) };
    } catch (error) {
      if (error instanceof MissingPhysicalVolumeError) return undefined;
      throw error;
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
