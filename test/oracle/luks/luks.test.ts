import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Disk } from "../../../src/disk/disk.ts";
import type { KeyRing } from "../../../src/disk/volume/luks/key-ring.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { imagesFromAppliance } from "../../setup/appliance.ts";
import { tally } from "../../setup/tally.ts";
import { describeVolumes, innerVolumes, sha256Of, withAssembledImages } from "../lvm2/assembled.ts";
import { keyRing, withContainer } from "./open-container.ts";
import { CONTAINERS, OTHER_PASSPHRASE, PASSPHRASE, uuidOf } from "./recipes.ts";

async function withContainers(keys: KeyRing | undefined, work: (disks: readonly Disk[]) => Promise<void>) {
  const { disks } = await imagesFromAppliance(CONTAINERS);
  await withAssembledImages(disks, work, keys === undefined ? {} : { keys });
}

test("every container, and every logical volume in one, as its own kernel reads it", async () => {
  const { devices } = await imagesFromAppliance(CONTAINERS);
  expect(devices.size).toBe(15);
  await withContainers(keyRing("wrong", PASSPHRASE, OTHER_PASSPHRASE), async (disks) => {
    const volumes = innerVolumes(disks);
    for (const [device, expected] of devices) {
      const { source } = volumes.get(device) ?? expect.fail(`${device} is not in ${[...volumes.keys()]}`);
      expect({ device, size: source.size, sha256: await sha256Of(source) }).toEqual({ device, ...expected });
      // Not a multiple of the sectors.
      expect(await sha256Of(source, 3000 * 7)).toBe(expected.sha256);
    }
  });
  tally("LUKS volumes equal to the kernel's", devices.size);
}, 120_000);

test("without a passphrase, or with wrong ones, a volume says so and hides nothing else", async () => {
  const server = "whole-lvm2: LVM2 physical volume of volume group outer";
  const names = Array.from({ length: 9 }, (_, index) => `${index + 1}-luks`);
  for (const [keys, reason] of [
    [undefined, "encrypted; give the passphrase with --passphrase-file"],
    [keyRing("wrong", "also wrong"), "no given passphrase opens it"],
  ] as const) {
    await withContainers(keys, async (disks) => {
      expect(disks.map(describeVolumes)).toEqual([
        names.map((name) => `${name}: ${reason}`),
        [`whole-luks: ${reason}`],
        ["1-boot: ext4", `2-luks: ${reason}`],
        [`whole-luks: ${reason}`],
        [server, `outer-sealed: ${reason}`],
      ]);
    });
  }
});

test("what the containers hold: file systems, LVM2 over two of them, one on a logical volume", async () => {
  await withContainers(keyRing(PASSPHRASE), async (disks) => {
    const opened = (number: number, version = 2) => `LUKS${version} encryption of luks-${uuidOf(number)}`;
    const group = "LVM2 physical volume of volume group rhel";
    expect(disks.slice(1).map(describeVolumes)).toEqual([
      [`whole-luks: ${opened(10)}`, `luks-${uuidOf(10)}: ext4`],
      ["1-boot: ext4", `2-luks: ${opened(11)}`, `luks-${uuidOf(11)}: ${group}`, "rhel-root: ext4", "rhel-home: ext4"],
      [`whole-luks: ${opened(12)}`, `luks-${uuidOf(12)}: ${group}, shown under disk2`],
      [
        "whole-lvm2: LVM2 physical volume of volume group outer",
        `outer-sealed: ${opened(13)}`,
        `luks-${uuidOf(13)}: ext4`,
      ],
    ]);
    // Its first keyslot was removed; only the second passphrase is left.
    const [first] = disks;
    expect(describeVolumes(first ?? expect.fail())).toContain("2-luks: no given passphrase opens it");
  });
});

test("a disk whose first header was wiped opens by its second, and says so", async () => {
  const { disks, devices } = await imagesFromAppliance(CONTAINERS);
  const wiped = readFileSync(disks[1] as string).fill(0, 0, 4096);
  await withContainer(new MemorySource(wiped), keyRing(PASSPHRASE), async (source, warnings) => {
    expect(await sha256Of(source)).toBe(devices.get(`/dev/mapper/luks-${uuidOf(10)}`)?.sha256);
    expect(warnings).toEqual([expect.stringMatching(/first copy is damaged, the second is used: .*magic number/)]);
  });
});
