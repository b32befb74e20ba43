/** A Windows machine's own view of its disks: a directory for each drive letter. */
import { nameFromText } from "../../../bytes/byte-name.ts";
import type { FileSystem } from "../../filesystem/file-system.ts";
import type { FoundVolume, Guest } from "../find-guest.ts";
import { DriveLetters } from "./drive-letters.ts";
import { type DeviceIdentity, isPartition, type MountedDevice } from "./mounted-devices.ts";
import { readWindowsRegistry, type WindowsRegistry } from "./windows-registry.ts";

/**
 * @param own volumes of the disk that holds Windows; alone on it, Windows needs no letter
 * @param system the one of them that holds Windows
 * @param others those of the other disks; asked for only when a letter means none of `own`
 * @returns without a root when the registry does not say which letters the volumes have
 * @throws SourceError when it may pass, and the signal's reason
 */
export async function windowsGuest(
  own: readonly FoundVolume[],
  system: FoundVolume,
  others: () => Promise<readonly FoundVolume[]>,
  signal?: AbortSignal,
): Promise<Guest> {
  const registry = await readWindowsRegistry(system.fileSystem, signal);
  const { operatingSystem, devices } = registry;
  if (own.length === 1) return { root: system.fileSystem, mounts: [], operatingSystem, notes: registry.notes };
  const isElsewhere = devices.some(({ device }) => !own.some((volume) => isMeant(device, volume)));
  const lettered = volumesByLetter(isElsewhere ? [...own, ...(await others())] : own, devices);
  const notes = [...registry.notes, ...addSystemDrive(lettered, system.fileSystem, registry)];
  if (lettered.size === 0) return { mounts: [], operatingSystem, notes };
  const drives = new Map([...lettered].sort(([left], [right]) => (left < right ? -1 : 1)));
  const root = new DriveLetters([...drives.keys()], await system.fileSystem.stat(system.fileSystem.root, signal));
  const mounts = [...drives].map(([letter, fileSystem]) => ({ path: nameFromText(`/${letter}`), fileSystem }));
  return { root, mounts, drives, operatingSystem, notes };
}

/** An identity that two volumes have (a cloned partition) does not say which one is meant. */
function volumesByLetter(volumes: readonly FoundVolume[], devices: readonly MountedDevice[]): Map<string, FileSystem> {
  const lettered = new Map<string, FileSystem>();
  for (const { letter, device } of devices) {
    const [only, ...more] = volumes.filter((volume) => isMeant(device, volume));
    if (only !== undefined && more.length === 0 && !lettered.has(letter)) lettered.set(letter, only.fileSystem);
  }
  return lettered;
}

function isMeant(device: DeviceIdentity, { volume: { partition } }: FoundVolume): boolean {
  return partition !== undefined && isPartition(device, partition);
}

/** Windows knows the letter of its own volume in a second way, should MountedDevices not name it. Returns notes. */
function addSystemDrive(
  lettered: Map<string, FileSystem>,
  fileSystem: FileSystem,
  { systemDrive }: WindowsRegistry,
): string[] {
  if ([...lettered.values()].includes(fileSystem)) return [];
  if (systemDrive !== undefined && !lettered.has(systemDrive)) {
    lettered.set(systemDrive, fileSystem);
    return [`the registry's MountedDevices does not name the volume of Windows, by its own account ${systemDrive}:`];
  }
  return ["the registry does not say which drive letter the volume of Windows has"];
}
