/** Which partition has which drive letter: `HKLM\SYSTEM\MountedDevices`. */
import { Cursor } from "../../../bytes/cursor.ts";
import type { Partition } from "../../disk.ts";
import { formatGuid } from "../../filesystem/uuid.ts";
import type { RegistryHive } from "./registry-hive.ts";

/** How Windows knows a partition again; disk numbers and letters of devices it does not trust. */
export type DeviceIdentity =
  /** `signature` as eight hexadecimal digits, `offset` in bytes from the start of the disk. */
  | { readonly scheme: "mbr"; readonly signature: string; readonly offset: bigint }
  | { readonly scheme: "gpt"; readonly partition: string };

export interface MountedDevice {
  /** `A` to `Z`. */
  readonly letter: string;
  readonly device: DeviceIdentity;
}

const LETTER = /^\\DosDevices\\([A-Z]):$/i;
const GPT_PREFIX = Buffer.from("DMIO:ID:", "latin1");
const GUID = 16;
const MBR_LENGTH = 12;
/** Values looked at: two for each volume the machine ever had. */
const MOST_VALUES = 10_000;

/** Letters of removable and dynamic disks, which name no partition, are left out. @throws CorruptDataError, SourceError */
export async function readMountedDevices(hive: RegistryHive, signal?: AbortSignal): Promise<MountedDevice[]> {
  const key = await hive.key("MountedDevices", signal);
  const devices: MountedDevice[] = [];
  if (key === undefined) return devices;
  let seen = 0;
  for await (const value of key.values(signal)) {
    if (++seen > MOST_VALUES) break;
    const letter = LETTER.exec(value.name)?.[1]?.toUpperCase();
    if (letter === undefined) continue;
    const device = parseDeviceIdentity(await value.data(signal));
    if (device !== undefined) devices.push({ letter, device });
  }
  return devices.sort((left, right) => (left.letter < right.letter ? -1 : 1));
}

/** Pure; undefined for what names no partition. */
export function parseDeviceIdentity(data: Uint8Array): DeviceIdentity | undefined {
  const prefix = data.subarray(0, GPT_PREFIX.length);
  if (data.length === GPT_PREFIX.length + GUID && GPT_PREFIX.equals(prefix)) {
    return { scheme: "gpt", partition: formatGuid(data.subarray(GPT_PREFIX.length)) };
  }
  if (data.length !== MBR_LENGTH) return undefined;
  const cursor = new Cursor(data, { format: "registry hive", structure: "MountedDevices" });
  const signature = cursor.u32le(0).toString(16).padStart(8, "0");
  return { scheme: "mbr", signature, offset: cursor.u64leBig(4) };
}

export function isPartition(device: DeviceIdentity, { uuid, offset }: Partition): boolean {
  if (uuid === undefined) return false;
  if (device.scheme === "gpt") return uuid.toLowerCase() === device.partition;
  // The UUID that Linux makes up for an MBR partition: the disk's signature and the partition's number.
  return (
    BigInt(offset) === device.offset && uuid.toLowerCase().startsWith(`${device.signature}-`) && uuid.length === 11
  );
}
