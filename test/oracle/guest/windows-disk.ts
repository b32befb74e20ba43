/** A Windows machine's disk: what starts it, C: with Windows and its registry, D: with data, and links between them. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import {
  binaryValue,
  gptIdentity,
  type KeySpec,
  mbrIdentity,
  numberValue,
  stringValue,
} from "../../fixtures/registry/hive-builder.ts";
import { withNtfsMount } from "../ntfs/images.ts";
import { writeHive } from "./hivex.ts";
import {
  type DiskPartition,
  type PartitionedDisk,
  type PlacedPartition,
  partitionDisk,
  tool,
} from "./partitioned-disk.ts";

const SIGNATURE = "a1b2c3d4";

const LAYOUTS = {
  mbr: {
    label: "dos",
    id: `0x${SIGNATURE}`,
    partitions: [
      { name: "System Reserved", size: 6, type: "7" },
      { name: "C", size: 16, type: "7" },
      { name: "D", size: 8, type: "7" },
    ],
  },
  gpt: {
    label: "gpt",
    id: "11111111-2222-3333-4444-555555555555",
    partitions: [
      { name: "EFI", size: 8, type: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B" },
      { name: "MSR", size: 1, type: "E3C9E316-0B5C-4DB8-817D-F92DF00215AE" },
      { name: "C", size: 16, type: "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7" },
      { name: "Recovery", size: 6, type: "DE94BBA4-06D1-4D40-A16A-BFD50179D6AC" },
      { name: "D", size: 8, type: "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7" },
    ],
  },
} as const satisfies Record<string, { label: string; id: string; partitions: readonly DiskPartition[] }>;

export type WindowsScheme = keyof typeof LAYOUTS;

/** @param breakHive done to the finished SYSTEM hive before it is put into the volume */
export async function makeWindowsDisk(
  directory: string,
  scheme: WindowsScheme,
  breakHive: (file: string) => void = () => undefined,
): Promise<PartitionedDisk> {
  const { label, id, partitions } = LAYOUTS[scheme];
  const disk = partitionDisk(directory, label, id, partitions);
  for (const { name, file } of disk.partitions) {
    if (name === "EFI") tool("mkfs.vfat", ["-n", "EFI", file]);
    else if (name !== "MSR") tool("mkntfs", ["-q", "-F", "-Q", "-T", "-L", name === "D" ? "Daten" : name, file]);
  }
  const system = path.join(directory, "SYSTEM");
  const software = path.join(directory, "SOFTWARE");
  writeHive(system, systemHive(disk.partitions));
  breakHive(system);
  writeHive(software, SOFTWARE);
  await withNtfsMount(fileOf(disk, "C"), "compression", async (mountPoint) => {
    const at = (...names: string[]) => path.join(mountPoint, ...names);
    mkdirSync(at("Windows/System32/config"), { recursive: true });
    tool("cp", [system, software, at("Windows/System32/config")]);
    mkdirSync(at("Users/ann/Documents"), { recursive: true });
    writeFileSync(at("Users/ann/Documents/letter.txt"), "on C:\r\n");
    link(at("Documents and Settings"), "\\??\\C:\\Users", "junction");
    link(at("Users/ann/Archive"), "\\??\\D:\\archive", "junction");
    link(at("Users/ann/report.txt"), "\\??\\d:\\Archive\\2026\\report.txt", "symlink");
    link(at("Users/ann/Gone"), "\\??\\E:\\Users", "junction");
  });
  await withNtfsMount(fileOf(disk, "D"), "compression", async (mountPoint) => {
    const at = (...names: string[]) => path.join(mountPoint, ...names);
    mkdirSync(at("Archive/2026"), { recursive: true });
    writeFileSync(at("Archive/2026/report.txt"), "on D:\r\n");
    // C: has a folder of that name too: taken for one of D:, the link would lead to the wrong place.
    mkdirSync(at("Users"));
    link(at("Archive/People"), "\\??\\C:\\Users", "junction");
  });
  disk.assemble();
  return disk;
}

export function fileOf({ partitions }: PartitionedDisk, name: string): string {
  return partitions.find((partition) => partition.name === name)?.file ?? "";
}

/** Of a real one, the keys that matter here. */
function systemHive(partitions: readonly PlacedPartition[]): KeySpec {
  const devices = partitions
    .filter(({ name }) => name === "C" || name === "D")
    .map(({ name, offset, uuid }) => {
      const identity = uuid === undefined ? mbrIdentity(SIGNATURE, offset) : gptIdentity(uuid);
      return binaryValue(`\\DosDevices\\${name}:`, identity);
    });
  const drive = binaryValue("\\DosDevices\\E:", Buffer.from("\\??\\IDE#CdRomQEMU", "utf16le"));
  const computerName = key("ComputerName", [key("ComputerName", [], [stringValue("ComputerName", "WIN-ANN")])]);
  return key("ROOT", [
    key("ControlSet001", [key("Control", [computerName])]),
    key("MountedDevices", [], [...devices, drive]),
    key("Select", [], [numberValue("Current", 1)]),
  ]);
}

const CURRENT_VERSION = [
  stringValue("ProductName", "Windows Server 2022 Standard"),
  stringValue("CurrentBuild", "20348"),
  stringValue("SystemRoot", "C:\\Windows"),
];
const SOFTWARE = key("ROOT", [key("Microsoft", [key("Windows NT", [key("CurrentVersion", [], CURRENT_VERSION)])])]);

function key(name: string, subkeys: readonly KeySpec[], values: KeySpec["values"] = []): KeySpec {
  return { name, subkeys, values };
}

const JUNCTION_TAG = 0xa000_0003;
const SYMLINK_TAG = 0xa000_000c;

/** [MS-FSCC] sections 2.1.2.4 and 2.1.2.5, given to ntfs-3g as it is to be stored. */
function link(file: string, target: string, kind: "junction" | "symlink"): void {
  const isJunction = kind === "junction";
  if (isJunction) mkdirSync(file);
  else writeFileSync(file, "");
  const substitute = Buffer.from(target, "utf16le");
  const print = Buffer.from(target.replace("\\??\\", ""), "utf16le");
  const places = Buffer.alloc(isJunction ? 8 : 12);
  for (const [index, value] of [0, substitute.length, substitute.length + 2, print.length].entries()) {
    places.writeUInt16LE(value, 2 * index);
  }
  const nul = Buffer.alloc(2);
  const data = Buffer.concat([places, substitute, nul, print, nul]);
  const header = Buffer.alloc(8);
  header.writeUInt32LE(isJunction ? JUNCTION_TAG : SYMLINK_TAG);
  header.writeUInt16LE(data.length, 4);
  const value = `0x${Buffer.concat([header, data]).toString("hex")}`;
  tool("setfattr", ["-h", "-n", "system.ntfs_reparse_data", "-v", value, file]);
}
