/** The volumes that lie inside other volumes, or over several disks of one virtual machine: arrays, LVM2, LUKS. */
import { defaultLimits, type Limits } from "../bytes/limits.ts";
import { SourceError } from "../errors.ts";
import type { ByteSource } from "../source/byte-source.ts";
import { FailedSource } from "../source/failed-source.ts";
import type { ContainerFormat, Disk, Volume, VolumeContent } from "./disk.ts";
import { detectContent, readSignatureArea, reasonOf } from "./filesystem/detect.ts";
import type { FindVolumesOptions, FoundSets, InnerVolume, VolumeSet } from "./volume/inner-volume.ts";
import { findEncryptedVolumes } from "./volume/luks/find-encrypted-volumes.ts";
import type { KeyRing } from "./volume/luks/key-ring.ts";
import { findLogicalVolumes } from "./volume/lvm2/find-logical-volumes.ts";
import { findArrays } from "./volume/md/find-arrays.ts";

/** A disk and what it is called where the user sees it. */
export interface NamedDisk {
  readonly name: string;
  readonly disk: Disk;
}

export interface AssembleOptions {
  readonly limits?: Limits;
  /** For encrypted volumes; stays the caller's. */
  readonly keys?: KeyRing;
  readonly signal?: AbortSignal;
}

/** Whether a disk holds parts of volumes, so that it has to be assembled with its siblings. */
export function holdsContainers(disk: Pick<Disk, "volumes">): boolean {
  return disk.volumes.some(isContainer);
}

function isContainer({ content }: Volume): boolean {
  return content.kind === "unreadable" && content.container !== undefined;
}

/**
 * The same disks in the same order, with the volumes that lie inside their volumes added: each under the first
 * disk that holds a part of it. What is missing or damaged makes those volumes unreadable that need it, and no
 * others. Takes over the disks: closing the results closes them, in any order. Knows nothing but these disks, so
 * that the same volume group out of several backups is never mixed.
 * @throws SourceError when it may pass, and the signal's reason; the disks are still the caller's then
 */
export async function assembleDisks(disks: readonly NamedDisk[], options: AssembleOptions = {}): Promise<Disk[]> {
  const assembly = new Assembly(disks, options);
  try {
    await assembly.run();
  } catch (error) {
    await assembly.close();
    throw error;
  }
  return assembly.disks();
}

/** How the volumes of each format are found among its members. */
const FINDERS: readonly (readonly [ContainerFormat, Finder])[] = [
  ["md", findArrays],
  ["lvm2", findLogicalVolumes],
  ["luks", findEncryptedVolumes],
];

type Finder = (members: readonly ByteSource[], options: FindVolumesOptions) => Promise<FoundSets>;

/** A volume and the disk under which it, and what it holds, is shown. */
interface Part {
  readonly disk: number;
  readonly volume: Volume;
}

class Assembly {
  readonly #disks: readonly NamedDisk[];
  readonly #options: FindVolumesOptions;
  readonly #added: Volume[][];
  readonly #warnings: string[][];
  /** What became of the containers. */
  readonly #contents = new Map<Volume, VolumeContent>();

  constructor(disks: readonly NamedDisk[], options: AssembleOptions) {
    this.#disks = disks;
    this.#options = { limits: defaultLimits, ...options };
    this.#added = disks.map(() => []);
    this.#warnings = disks.map(() => []);
  }

  /** Round by round: what the last one found may hold volumes, too. */
  async run(): Promise<void> {
    let parts = this.#disks.flatMap(({ disk }, index) => disk.volumes.map((volume) => ({ disk: index, volume })));
    for (let depth = 0; parts.length > 0 && depth < this.#options.limits.volumeDepth; depth++) {
      const found: Part[] = [];
      for (const [format, find] of FINDERS) {
        const members = parts.filter(
          ({ volume: { content } }) => content.kind === "unreadable" && content.container === format,
        );
        if (members.length > 0) found.push(...(await this.#find(members, find)));
      }
      parts = found;
    }
  }

  disks(): Disk[] {
    return this.#disks.map(({ disk }, index) => {
      const added = this.#added[index] as Volume[];
      const known = (volume: Volume) => ({ ...volume, content: this.#contents.get(volume) ?? volume.content });
      return {
        ...disk,
        table: { ...disk.table, warnings: [...disk.table.warnings, ...(this.#warnings[index] as string[])] },
        volumes: [...disk.volumes, ...added].map(known),
        async close() {
          await closeFileSystems(added);
          await disk.close();
        },
      };
    });
  }

  /** Closes what was opened here, not the disks. */
  async close(): Promise<void> {
    await closeFileSystems(this.#added.flat());
  }

  async #find(parts: readonly Part[], find: Finder): Promise<Part[]> {
    const bySource = new Map(parts.map((part) => [part.volume.source, part]));
    const { sets, others } = await find([...bySource.keys()], this.#options);
    for (const [source, outcome] of others) {
      const { volume } = bySource.get(source) as Part;
      if ("what" in outcome) this.#contents.set(volume, { kind: "no-files", what: outcome.what });
      else this.#contents.set(volume, this.#unreadable(whatOf(volume), outcome.error));
    }
    const found: Part[] = [];
    for (const set of sets) {
      // In the order of the disks, whatever order the format has.
      const members = parts.filter(({ volume }) => set.members.includes(volume.source));
      found.push(...(await this.#openSet(set, members)));
    }
    return found;
  }

  async #openSet({ memberOf, volumes, warnings }: VolumeSet, members: readonly Part[]): Promise<Part[]> {
    const disk = members[0]?.disk ?? 0;
    for (const member of members) {
      const elsewhere = member.disk === disk ? "" : `, shown under ${this.#disks[disk]?.name}`;
      this.#contents.set(member.volume, { kind: "no-files", what: `${memberOf}${elsewhere}` });
    }
    const added = this.#added[disk] as Volume[];
    this.#warnings[disk]?.push(...warnings);
    const found: Part[] = [];
    for (const inner of volumes) {
      const volume = await this.#openVolume(inner, disk);
      added.push(volume);
      found.push({ disk, volume });
    }
    return found;
  }

  async #openVolume(inner: InnerVolume, disk: number): Promise<Volume> {
    const { devices, size, withoutFiles } = inner;
    const named = { name: this.#uniqueName(inner.name, disk), devices };
    if (withoutFiles !== undefined) {
      const source = new FailedSource(size, new SourceError(`${inner.name}: ${withoutFiles}`, { retryable: false }));
      return { ...named, source, content: { kind: "no-files", what: withoutFiles } };
    }
    try {
      const source = await inner.open();
      const first = await readSignatureArea(source, this.#options.signal);
      const { content, warnings } = await detectContent(source, first, this.#options);
      this.#warnings[disk]?.push(...warnings.map((warning) => `volume ${named.name}: ${warning}`));
      return { ...named, source, content };
    } catch (error) {
      return { ...named, source: new FailedSource(size, error), content: this.#unreadable("unreadable volume", error) };
    }
  }

  /** Two groups may have the same name. */
  #uniqueName(wanted: string, disk: number): string {
    const taken = [...(this.#disks[disk]?.disk.volumes ?? []), ...(this.#added[disk] ?? [])].map(({ name }) => name);
    let name = wanted;
    for (let attempt = 2; taken.includes(name); attempt++) name = `${wanted}~${attempt}`;
    return name;
  }

  /** @throws the error again when trying later may help */
  #unreadable(what: string, error: unknown): VolumeContent {
    return { kind: "unreadable", what, reason: reasonOf(error, this.#options.signal) };
  }
}

function whatOf({ content }: Volume): string {
  return content.kind === "file-system" ? content.fileSystem.info().type : content.what;
}

async function closeFileSystems(volumes: readonly Volume[]): Promise<void> {
  await Promise.all(
    volumes.map(({ content }) => (content.kind === "file-system" ? content.fileSystem.close() : undefined)),
  );
}
