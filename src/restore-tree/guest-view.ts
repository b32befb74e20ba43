/**
 * How a guest's file systems hang together: which one is the root, and which is mounted on which directory.
 * A file system looked at by itself is a view with no mounts.
 */
import type { Disk } from "../disk/disk.ts";
import type { FileSystem, NodeId } from "../disk/filesystem/file-system.ts";
import type { Guest, OtherVolumes } from "../disk/guest/find-guest.ts";

/** A file system together with the key that tells it from every other one in the tree. */
export interface GuestVolume {
  readonly fileSystem: FileSystem;
  /** ASCII; part of every node's identity. */
  readonly key: string;
}

export class GuestView {
  readonly root: GuestVolume;
  /** By drive letter, `A` to `Z`, where the guest has them; each is a directory of the root. */
  readonly drives: ReadonlyMap<string, GuestVolume> | undefined;
  /** Directory inode by volume key -> what is mounted there; a directory has one inode however it is reached. */
  readonly #mounts = new Map<string, Map<NodeId, GuestVolume>>();

  constructor(root: GuestVolume, drives?: ReadonlyMap<string, GuestVolume>) {
    this.root = root;
    this.drives = drives;
  }

  /** The later mount hides the earlier one on the same directory, as it does in the guest. */
  mount(on: GuestVolume, directory: NodeId, volume: GuestVolume): void {
    const onVolume = this.#mounts.get(on.key) ?? new Map<NodeId, GuestVolume>();
    onVolume.set(directory, volume);
    this.#mounts.set(on.key, onVolume);
  }

  mountedOn(on: GuestVolume, directory: NodeId): GuestVolume | undefined {
    return this.#mounts.get(on.key)?.get(directory);
  }
}

/** Finds the guest on a disk, or undefined when no root file system is recognised. */
export type GuestFinder = (disk: Disk, signal?: AbortSignal, others?: OtherVolumes) => Promise<Guest | undefined>;
