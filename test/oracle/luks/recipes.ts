import type { ApplianceRecipe } from "../../setup/appliance.ts";

export const PASSPHRASE = "correct horse";
export const OTHER_PASSPHRASE = "battery staple";

/** Of the container whose number this is; also its name below /dev/mapper. */
export const uuidOf = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;

/**
 * Containers 1 to 9 on partitions of the first disk, one a cipher, format or key derivation; 10 on the whole second
 * disk. A server on the third and fourth: /boot, and LVM2 over one container on each (11, 12). Container 13 on a
 * logical volume of the fifth.
 */
export const CONTAINERS: ApplianceRecipe = {
  name: "luks",
  disks: [220, 24, 64, 32, 32],
  script: `
modprobe dm-crypt || true
uuid() { printf '00000000-0000-4000-8000-%012d' $1; }
format() {
  number=$1; device=$2; shift 2
  printf '${PASSPHRASE}' | cryptsetup luksFormat -q --uuid $(uuid $number) "$@" $device -
  unlock $number $device
}
unlock() { printf '${PASSPHRASE}' | cryptsetup open --key-file=- $2 luks-$(uuid $1); }
add() { device=$1; shift; printf '${OTHER_PASSPHRASE}' > /tmp/other; printf '${PASSPHRASE}' | cryptsetup luksAddKey -q --key-file=- "$@" $device /tmp/other; }
fill() { pattern luks$1 3000000 | dd of=/dev/mapper/luks-$(uuid $1) bs=4096 seek=33 status=none; }
luks1="--type luks1 --pbkdf-force-iterations 1000"
quick="--type luks2 --luks2-keyslots-size 1m --pbkdf pbkdf2 --pbkdf-force-iterations 1000"
argon="--type luks2 --luks2-keyslots-size 1m --pbkdf-force-iterations 4 --pbkdf-memory 128 --pbkdf-parallel 2"
{ echo 'label: gpt'; for n in 1 2 3 4 5 6 7 8 9; do echo 'size=24M'; done; } | sfdisk -q --force /dev/sda
udevadm settle
format 1 /dev/sda1 $luks1 --cipher aes-xts-plain64 --key-size 512
format 2 /dev/sda2 $luks1 --cipher aes-cbc-essiv:sha256 --key-size 256 --hash sha1
add /dev/sda2 --pbkdf-force-iterations 1000
printf '${OTHER_PASSPHRASE}' | cryptsetup luksKillSlot -q --key-file=- /dev/sda2 0
format 3 /dev/sda3 $argon --pbkdf argon2id
format 4 /dev/sda4 $quick --sector-size 4096
format 5 /dev/sda5 $argon --pbkdf argon2i --cipher aes-xts-plain64 --key-size 256 --sector-size 2048
format 6 /dev/sda6 $quick --cipher aes-cbc-plain64 --key-size 256 --hash sha512 --sector-size 1024
format 7 /dev/sda7 $quick --cipher aes-cbc-essiv:sha256 --key-size 128 --label names-it
add /dev/sda7 --unbound --key-size 256 --pbkdf pbkdf2 --pbkdf-force-iterations 1000
format 8 /dev/sda8 $luks1 --cipher aes-xts-plain --key-size 256 --hash ripemd160
format 9 /dev/sda9 $luks1 --cipher aes-cbc-plain --key-size 192 --hash sha512
for number in 1 2 3 4 5 6 7 8 9; do fill $number; done
format 10 /dev/sdb $argon --pbkdf argon2id
mke2fs -q -t ext4 -L secrets /dev/mapper/luks-$(uuid 10)
mkdir -p /tmp/ten && mount /dev/mapper/luks-$(uuid 10) /tmp/ten
echo 'on the whole disk' > /tmp/ten/readme
umount /tmp/ten
printf 'label: gpt\\nsize=8M,type=linux\\ntype=linux\\n' | sfdisk -q --force /dev/sdc
udevadm settle
mke2fs -q -t ext4 -L boot /dev/sdc1
format 11 /dev/sdc2 $argon --pbkdf argon2id --sector-size 4096
format 12 /dev/sdd $quick --sector-size 4096
lvm pvcreate -qy /dev/mapper/luks-$(uuid 11) /dev/mapper/luks-$(uuid 12)
lvm vgcreate -qs 1M rhel /dev/mapper/luks-$(uuid 11) /dev/mapper/luks-$(uuid 12)
lvm lvcreate -qy -n root -l 20 rhel /dev/mapper/luks-$(uuid 11)
lvm lvextend -qy -l +8 rhel/root /dev/mapper/luks-$(uuid 12)
lvm lvcreate -qy -n home -l 12 rhel /dev/mapper/luks-$(uuid 11)
mke2fs -q -t ext4 /dev/rhel/root
mke2fs -q -t ext4 /dev/rhel/home
mkdir -p /tmp/server && mount /dev/rhel/root /tmp/server
mkdir -p /tmp/server/etc /tmp/server/boot /tmp/server/home /tmp/server/srv
echo ID=rhel > /tmp/server/etc/os-release
cat > /tmp/server/etc/fstab <<FSTAB
/dev/mapper/rhel-root / ext4 defaults 0 1
LABEL=boot /boot ext4 defaults 0 2
/dev/mapper/rhel-home /home ext4 defaults 0 2
/dev/mapper/srv_crypt /srv ext4 defaults 0 2
FSTAB
echo "srv_crypt UUID=$(uuid 13) none luks,discard" > /tmp/server/etc/crypttab
pattern big 18000000 > /tmp/server/big
mount /dev/sdc1 /tmp/server/boot && echo kernel > /tmp/server/boot/vmlinuz
mount /dev/rhel/home /tmp/server/home && echo hello > /tmp/server/home/readme
sync
umount -R /tmp/server
lvm pvcreate -qy /dev/sde
lvm vgcreate -qs 1M outer /dev/sde
lvm lvcreate -qy -n sealed -l 24 outer
format 13 /dev/outer/sealed $quick
mke2fs -q -t ext4 -L data /dev/mapper/luks-$(uuid 13)
mkdir -p /tmp/data && mount /dev/mapper/luks-$(uuid 13) /tmp/data
echo rows > /tmp/data/table
umount /tmp/data
sync
report /dev/mapper/luks-* /dev/rhel/root /dev/rhel/home
cryptsetup luksDump /dev/sda7
lvm vgchange -qan rhel
for number in 1 2 3 4 5 6 7 8 9 10 11 12 13; do cryptsetup close luks-$(uuid $number); done
lvm vgchange -qan outer
`,
};
