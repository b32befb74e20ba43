/** What a format of volumes inside volumes (LVM2, md, LUKS) finds, before anybody has looked what they hold. */
import type { Limits } from "../../bytes/limits.ts";
import type { ByteSource } from "../../source/byte-source.ts";
import type { KeyRing } from "./luks/key-ring.ts";

export interface InnerVolume {
  /** Usable as a directory name. */
  readonly name: string;
  /** Device files by which the guest knows it. */
  readonly devices: readonly string[];
  /** Bytes. */
  readonly size: number;
  /** Set where there are no files to look for: `thin pool`. */
  readonly withoutFiles?: string;
  /** @throws VmfrError when it cannot be read; called at most once */
  open(): Promise<ByteSource>;
}

/** Volumes that share the same members. */
export interface VolumeSet {
  /** What a member is, for people: `LVM2 physical volume of volume group vg0`. */
  readonly memberOf: string;
  readonly members: readonly ByteSource[];
  readonly volumes: readonly InnerVolume[];
  /** Sentences: missing or damaged members. */
  readonly warnings: readonly string[];
}

export interface FoundSets {
  readonly sets: readonly VolumeSet[];
  /** What became of members that are part of no set: a sentence, or why they cannot be read. */
  readonly others: ReadonlyMap<ByteSource, { readonly what: string } | { readonly error: unknown }>;
}

export interface FindVolumesOptions {
  readonly limits: Limits;
  /** For encrypted volumes. */
  readonly keys?: KeyRing;
  readonly signal?: AbortSignal;
}
