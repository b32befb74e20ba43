/** One disk of the tree: opened when somebody first looks inside, once, however many look at the same time. */
import type { Disk } from "../disk/disk.ts";
import type { Guest, OtherVolumes } from "../disk/guest/find-guest.ts";
import type { OperatingSystem } from "../disk/guest/operating-system.ts";
import { describeError, PathError, SourceError } from "../errors.ts";
import type { GuestFinder, GuestView, GuestVolume } from "./guest-view.ts";
import { placeMounts } from "./mount-placement.ts";
import type { ResolverLimits } from "./path-resolver.ts";
import type { TreeDisk } from "./tree-backup.ts";
import { DirectoryNames } from "./tree-name.ts";

/** A failure that may pass (a slow bucket) is asked again after this long; any other is final. */
const RETRY_AFTER_MS = 5_000;

/** A file system of an opened disk and its directory name under `<disk>.volumes/`. */
export interface NamedVolume extends GuestVolume {
  readonly name: Uint8Array;
}

export interface OpenedDisk {
  readonly disk: Disk;
  readonly volumes: readonly NamedVolume[];
  /** The guest's own view; absent when no root file system was recognised or there is only one file system. */
  readonly guest: GuestView | undefined;
  /** Absent when none was recognised. */
  readonly operatingSystem: OperatingSystem | undefined;
  /** Sentences: what of the disk cannot be read. */
  readonly reasons: readonly string[];
}

export type DiskState =
  | { readonly kind: "not-opened" }
  | { readonly kind: "available"; readonly opened: OpenedDisk }
  | { readonly kind: "unavailable"; readonly reason: string };

/** Both count from 0. */
export interface DiskPlace {
  readonly backup: number;
  /** Among the disks of its backup. */
  readonly position: number;
}

export interface DiskNames {
  /** Name of the disk's own directory. */
  readonly name: Uint8Array;
  /** Name of the directory with every file system by itself. */
  readonly volumesName: Uint8Array;
}

export interface DiskHandleOptions {
  readonly findGuest: GuestFinder;
  readonly limits: ResolverLimits;
}

export class DiskHandle implements DiskNames {
  readonly disk: TreeDisk;
  readonly name: Uint8Array;
  readonly volumesName: Uint8Array;
  readonly #place: DiskPlace;
  readonly #findGuest: GuestFinder;
  readonly #limits: ResolverLimits;
  readonly #closing = new AbortController();
  #state: DiskState = { kind: "not-opened" };
  #changedAt = new Date();
  #opening: Promise<DiskState> | undefined;
  #retryAt = 0;

  constructor(disk: TreeDisk, place: DiskPlace, names: DiskNames, { findGuest, limits }: DiskHandleOptions) {
    this.disk = disk;
    this.name = names.name;
    this.volumesName = names.volumesName;
    this.#place = place;
    this.#findGuest = findGuest;
    this.#limits = limits;
    if (disk.unavailable !== undefined) this.#fail(disk.unavailable, false);
  }

  get state(): DiskState {
    return this.#state;
  }

  /** When the state last changed. */
  get changedAt(): Date {
    return this.#changedAt;
  }

  /** Never throws for the disk's sake: what went wrong is the state. Rejects only when `signal` aborts. */
  async open(signal?: AbortSignal): Promise<DiskState> {
    if (this.#state.kind === "available") return this.#state;
    if (this.#state.kind === "unavailable" && Date.now() < this.#retryAt) return this.#state;
    // One caller's cancellation must not fail the others, so the opening itself only ends with the tree.
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return signal === undefined ? this.#opening : raceAbort(this.#opening, signal);
  }

  async close(): Promise<void> {
    this.#closing.abort(new PathError("not-found", "the tree", "closed"));
    await this.#opening;
    const state = this.#state;
    this.#fail("the tree is closed", false);
    if (state.kind === "available") await state.opened.disk.close();
  }

  async #open(): Promise<DiskState> {
    try {
      const disk = await this.disk.open(this.#closing.signal);
      try {
        const opened = await this.#look(disk);
        if (isReadable(opened)) {
          this.#change({ kind: "available", opened });
        } else {
          await disk.close();
          this.#fail(opened.reasons.join("; "), false);
        }
      } catch (error) {
        await disk.close();
        throw error;
      }
    } catch (error) {
      this.#fail(describeError(error), error instanceof SourceError && error.retryable);
    }
    return this.#state;
  }

  async #look(disk: Disk): Promise<OpenedDisk> {
    const names = new DirectoryNames();
    const volumes: NamedVolume[] = [];
    const reasons: string[] = [];
    for (const [index, { name, content }] of disk.volumes.entries()) {
      const directory = names.claim(name);
      if (content.kind === "file-system") {
        volumes.push({
          name: directory,
          key: this.#volumeKey(this.#place.position, index),
          fileSystem: content.fileSystem,
        });
      } else if (content.kind === "unreadable") {
        reasons.push(`${name} (${content.what}): ${content.reason}`);
      }
    }
    if (volumes.length === 0 && reasons.length === 0) reasons.push(nothingFound(disk));
    const elsewhere: GuestVolume[] = [];
    const found = volumes.length > 0 ? await this.#find(disk, elsewhere, reasons) : undefined;
    const all = [...volumes, ...elsewhere];
    const several = found !== undefined && all.length > 1;
    const guest = several ? await placeMounts(found, all, this.#limits, reasons) : undefined;
    return { disk, volumes, guest, operatingSystem: found?.operatingSystem, reasons };
  }

  /** Tells a volume from every other one in the tree, from whichever disk one looks at it. */
  #volumeKey(position: number, index: number): string {
    return `${this.#place.backup}.${position}.${index}`;
  }

  /** Collects in `elsewhere` what it hands out; undefined for the only disk of a VM. */
  #otherVolumes(elsewhere: GuestVolume[]): OtherVolumes | undefined {
    const { disk } = this;
    if (disk.siblings === undefined) return undefined;
    return async () => {
      const siblings = (await disk.siblings?.(this.#closing.signal)) ?? [];
      for (const { position, disk: sibling } of siblings) {
        for (const [index, { content }] of sibling.volumes.entries()) {
          if (content.kind !== "file-system") continue;
          elsewhere.push({ key: this.#volumeKey(position, index), fileSystem: content.fileSystem });
        }
      }
      return siblings.flatMap(({ disk: { volumes } }) => volumes);
    };
  }

  /** A guest that cannot be put together is no reason to hide its file systems. */
  async #find(disk: Disk, elsewhere: GuestVolume[], reasons: string[]): Promise<Guest | undefined> {
    try {
      const found = await this.#findGuest(disk, this.#closing.signal, this.#otherVolumes(elsewhere));
      reasons.push(...(found?.notes ?? []));
      return found;
    } catch (error) {
      if (error instanceof SourceError && error.retryable) throw error;
      reasons.push(`the guest's own view could not be put together: ${describeError(error)}`);
      return undefined;
    }
  }

  #fail(reason: string, passing: boolean): void {
    this.#change({ kind: "unavailable", reason });
    this.#retryAt = passing ? Date.now() + RETRY_AFTER_MS : Number.POSITIVE_INFINITY;
  }

  #change(state: DiskState): void {
    this.#state = state;
    this.#changedAt = new Date();
  }
}

/** One that holds nothing has been read as well. */
function isReadable({ disk, volumes }: OpenedDisk): boolean {
  return volumes.length > 0 || disk.volumes.every(({ content }) => content.kind !== "unreadable");
}

function nothingFound({ volumes }: Disk): string {
  const others = volumes.flatMap(({ name, content }) =>
    content.kind === "no-files" ? [`${name}: ${content.what}`] : [],
  );
  return ["no file system found on this disk", ...others].join("; ");
}

async function raceAbort<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted();
  const { promise, reject } = rejection();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function rejection(): { readonly promise: Promise<never>; reject(reason: unknown): void } {
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<never>((_, refuse) => {
    reject = refuse;
  });
  return { promise, reject };
}
