import type { ApplianceRecipe } from "../../setup/appliance.ts";

/**
 * Linear, striped and awkwardly named volumes over two disks, one of them a partition; metadata written often
 * enough that the ring has wrapped, by tags of changing length.
 */
export const TWO_DISKS: ApplianceRecipe = {
  name: "lvm2-two-disks",
  disks: [64, 48],
  script: `
printf 'label: gpt\\nsize=8M\\ntype=E6D6D379-F507-44C2-A23C-238F2A3DF928\\n' | sfdisk -q /dev/sda
udevadm settle
lvm pvcreate -qy --metadatasize 60k /dev/sda2
lvm pvcreate -qy --metadatasize 60k --metadatacopies 2 /dev/sdb
lvm vgcreate -qs 1M my-vg.0 /dev/sda2 /dev/sdb
lvm lvcreate -qy -n over-both -l 40 my-vg.0 /dev/sdb
lvm lvextend -qy -l +10 my-vg.0/over-both /dev/sda2
lvm lvcreate -qy -n striped -i2 -I4k -l 6 my-vg.0
lvm lvcreate -qy -n on-first -l 9 my-vg.0 /dev/sda2
lvm lvcreate -qy -n gone -l 2 my-vg.0 /dev/sda2
lvm lvcreate -qy -n behind -l 3 my-vg.0 /dev/sda2
lvm lvremove -qy my-vg.0/gone
lvm lvextend -qy -l +3 my-vg.0/on-first /dev/sda2
for n in 1 2 3 4 5 6 7 8 9; do lvm lvchange -qy --addtag "tag_$(printf 'x%.0s' $(seq $((n * 60))))" my-vg.0/behind; done
lvm lvchange -qy --addtag 'first#last/x=1' my-vg.0/striped
for name in over-both striped on-first behind; do pattern $name 3500000 > /dev/my-vg.0/$name || true; done
sync
report /dev/my-vg.0/*
ls /dev/mapper
lvm vgchange -an my-vg.0
`,
};

/** A server as installers make it: EFI, /boot and LVM on the first disk, the volume group reaching over the second, data on a third. */
export const SERVER: ApplianceRecipe = {
  name: "lvm2-server",
  disks: [96, 48, 16],
  script: `
printf 'label: gpt\\nsize=8M,type=uefi\\nsize=8M,type=linux\\ntype=linux\\n' | sfdisk -q /dev/sda
udevadm settle
mke2fs -q -t ext4 -L boot /dev/sda2
mke2fs -q -t ext4 -L data -U 11111111-2222-3333-4444-555555555555 /dev/sdc
lvm pvcreate -qy /dev/sda3 /dev/sdb
lvm vgcreate -qs 1M ubuntu-vg /dev/sda3 /dev/sdb
lvm lvcreate -qy -n ubuntu-lv -l 40 ubuntu-vg /dev/sdb
lvm lvextend -qy -l +24 ubuntu-vg/ubuntu-lv /dev/sda3
lvm lvcreate -qy -n home -l 16 ubuntu-vg /dev/sda3
lvm lvcreate -qy -n swap -l 4 ubuntu-vg /dev/sda3
mkswap /dev/ubuntu-vg/swap
mke2fs -q -t ext4 /dev/ubuntu-vg/ubuntu-lv
mke2fs -q -t ext4 /dev/ubuntu-vg/home
root=/tmp/server
mkdir -p $root
mount /dev/ubuntu-vg/ubuntu-lv $root
mkdir -p $root/etc $root/boot $root/home $root/srv/data
echo ID=ubuntu > $root/etc/os-release
cat > $root/etc/fstab <<'FSTAB'
/dev/mapper/ubuntu--vg-ubuntu--lv / ext4 defaults 0 1
LABEL=boot /boot ext4 defaults 0 2
/dev/ubuntu-vg/home /home ext4 defaults 0 2
UUID=11111111-2222-3333-4444-555555555555 /srv/data ext4 defaults 0 2
/dev/mapper/ubuntu--vg-swap none swap sw 0 0
FSTAB
pattern big 45000000 > $root/big
mount LABEL=boot $root/boot 2>/dev/null || mount /dev/sda2 $root/boot
echo kernel > $root/boot/vmlinuz
mount /dev/ubuntu-vg/home $root/home
echo hello > $root/home/readme
mount /dev/sdc $root/srv/data
echo rows > $root/srv/data/table
sync
umount -R $root
report /dev/ubuntu-vg/*
lvm vgchange -an ubuntu-vg
`,
};
