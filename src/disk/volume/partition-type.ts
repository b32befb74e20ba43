import type { Partition, VolumeContent } from "../disk.ts";

/** Partition types that hold boot code or nothing at all, and no signature that would tell. */
const WITHOUT_FILES: ReadonlyMap<string, { readonly type: string; readonly what: string }> = new Map([
  ["21686148-6449-6e6f-744e-656564454649", { type: "bios-boot", what: "BIOS boot partition (boot loader code)" }],
  ["9e1a2d38-c612-4316-aa26-8b49521e5a8b", { type: "prep", what: "PowerPC PReP boot partition (boot loader code)" }],
  ["0x41", { type: "prep", what: "PowerPC PReP boot partition (boot loader code)" }],
  ["e3c9e316-0b5c-4db8-817d-f92df00215ae", { type: "reserved", what: "Microsoft reserved partition" }],
]);

/** For content nothing was recognised in: what the partition's type says about it. */
export function contentByPartitionType(
  partition: Partition,
): { readonly type: string; readonly content: VolumeContent } | undefined {
  const known = WITHOUT_FILES.get(partition.type);
  return known === undefined ? undefined : { type: known.type, content: { kind: "no-files", what: known.what } };
}
