/** A Windows machine's own view of one of its disks: a directory for each drive letter. */
import { nameFromText } from "../../../bytes/byte-name.ts";
import type { FileSystem } from "../../filesystem/file-system.ts";
import type { FoundVolume, Guest } from "../find-guest.ts";
import { DriveLetters } from "./drive-letters.ts";
import { isPartition, type MountedDevice } from "./mounted-devices.ts";
import { readWindowsRegistry, type WindowsRegistry } from "./windows-registry.ts";

/**
 * @param system the volume that holds Windows
 * @returns without a root when the registry does not say which letters the volumes have
 * @throws SourceError when it may pass, and the signal's reason
 */
export async function windowsGuest(
  volumes: readonly FoundVolume[],
  system: FoundVolume,
  signal?: AbortSignal,
): Promise<Guest> {
  const registry = await readWindowsRegistry(system.fileSystem, signal);
  const { operatingSystem } = registry;
  const lettered = volumesByLetter(volumes, registry.devices);
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
    const [only, ...others] = volumes.filter(
      ({ volume: { partition } }) => partition !== undefined && isPartition(device, partition),
    );
    if (only !== undefined && others.length === 0 && !lettered.has(letter)) lettered.set(letter, only.fileSystem);
  }
  return lettered;
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
