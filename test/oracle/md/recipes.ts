import type { ApplianceRecipe } from "../../setup/appliance.ts";

/** Partitions 1 to 12 of three disks become arrays, one on each row; then one row's mirror goes on without a leg. */
export const ARRAYS: ApplianceRecipe = {
  name: "md-arrays",
  disks: [100, 100, 104],
  script: `
for m in raid0 raid1 raid10 raid456 linear; do modprobe $m || true; done
for disk in a b c; do
  { echo 'label: gpt'; for n in 1 2 3 4 5 6 7 8 9 10 11; do echo 'size=8M'; done; echo 'size='; } | sed 's/size=$/type=linux/' | sfdisk -q --force /dev/sd$disk; udevadm settle
done
udevadm settle
array() {
  number=$1; shift; row=$1; shift; count=$1; shift; members=""
  for disk in a b c; do [ $count -gt 0 ] && members="$members /dev/sd$disk$row"; count=$((count - 1)); done
  mdadm --create /dev/md$number --run --quiet --homehost=vm --name=array$number "$@" $members < /dev/null || return 0
  pattern array$number 5000000 > /dev/md$number
}
array 1 1 2 --level=1 --raid-devices=2 --metadata=1.2
array 2 2 2 --level=1 --raid-devices=2 --metadata=1.0
array 3 3 2 --level=1 --raid-devices=2 --metadata=0.90
array 4 4 3 --level=0 --raid-devices=3 --metadata=1.1 --chunk=16
array 5 5 2 --level=10 --raid-devices=2 --layout=n2 --metadata=0.90 --chunk=32
array 6 6 3 --level=10 --raid-devices=3 --layout=n2 --chunk=16
array 7 7 3 --level=10 --raid-devices=3 --layout=f2 --chunk=16
array 8 8 3 --level=10 --raid-devices=3 --layout=o2 --chunk=16
array 9 9 2 --level=linear --raid-devices=2
array 10 10 3 --level=5 --raid-devices=3 --chunk=16
array 11 11 2 --level=1 --raid-devices=2 --metadata=1.2
array 12 12 3 --level=0 --raid-devices=3 --chunk=16
for n in $(seq 60); do grep -qE 'resync|recovery' /proc/mdstat || break; sleep 1; done
mdadm /dev/md11 --fail /dev/sda11
pattern later 3000000 > /dev/md11
sync
cat /proc/mdstat
for n in $(seq 12); do [ -b /dev/md$n ] && report /dev/md$n; done
mdadm --stop --scan
`,
};
