import { expect, test } from "vitest";
import {
  binaryValue,
  encodeHive,
  gptIdentity,
  type HiveOptions,
  type KeySpec,
  mbrIdentity,
  numberValue,
  stringValue,
} from "../../../../test/fixtures/registry/hive-builder.ts";
import { MemoryFileSystem } from "../../../../test/setup/memory-file-system.ts";
import { MemorySource } from "../../../source/memory-source.ts";
import type { Partition, Volume } from "../../disk.ts";
import { findGuest } from "../find-guest.ts";

const SIGNATURE = "a1b2c3d4";
const GUIDS = [1, 2, 3].map((digit) => `0${digit}234567-89ab-cdef-0123-456789abcde${digit}`);

const systemHive = (devices: readonly (readonly [string, Uint8Array])[]): KeySpec => ({
  name: "ROOT",
  subkeys: [
    {
      name: "ControlSet002",
      subkeys: [
        {
          name: "Control",
          subkeys: [
            {
              name: "ComputerName",
              subkeys: [{ name: "ComputerName", values: [stringValue("ComputerName", "WIN-1")] }],
            },
          ],
        },
      ],
    },
    { name: "MountedDevices", values: devices.map(([name, data]) => binaryValue(name, data)) },
    { name: "Select", values: [numberValue("Current", 2)] },
  ],
});

const softwareHive = (product: string, build: string): KeySpec => ({
  name: "ROOT",
  subkeys: [
    {
      name: "Microsoft",
      subkeys: [
        {
          name: "Windows NT",
          subkeys: [
            {
              name: "CurrentVersion",
              values: [
                stringValue("ProductName", product),
                stringValue("CurrentBuild", build),
                stringValue("SystemRoot", "C:\\Windows"),
              ],
            },
          ],
        },
      ],
    },
  ],
});

const SOFTWARE = encodeHive(softwareHive("Windows Server 2022 Standard", "20348"));

function windowsVolume(system: Uint8Array | undefined, software: Uint8Array | undefined = SOFTWARE): MemoryFileSystem {
  const fileSystem = new MemoryFileSystem("ntfs");
  const windows = fileSystem.directory(fileSystem.root, "Windows");
  const config = fileSystem.directory(fileSystem.directory(windows, "System32"), "config");
  if (system !== undefined) fileSystem.file(config, "SYSTEM", system);
  if (software !== undefined) fileSystem.file(config, "SOFTWARE", software);
  return fileSystem;
}

/** Reserved at 1 MiB, Windows at 2 MiB, data at 3 MiB. */
async function guestOf(windows: MemoryFileSystem, identities: (number: number) => Partial<Partition>) {
  const fileSystems = [new MemoryFileSystem("ntfs"), windows, new MemoryFileSystem("ntfs")];
  const volumes = fileSystems.map((fileSystem, index): Volume => {
    const partition = {
      number: index + 1,
      offset: (index + 1) << 20,
      size: 1 << 20,
      type: "0x07",
      ...identities(index + 1),
    };
    const source = new MemorySource(new Uint8Array(0));
    return { name: `${index + 1}`, partition, source, content: { kind: "file-system", fileSystem } };
  });
  const guest = await findGuest({ volumes });
  const drives = [...(guest?.drives ?? [])].map(([letter, fileSystem]) => {
    return `${letter}=${fileSystems.indexOf(fileSystem as MemoryFileSystem) + 1}`;
  });
  return { guest, drives };
}

const mbr = (number: number) => ({ uuid: `${SIGNATURE}-0${number}` });
const gpt = (number: number) => ({ uuid: GUIDS[number - 1] ?? "" });
const ofMbr = (options?: HiveOptions) =>
  encodeHive(
    systemHive([
      ["\\??\\Volume{0f45-1}", mbrIdentity(SIGNATURE, 1 << 20)],
      ["\\DosDevices\\D:", mbrIdentity(SIGNATURE, 3 << 20)],
      ["\\dosdevices\\c:", mbrIdentity(SIGNATURE, 2 << 20)],
      ["\\DosDevices\\E:", Buffer.from("\\??\\IDE#CdRom", "utf16le")],
      ["\\DosDevices\\F:", mbrIdentity("ffffffff", 2 << 20)],
    ]),
    options,
  );

test("letters by disk signature and offset", async () => {
  const { guest, drives } = await guestOf(windowsVolume(ofMbr()), mbr);
  expect(drives).toEqual(["C=2", "D=3"]);
  expect(guest?.mounts.map(({ path }) => Buffer.from(path).toString())).toEqual(["/C", "/D"]);
  expect(guest?.operatingSystem).toEqual({
    id: "windows",
    name: "Windows Server 2022 Standard",
    version: "20348",
    hostName: "WIN-1",
  });
  expect(guest?.notes).toEqual([]);
});

test("letters by the partition's GUID, whatever the disk", async () => {
  const hive = encodeHive(
    systemHive([
      ["\\DosDevices\\X:", gptIdentity(GUIDS[1] ?? "")],
      ["\\DosDevices\\D:", gptIdentity(GUIDS[2] ?? "")],
    ]),
  );
  expect((await guestOf(windowsVolume(hive), gpt)).drives).toEqual(["D=3", "X=2"]);
});

test("an identity that two volumes have names neither; SystemRoot still says where Windows is", async () => {
  const hive = encodeHive(systemHive([["\\DosDevices\\D:", gptIdentity(GUIDS[1] ?? "")]]));
  const { guest, drives } = await guestOf(windowsVolume(hive), () => gpt(2));
  expect(drives).toEqual(["C=2"]);
  expect(guest?.notes).toEqual([
    "the registry's MountedDevices does not name the volume of Windows, by its own account C:",
  ]);
});

test("Windows 11 is called by its name", async () => {
  const software = encodeHive(softwareHive("Windows 10 Pro", "22631"));
  expect((await guestOf(windowsVolume(ofMbr(), software), mbr)).guest?.operatingSystem?.name).toBe("Windows 11 Pro");
});

test("a hive that was being written gives its letters and a note", async () => {
  const { guest, drives } = await guestOf(windowsVolume(ofMbr({ isDirty: true })), mbr);
  expect(drives).toEqual(["C=2", "D=3"]);
  expect(guest?.notes).toEqual([
    "registry hive SYSTEM was being written: it is read as it was before, without what SYSTEM.LOG1 and SYSTEM.LOG2 hold",
  ]);
});

test("a damaged hive costs what is in it, and says so", async () => {
  const noLetters = await guestOf(windowsVolume(Buffer.alloc(8192)), mbr);
  expect(noLetters.drives).toEqual(["C=2"]);
  expect(noLetters.guest?.operatingSystem?.name).toBe("Windows Server 2022 Standard");
  expect(noLetters.guest?.notes?.[0]).toMatch(/^registry hive SYSTEM could not be read: .*does not begin with regf/);
  const noName = await guestOf(windowsVolume(ofMbr(), Buffer.alloc(8192)), mbr);
  expect(noName.drives).toEqual(["C=2", "D=3"]);
  expect(noName.guest?.operatingSystem).toEqual({ id: "windows", name: "Windows", hostName: "WIN-1" });
  const nothing = await guestOf(windowsVolume(Buffer.alloc(8192), Buffer.alloc(1)), mbr);
  expect(nothing.guest?.root).toBeUndefined();
  expect(nothing.guest?.notes).toHaveLength(3);
});

test("two installations, or one beside a Linux: nobody can say which was booted", async () => {
  const windows = windowsVolume(ofMbr());
  const linux = new MemoryFileSystem("ext4");
  linux.file(linux.directory(linux.root, "etc"), "fstab", "");
  for (const other of [windowsVolume(ofMbr()), linux]) {
    const volumes = [windows, other].map((fileSystem, index): Volume => {
      return {
        name: `${index}`,
        source: new MemorySource(new Uint8Array(0)),
        content: { kind: "file-system", fileSystem },
      };
    });
    expect(await findGuest({ volumes })).toBeUndefined();
  }
});

test("alone on its disk, Windows is shown without a letter", async () => {
  const fileSystem = windowsVolume(ofMbr());
  const volume: Volume = {
    name: "1",
    source: new MemorySource(new Uint8Array(0)),
    content: { kind: "file-system", fileSystem },
  };
  const guest = await findGuest({ volumes: [volume] });
  expect(guest).toMatchObject({ mounts: [], operatingSystem: { id: "windows" }, notes: [] });
  expect(guest?.root).toBe(fileSystem);
  expect(guest?.drives).toBeUndefined();
});
