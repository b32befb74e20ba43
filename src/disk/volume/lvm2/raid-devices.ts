/** The superblocks of LVM's RAID devices, which say which of them are up to date (kernel `drivers/md/dm-raid.c`). Little-endian. */
import { Cursor } from "../../../bytes/cursor.ts";
import { CorruptDataError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";

const MAGIC = 0x64526d44;
const SIZE = 512;
const FIELD = { magic: 0, position: 12, events: 16, failed: 24, recoveryOffset: 32 } as const;
/** All of the device is in sync. */
const COMPLETE = 0xffff_ffff_ffff_ffffn;

export interface RaidDevice {
  readonly image: ByteSource;
  /** Absent where the level keeps no superblocks. */
  readonly meta?: ByteSource;
}

interface Superblock {
  readonly events: bigint;
  readonly failed: bigint;
  readonly recoveryOffset: bigint;
}

/** The images in their order, undefined where missing or behind the others. @throws SourceError */
export async function currentImages(
  devices: readonly (RaidDevice | undefined)[],
  signal?: AbortSignal,
): Promise<(ByteSource | undefined)[]> {
  const superblocks = await Promise.all(
    devices.map((device, position) =>
      device?.meta === undefined ? undefined : readSuperblock(device.meta, position, signal),
    ),
  );
  const known = superblocks.filter((superblock) => superblock !== undefined);
  const latest = known.reduce((events, each) => (each.events > events ? each.events : events), 0n);
  // Bit n: device n failed, says whoever was there to the last.
  const failed = known.reduce((bits, each) => (each.events === latest ? bits | each.failed : bits), 0n);
  return devices.map((device, position) => {
    if (device === undefined || device.meta === undefined) return device?.image;
    const superblock = superblocks[position];
    if (superblock === undefined) return undefined;
    const isCurrent = superblock.events === latest && superblock.recoveryOffset === COMPLETE;
    return isCurrent && ((failed >> BigInt(position)) & 1n) === 0n ? device.image : undefined;
  });
}

async function readSuperblock(
  meta: ByteSource,
  position: number,
  signal?: AbortSignal,
): Promise<Superblock | undefined> {
  const place = { format: "lvm2", structure: `superblock of RAID device ${position}` };
  const cursor = new Cursor(await meta.read(0, Math.min(SIZE, meta.size), signal), place);
  // A device that never joined its array has none.
  if (cursor.u32le(FIELD.magic) !== MAGIC) return undefined;
  if (cursor.u32le(FIELD.position) !== position) throw new CorruptDataError(place, "says that it is another device");
  return {
    events: cursor.u64leBig(FIELD.events),
    failed: cursor.u64leBig(FIELD.failed),
    recoveryOffset: cursor.u64leBig(FIELD.recoveryOffset),
  };
}
