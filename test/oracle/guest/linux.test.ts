import { beforeAll, expect, test } from "vitest";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { withLoopMount } from "../../setup/loop-mount.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { contentsOf, contentsOfMount, namesIn, readText, treeOf } from "./guest-tree.ts";
import { makeLinuxDisk } from "./linux-disk.ts";
import { tool } from "./partitioned-disk.ts";

beforeAll(() => requireDebianPackages("fdisk", "dosfstools", "mtools", "e2fsprogs", "mount"), 120_000);

test("a Linux disk with EFI, /boot and root: one tree, and volume by volume", async () => {
  const disk = makeLinuxDisk(scratchDirectory());
  const tree = treeOf(disk.image);
  const [efi, boot, root] = await Promise.all(
    disk.partitions.map(({ file, name }) =>
      withContents(file, name, (directory) => ({
        inTree: contentsOfMount(directory, { efi: "boot/efi/", boot: "boot/", root: "" }[name]),
        alone: contentsOfMount(directory),
      })),
    ),
  );
  const expected = { ...root?.inTree, ...boot?.inTree, ...efi?.inTree };
  expect(await contentsOf(tree, "/vm")).toEqual(expected);
  expect(await readText(tree, "/vm/boot/efi/EFI/debian/grubx64.efi")).toBe("kernel");
  tally("entries of Linux guests, one tree, equal to the kernel's and mtools'", Object.keys(expected).length);
  const names = await namesIn(tree, "/vm.volumes");
  expect(names).toEqual(["1-ESP", "2-ext4", "3-root"]);
  for (const [index, volume] of [efi, boot, root].entries()) {
    expect(await contentsOf(tree, `/vm.volumes/${names[index]}`)).toEqual(volume?.alone);
  }
  const inventory = (await tree.inventory()).backups[0]?.disks[0];
  expect(inventory).toMatchObject({
    operatingSystem: { id: "debian", name: "Debian GNU/Linux 12 (bookworm)", version: "12", hostName: "deb-1" },
    reasons: [],
  });
});

/** The kernel shows what is ext4, mtools what is FAT. */
async function withContents<Result>(file: string, name: string, work: (directory: string) => Result): Promise<Result> {
  if (name !== "efi") return withLoopMount(file, "ro,noload", work);
  const directory = scratchDirectory();
  tool("mcopy", ["-s", "-n", "-i", file, "::/*", directory]);
  return work(directory);
}
