import { beforeAll, expect, test } from "vitest";
import { makeLinuxDisk } from "../../oracle/guest/linux-disk.ts";
import { makeWindowsDisk } from "../../oracle/guest/windows-disk.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { vmfr } from "../setup/vmfr.ts";

beforeAll(
  () => requireDebianPackages("ntfs-3g", "fuse3", "mount", "python3-hivex", "fdisk", "dosfstools", "mtools", "attr"),
  120_000,
);

async function output(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await vmfr(args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout.toString();
}

const lines = (text: string): string[] => text.trimEnd().split("\n");

test("a Windows disk: by drive letters, volume by volume, and by name", async () => {
  const { image } = await makeWindowsDisk(scratchDirectory(), "gpt");
  const disk = ["--disk", `vm=${image}`];
  expect(lines(await output("ls", ...disk, "/vm"))).toEqual(["C", "D"]);
  expect(lines(await output("ls", ...disk, "/vm.volumes"))).toEqual(["1-EFI", "3-C", "4-Recovery", "5-Daten"]);
  expect(await output("cat", ...disk, "/vm/C/Users/ann/Archive/2026/report.txt")).toBe("on D:\r\n");
  expect(await output("cat", ...disk, "/vm.volumes/5-Daten/Archive/2026/report.txt")).toBe("on D:\r\n");
  expect(await output("inspect", image)).toContain("  system     Windows Server 2022 Standard, 20348, host WIN-ANN\n");
  expect(JSON.parse(await output("inspect", image, "--json"))[0].operatingSystem).toEqual({
    id: "windows",
    name: "Windows Server 2022 Standard",
    version: "20348",
    hostName: "WIN-ANN",
  });
});

test("a Linux disk: as its fstab mounts it, volume by volume, and by name", async () => {
  const { image } = makeLinuxDisk(scratchDirectory());
  const disk = ["--disk", `vm=${image}`];
  expect(lines(await output("ls", ...disk, "/vm/boot/efi/EFI/debian"))).toEqual(["grubx64.efi"]);
  expect(lines(await output("ls", ...disk, "/vm.volumes"))).toEqual(["1-ESP", "2-ext4", "3-root"]);
  expect(await output("cat", ...disk, "/vm/home/ann/letter.txt")).toBe("on the root\n");
  expect(await output("inspect", image)).toContain("  system     Debian GNU/Linux 12 (bookworm), host deb-1\n");
});
