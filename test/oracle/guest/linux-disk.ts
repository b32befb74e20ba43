/** A Linux machine's disk: EFI system partition, /boot and the root, each on a partition of its own. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type PartitionedDisk, partitionDisk, tool } from "./partitioned-disk.ts";

const LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";

export function makeLinuxDisk(directory: string): PartitionedDisk {
  const disk = partitionDisk(directory, "gpt", "99999999-2222-3333-4444-555555555555", [
    { name: "efi", size: 8, type: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B" },
    { name: "boot", size: 16, type: LINUX },
    { name: "root", size: 24, type: LINUX },
  ]);
  const [efi, boot, root] = disk.partitions.map(({ file }) => file) as [string, string, string];
  const tree = path.join(directory, "tree");
  const at = (...names: string[]) => path.join(tree, ...names);
  mkdirSync(at("kernel"), { recursive: true });
  writeFileSync(at("kernel/vmlinuz"), "kernel");
  mkdirSync(at("kernel/efi"));
  tool("mkfs.ext4", ["-q", "-d", at("kernel"), boot]);
  tool("mkfs.vfat", ["-n", "ESP", efi]);
  tool("mmd", ["-i", efi, "::/EFI", "::/EFI/debian"]);
  tool("mcopy", ["-i", efi, at("kernel/vmlinuz"), "::/EFI/debian/grubx64.efi"]);
  const uuid = (file: string) => tool("blkid", ["-o", "value", "-s", "UUID", file]).trim();
  for (const name of ["root/etc", "root/boot", "root/usr/lib", "root/home/ann"])
    mkdirSync(at(name), { recursive: true });
  writeFileSync(at("root/home/ann/letter.txt"), "on the root\n");
  writeFileSync(at("root/etc/hostname"), "deb-1\n");
  const fstab = ["LABEL=root / ext4", `UUID=${uuid(boot)} /boot ext4`, `UUID=${uuid(efi)} /boot/efi vfat umask=0077`];
  writeFileSync(at("root/etc/fstab"), `${fstab.join("\n")}\n`);
  const release = ['PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"', 'VERSION_ID="12"', "ID=debian"];
  writeFileSync(at("root/usr/lib/os-release"), `${release.join("\n")}\n`);
  tool("ln", ["-s", "../usr/lib/os-release", at("root/etc/os-release")]);
  tool("mkfs.ext4", ["-q", "-L", "root", "-d", at("root"), root]);
  disk.assemble();
  return disk;
}
