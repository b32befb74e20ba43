/** What the registry of a Windows volume says that matters for showing its disks. */
import { CachedSource } from "../../../source/cached-source.ts";
import type { FileSystem } from "../../filesystem/file-system.ts";
import { openGuestFile, tolerating } from "../guest-file.ts";
import { type OperatingSystem, shownText } from "../operating-system.ts";
import { type MountedDevice, readMountedDevices } from "./mounted-devices.ts";
import { RegistryHive } from "./registry-hive.ts";

const CONFIG = "Windows/System32/config";
const CURRENT_VERSION = "Microsoft\\Windows NT\\CurrentVersion";
/** Windows 11 still calls itself Windows 10; from this build on it is not. */
const FIRST_BUILD_OF_11 = 22_000;

export interface WindowsRegistry {
  readonly operatingSystem: OperatingSystem;
  readonly devices: readonly MountedDevice[];
  /** Letter of the volume that holds Windows, by its own account. */
  readonly systemDrive: string | undefined;
  /** Sentences: what of the registry could not be read, or may be out of date. */
  readonly notes: readonly string[];
}

/** Damage costs what is in the damaged hive. @throws SourceError when it may pass, and the signal's reason */
export async function readWindowsRegistry(fileSystem: FileSystem, signal?: AbortSignal): Promise<WindowsRegistry> {
  const notes: string[] = [];
  const system = await withHive(fileSystem, "SYSTEM", notes, signal, async (hive) => ({
    devices: await readMountedDevices(hive, signal),
    hostName: await readComputerName(hive, signal),
  }));
  const software = await withHive(fileSystem, "SOFTWARE", notes, signal, (hive) => readVersion(hive, signal));
  const { name = "Windows", version } = software ?? {};
  const hostName = system?.hostName;
  return {
    operatingSystem: {
      id: "windows",
      name,
      ...(version === undefined ? {} : { version }),
      ...(hostName === undefined ? {} : { hostName }),
    },
    devices: system?.devices ?? [],
    systemDrive: software?.systemDrive,
    notes,
  };
}

async function withHive<Result>(
  fileSystem: FileSystem,
  name: string,
  notes: string[],
  signal: AbortSignal | undefined,
  work: (hive: RegistryHive) => Promise<Result>,
): Promise<Result | undefined> {
  return tolerating(read, (error) => {
    notes.push(`registry hive ${name} could not be read: ${error.message}`);
  });

  async function read(): Promise<Result | undefined> {
    const file = await openGuestFile(fileSystem, `${CONFIG}/${name}`, signal);
    if (file === undefined) return undefined;
    const cached = new CachedSource(file);
    try {
      const hive = await RegistryHive.open(name, cached, signal);
      if (hive.base.isDirty) {
        notes.push(
          `registry hive ${name} was being written: it is read as it was before, without what ${name}.LOG1 and ${name}.LOG2 hold`,
        );
      }
      return await work(hive);
    } finally {
      await cached.close();
    }
  }
}

/** Of the control set that was in use. */
async function readComputerName(hive: RegistryHive, signal?: AbortSignal): Promise<string | undefined> {
  const select = await hive.key("Select", signal);
  const current = (await (await select?.value("Current", signal))?.data(signal))?.[0];
  if (current === undefined) return undefined;
  const set = `ControlSet${String(current).padStart(3, "0")}`;
  const key = await hive.key(`${set}\\Control\\ComputerName\\ComputerName`, signal);
  return shownText(await (await key?.value("ComputerName", signal))?.text(signal));
}

interface Version {
  readonly name?: string;
  readonly version?: string;
  readonly systemDrive?: string;
}

async function readVersion(hive: RegistryHive, signal?: AbortSignal): Promise<Version> {
  const key = await hive.key(CURRENT_VERSION, signal);
  const text = async (name: string) => shownText(await (await key?.value(name, signal))?.text(signal));
  const product = await text("ProductName");
  const build = await text("CurrentBuild");
  const name = Number(build) >= FIRST_BUILD_OF_11 ? product?.replace(/^Windows 10\b/, "Windows 11") : product;
  const systemDrive = /^([A-Z]):\\/i.exec((await text("SystemRoot")) ?? "")?.[1]?.toUpperCase();
  return {
    ...(name === undefined ? {} : { name }),
    ...(build === undefined ? {} : { version: build }),
    ...(systemDrive === undefined ? {} : { systemDrive }),
  };
}
