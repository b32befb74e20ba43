import { closeSync, copyFileSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { NTFS_PACKAGES, withNtfsMount } from "../ntfs/images.ts";
import { type Contents, contentsOf, contentsOfMount, linkTarget, namesIn, readText, treeOf } from "./guest-tree.ts";
import { HIVEX_PACKAGES } from "./hivex.ts";
import { type PartitionedDisk, tool } from "./partitioned-disk.ts";
import { fileOf, makeWindowsDisk, type WindowsScheme } from "./windows-disk.ts";

beforeAll(() => requireDebianPackages(...NTFS_PACKAGES, ...HIVEX_PACKAGES, "fdisk", "dosfstools", "attr"), 120_000);

const contentsByNtfs3g = (disk: PartitionedDisk, name: string, prefix = ""): Promise<Contents> =>
  withNtfsMount(fileOf(disk, name), "ro", async (mountPoint) => contentsOfMount(mountPoint, prefix));

const VOLUMES: Record<WindowsScheme, readonly string[]> = {
  mbr: ["1-System Reserved", "2-C", "3-Daten"],
  gpt: ["1-EFI", "3-C", "4-Recovery", "5-Daten"],
};

test.each<WindowsScheme>(["mbr", "gpt"])("a Windows disk with %s: one tree by drive letters", async (scheme) => {
  const disk = await makeWindowsDisk(scratchDirectory(), scheme);
  const tree = treeOf(disk.image);
  const expected = {
    C: "directory",
    D: "directory",
    ...(await contentsByNtfs3g(disk, "C", "C/")),
    ...(await contentsByNtfs3g(disk, "D", "D/")),
  };
  expect(await contentsOf(tree, "/vm")).toEqual(expected);
  tally("entries of Windows guests, one tree, equal to ntfs-3g's", Object.keys(expected).length);
  const inventory = (await tree.inventory()).backups[0]?.disks[0];
  expect(inventory).toMatchObject({
    state: "available",
    operatingSystem: { id: "windows", name: "Windows Server 2022 Standard", version: "20348", hostName: "WIN-ANN" },
    fileSystems: VOLUMES[scheme].map((volume) => ({ volume, path: `/vm.volumes/${volume}` })),
    reasons: [],
  });
});

test.each<WindowsScheme>(["mbr", "gpt"])("a Windows disk with %s: volume by volume", async (scheme) => {
  const disk = await makeWindowsDisk(scratchDirectory(), scheme);
  const tree = treeOf(disk.image);
  expect(await namesIn(tree, "/vm.volumes")).toEqual(VOLUMES[scheme]);
  for (const volume of VOLUMES[scheme].filter((name) => !name.includes("EFI"))) {
    const name = volume.slice(2).replace("Daten", "D");
    const expected = await contentsByNtfs3g(disk, name);
    expect(await contentsOf(tree, `/vm.volumes/${volume}`)).toEqual(expected);
    tally("entries of Windows guests, volume by volume, equal to ntfs-3g's", Object.keys(expected).length);
  }
});

test("links lead to the drive they name, whatever the case, and nowhere else", async () => {
  const tree = treeOf((await makeWindowsDisk(scratchDirectory(), "mbr")).image);
  expect(await linkTarget(tree, "/vm/C/Documents and Settings")).toBe("Users");
  expect(await linkTarget(tree, "/vm/C/Users/ann/Archive")).toBe("../../../D/archive");
  expect(await linkTarget(tree, "/vm/D/Archive/People")).toBe("../../C/Users");
  expect(await linkTarget(tree, "/vm/C/Users/ann/Gone")).toBe("E:\\Users");
  expect(await readText(tree, "/vm/c/documents and settings/ANN/archive/2026/REPORT.TXT")).toBe("on D:\r\n");
  expect(await readText(tree, "/vm/C/Users/ann/report.txt")).toBe("on D:\r\n");
  expect(await readText(tree, "/vm/D/Archive/People/ann/Documents/letter.txt")).toBe("on C:\r\n");
  await expect(readText(tree, "/vm/C/Users/ann/Gone/x")).rejects.toThrow("no such file");
});

test("drives on another disk of the machine, found by the same letters", async () => {
  const { image, data } = splitDisk(await makeWindowsDisk(scratchDirectory(), "gpt"));
  const tree = treeOf(image, data);
  expect(await namesIn(tree, "/")).toEqual(["vm", "vm2", "vm.volumes"]);
  expect(await namesIn(tree, "/vm")).toEqual(["C", "D"]);
  expect(await readText(tree, "/vm/C/Users/ann/Archive/2026/report.txt")).toBe("on D:\r\n");
  expect(await readText(tree, "/vm2/Archive/2026/report.txt")).toBe("on D:\r\n");
  expect(await namesIn(treeOf(image), "/vm")).toEqual(["C"]);
});

/** D: on a disk of its own; partitions keep their GUIDs. */
function splitDisk({ image }: PartitionedDisk): { readonly image: string; readonly data: string } {
  const data = `${image}.data`;
  copyFileSync(image, data);
  tool("sfdisk", ["-q", "--delete", image, "5"]);
  tool("sfdisk", ["-q", "--delete", data, "1", "2", "3", "4"]);
  return { image, data };
}

test("a hive that cannot be read costs the letters in it, never the volumes", async () => {
  const disk = await makeWindowsDisk(scratchDirectory(), "gpt", (file) => writeFileSync(file, Buffer.alloc(8192)));
  const tree = treeOf(disk.image);
  expect(Object.keys(await contentsOf(tree, "/vm"))).toContain("C/Users/ann/Documents/letter.txt");
  const inventory = (await tree.inventory()).backups[0]?.disks[0];
  expect(inventory?.reasons[0]).toMatch(/^registry hive SYSTEM could not be read: /);
  expect(inventory?.operatingSystem?.name).toBe("Windows Server 2022 Standard");
  expect(await readText(tree, "/vm.volumes/5-Daten/Archive/2026/report.txt")).toBe("on D:\r\n");
});

test("bits of the SYSTEM hive flipped: letters, or a reason why there are none; every volume is there", async () => {
  const directory = scratchDirectory();
  const disk = await makeWindowsDisk(directory, "mbr");
  const original = readFileSync(disk.image);
  const at = original.indexOf(readFileSync(`${directory}/SYSTEM`).subarray(0, 4096));
  expect(at).toBeGreaterThan(0);
  const outcomes = { "both letters": 0, "fewer letters, with a reason": 0, "fewer letters": 0 };
  const LENGTH = 8192;
  for (let round = 0; round < 120; round++) {
    const place = at + ((round * 2_654_435_761) % LENGTH);
    const byte = original[place] ?? 0;
    writeByte(disk.image, place, byte ^ (1 << (round % 8)));
    const tree = treeOf(disk.image);
    const drives = await namesIn(tree, "/vm");
    const volumes = await namesIn(tree, "/vm.volumes");
    expect(volumes).toEqual(VOLUMES.mbr);
    const reasons = (await tree.inventory()).backups[0]?.disks[0]?.reasons ?? [];
    if (drives.join() === "C,D") outcomes["both letters"]++;
    else outcomes[reasons.length > 0 ? "fewer letters, with a reason" : "fewer letters"]++;
    await tree.close();
    writeByte(disk.image, place, byte);
  }
  for (const [outcome, count] of Object.entries(outcomes))
    tally(`Windows disk, one bit of SYSTEM flipped: ${outcome}`, count);
});

function writeByte(file: string, offset: number, byte: number): void {
  const descriptor = openSync(file, "r+");
  writeSync(descriptor, Uint8Array.of(byte), 0, 1, offset);
  closeSync(descriptor);
}
