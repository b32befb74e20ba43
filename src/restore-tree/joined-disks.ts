/**
 * The disks of one VM in one backup, so that volumes reaching over several of them are found: opening a disk that
 * holds a part of something opens its siblings, too. Every disk is opened once and closed when nobody holds it.
 */
import { assembleDisks, holdsContainers } from "../disk/assemble-disks.ts";
import type { Disk } from "../disk/disk.ts";
import type { KeyRing } from "../disk/volume/luks/key-ring.ts";
import { describeError, SourceError, VmfrError } from "../errors.ts";
import type { SiblingDisk, TreeDisk } from "./tree-backup.ts";

/**
 * The same disks, opened together where they hold parts of one another. Shares nothing with other backups.
 * @param keys for encrypted volumes; stays the caller's
 */
export function joinDisks(disks: readonly TreeDisk[], keys?: KeyRing): TreeDisk[] {
  if (disks.length === 0) return [];
  const joined = new JoinedDisks(
    disks.map((disk) => ({ name: disk.name, shared: new SharedDisk(disk) })),
    keys,
  );
  return disks.map((disk, index) => {
    const together = { ...disk, open: (signal?: AbortSignal) => joined.open(index, signal) };
    if (disks.length === 1) return together;
    return { ...together, siblings: (signal?: AbortSignal) => joined.siblings(index, signal) };
  });
}

/** A disk that several hold; the last one to close it closes it. */
class SharedDisk {
  readonly unavailable: string | undefined;
  readonly #disk: TreeDisk;
  #opening: Promise<Disk> | undefined;
  #holders = 0;

  constructor(disk: TreeDisk) {
    this.#disk = disk;
    this.unavailable = disk.unavailable;
  }

  /** A failure is forgotten, so that the next one tries again. */
  async hold(signal?: AbortSignal): Promise<Disk> {
    this.#holders++;
    this.#opening ??= this.#disk.open(signal);
    const opening = this.#opening;
    try {
      const disk = await opening;
      return withClose(disk, () => this.#release(disk));
    } catch (error) {
      this.#holders--;
      if (this.#opening === opening) this.#opening = undefined;
      throw error;
    }
  }

  async #release(disk: Disk): Promise<void> {
    if (--this.#holders > 0) return;
    this.#opening = undefined;
    await disk.close();
  }
}

interface JoinedDisk {
  readonly name: string;
  readonly shared: SharedDisk;
}

class JoinedDisks {
  readonly #disks: readonly JoinedDisk[];
  readonly #keys: KeyRing | undefined;
  #assembling: Promise<ReadonlyMap<number, Disk>> | undefined;
  /** Held for the disk of that index. */
  readonly #siblings = new Map<number, readonly Disk[]>();
  #holders = 0;

  constructor(disks: readonly JoinedDisk[], keys: KeyRing | undefined) {
    this.#disks = disks;
    this.#keys = keys;
  }

  /** Closing the disk gives back its siblings, too. */
  async open(index: number, signal?: AbortSignal): Promise<Disk> {
    const disk = await this.#open(index, signal);
    return withClose(disk, async () => {
      const siblings = this.#siblings.get(index) ?? [];
      this.#siblings.delete(index);
      await closeAll([...siblings, disk]);
    });
  }

  /** What cannot be read now is left out: its own directory says why. */
  async siblings(index: number, signal?: AbortSignal): Promise<SiblingDisk[]> {
    const found: SiblingDisk[] = [];
    for (const [position, { shared }] of this.#disks.entries()) {
      if (position === index || shared.unavailable !== undefined) continue;
      try {
        const disk = await this.#open(position, signal);
        this.#siblings.set(index, [...(this.#siblings.get(index) ?? []), disk]);
        found.push({ position, disk });
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof VmfrError) || (error instanceof SourceError && error.retryable)) throw error;
      }
    }
    return found;
  }

  async #open(index: number, signal?: AbortSignal): Promise<Disk> {
    const { shared } = this.#disks[index] as JoinedDisk;
    const alone = await shared.hold(signal);
    if (!holdsContainers(alone)) return alone;
    try {
      const assembled = await this.#holdAssembled(index, signal);
      if (assembled === undefined) return alone;
      await alone.close();
      return assembled;
    } catch (error) {
      await alone.close();
      throw error;
    }
  }

  /** Undefined for a disk that could not be read when the others were assembled, and can by now. */
  async #holdAssembled(index: number, signal?: AbortSignal): Promise<Disk | undefined> {
    this.#holders++;
    this.#assembling ??= this.#assemble(signal);
    const assembling = this.#assembling;
    try {
      const assembled = await assembling;
      const disk = assembled.get(index);
      if (disk !== undefined) return withClose(disk, () => this.#release(assembled));
      await this.#release(assembled);
      return undefined;
    } catch (error) {
      this.#holders--;
      if (this.#assembling === assembling) this.#assembling = undefined;
      throw error;
    }
  }

  async #release(assembled: ReadonlyMap<number, Disk>): Promise<void> {
    if (--this.#holders > 0) return;
    this.#assembling = undefined;
    await closeAll([...assembled.values()]);
  }

  async #assemble(signal?: AbortSignal): Promise<ReadonlyMap<number, Disk>> {
    const held = new Map<number, Disk>();
    const warnings: string[] = [];
    try {
      for (const [index, { name, shared }] of this.#disks.entries()) {
        const reason = shared.unavailable ?? (await holdInto(held, index, shared, signal));
        if (reason !== undefined)
          warnings.push(`disk ${name}, which may hold a part of a volume, cannot be read: ${reason}`);
      }
      const named = [...held].map(([index, disk]) => ({ name: (this.#disks[index] as JoinedDisk).name, disk }));
      const keys = this.#keys;
      const assembled = await assembleDisks(named, { ...(keys && { keys }), ...(signal && { signal }) });
      return new Map([...held.keys()].map((index, at) => [index, withWarnings(assembled[at] as Disk, warnings)]));
    } catch (error) {
      await closeAll([...held.values()]);
      throw error;
    }
  }
}

/** What is wrong with the disk if it stays closed. @throws SourceError when it may pass, and the signal's reason */
async function holdInto(
  held: Map<number, Disk>,
  index: number,
  shared: SharedDisk,
  signal?: AbortSignal,
): Promise<string | undefined> {
  try {
    held.set(index, await shared.hold(signal));
    return undefined;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof SourceError && error.retryable) throw error;
    return describeError(error);
  }
}

function withWarnings(disk: Disk, warnings: readonly string[]): Disk {
  if (!holdsParts(disk)) return disk;
  return { ...disk, table: { ...disk.table, warnings: [...disk.table.warnings, ...warnings] } };
}

/** Volumes inside volumes are the ones that have device files of their own. */
function holdsParts({ volumes }: Disk): boolean {
  return volumes.some(({ devices }) => devices !== undefined);
}

/** Closing twice is closing once. */
function withClose({ image, source, table, volumes }: Disk, close: () => Promise<void>): Disk {
  let closing: Promise<void> | undefined;
  return {
    image,
    source,
    table,
    volumes,
    close() {
      closing ??= close();
      return closing;
    },
  };
}

async function closeAll(disks: readonly Disk[]): Promise<void> {
  await Promise.all(disks.map((disk) => disk.close()));
}
