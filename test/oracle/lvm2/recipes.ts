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

/**
 * Thin volumes over two disks: written in pieces, copied by snapshots and written again, one on an external
 * origin that is smaller than it, one with some tens of thousands of chunks; and an old-style snapshot.
 */
export const THIN: ApplianceRecipe = {
  name: "lvm2-thin",
  disks: [96, 32],
  script: `
lvm pvcreate -qy /dev/sda /dev/sdb
lvm vgcreate -qs 1M vg /dev/sda /dev/sdb
lvm lvcreate -qy --type thin-pool -i2 -I16k -c 64k -L 48M --poolmetadatasize 4M -n pool vg
lvm lvcreate -qy -T -V 20M -n first vg/pool
lvm lvcreate -qy -T -V 300M -n scattered vg/pool
lvm lvcreate -qy -T -V 8M -n untouched vg/pool
lvm lvcreate -qy -L 5M -n origin vg
pattern origin 5242880 > /dev/vg/origin || true
pattern first 7000000 > /dev/vg/first
lvm lvcreate -qy -n first-snap -kn -s vg/first
pattern second 3000000 | dd of=/dev/vg/first bs=70000 seek=31 conv=notrunc status=none
pattern snap 100000 | dd of=/dev/vg/first-snap bs=1000 seek=5555 conv=notrunc status=none
for n in $(seq 1 7 255); do pattern scatter$n 30000 | dd of=/dev/vg/scattered bs=1M seek=$n conv=notrunc status=none; done
blkdiscard -o 1048576 -l 2097152 /dev/vg/first
lvm lvcreate -qy -s -L 6M -n old-snap vg/origin
pattern changed 900000 | dd of=/dev/vg/origin bs=100000 seek=7 conv=notrunc status=none
pattern insnap 50000 | dd of=/dev/vg/old-snap bs=100000 seek=30 conv=notrunc status=none
sync
report /dev/vg/first /dev/vg/first-snap /dev/vg/scattered /dev/vg/untouched /dev/vg/origin /dev/vg/old-snap
lvm lvcreate -qy -L 3M -n frozen vg
pattern frozen 3145728 > /dev/vg/frozen || true
lvm lvchange -qy -an vg/frozen
lvm lvchange -qy -pr vg/frozen
lvm lvcreate -qy --type thin --thinpool vg/pool -kn -n external vg/frozen
lvm lvchange -qy -ay vg/external && { pattern over 400000 | dd of=/dev/vg/external bs=100000 seek=9 conv=notrunc status=none; sync; report /dev/vg/external; }
lvm vgchange -qan vg || true
`,
};

/** Every RAID level of LVM, the old mirror, and a cache that writes through. */
export const RAID: ApplianceRecipe = {
  name: "lvm2-raid",
  disks: [48, 48, 48, 48, 48],
  script: `
modprobe dm-raid || true
lvm pvcreate -qy /dev/sda /dev/sdb /dev/sdc /dev/sdd /dev/sde
lvm vgcreate -qs 512k vg /dev/sda /dev/sdb /dev/sdc /dev/sdd /dev/sde
make() { name=$1; shift; lvm lvcreate -qy -n $name "$@" vg && pattern $name 4000000 > /dev/vg/$name 2>/dev/null; }
make raid0 --type raid0 -i3 -I16k -L 4M
make raid1 --type raid1 -m1 -L 4M
make raid4 --type raid4 -i3 -I16k -L 4M
for level in la ra ls rs n; do make raid5_$level --type raid5_$level -i3 -I16k -L 4M; done
for level in zr nr nc; do make raid6_$level --type raid6_$level -i3 -I16k -L 4M; done
make raid10 --type raid10 -i2 -m1 -I16k -L 4M
make mirror --type mirror -m1 --mirrorlog core -L 4M
lvm lvcreate -qy -n zeros --type zero -L 2M vg
lvm lvcreate -qy -n cached -L 6M vg /dev/sda
lvm lvcreate -qy --type cache-pool -L 4M -n fast vg /dev/sdb && lvm lvconvert -qy --type cache --cachemode writethrough --cachepool vg/fast vg/cached
pattern cached 4000000 > /dev/vg/cached
lvm lvcreate -qy -n back -L 6M vg /dev/sdc
lvm lvcreate -qy --type cache-pool -L 4M -n fast2 vg /dev/sdd && lvm lvconvert -qy --type cache --cachemode writeback --cachepool vg/fast2 vg/back
sync
for n in $(seq 60); do lvm lvs --noheadings -o sync_percent vg | grep -qE '^ +[0-9]{1,2}\\.' || break; sleep 1; done
lvm lvs -a -o lv_name,segtype,sync_percent vg
report /dev/vg/*
lvm vgchange -qan vg || true
`,
};
