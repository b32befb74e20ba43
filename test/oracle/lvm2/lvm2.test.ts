import { expect, test } from "vitest";
import { type ApplianceRecipe, imagesFromAppliance } from "../../setup/appliance.ts";
import { tally } from "../../setup/tally.ts";
import { describeVolumes, innerVolumes, sha256Of, withAssembledImages } from "./assembled.ts";
import { RAID, SERVER, THIN, TWO_DISKS } from "./recipes.ts";

test.each([TWO_DISKS, SERVER, THIN])(
  "$name: every logical volume as its own kernel reads it",
  async (recipe: ApplianceRecipe) => {
    const { disks: images, devices } = await imagesFromAppliance(recipe);
    expect(devices.size).toBeGreaterThan(2);
    await withAssembledImages(images, async (disks) => {
      const volumes = innerVolumes(disks);
      for (const [device, expected] of devices) {
        const source = volumes.get(device)?.source;
        if (source === undefined) throw new Error(`${device} is not found`);
        expect({ device, size: source.size, sha256: await sha256Of(source) }).toEqual({ device, ...expected });
        // Neither a multiple of the stripes nor of the extents.
        expect(await sha256Of(source, 3000 * 7)).toBe(expected.sha256);
      }
    });
    tally("LVM2 logical volumes equal to the kernel's", devices.size);
  },
);

test("the disks of a server: what holds what is said, and shown under the first disk", async () => {
  const { disks: images } = await imagesFromAppliance(SERVER);
  await withAssembledImages(images, async (disks) => {
    expect(disks.map(describeVolumes)).toEqual([
      [
        "1-empty: empty: zeros at its start and end",
        "2-boot: ext4",
        "3-lvm2: LVM2 physical volume of volume group ubuntu-vg",
        "ubuntu--vg-ubuntu--lv: ext4",
        "ubuntu--vg-home: ext4",
        "ubuntu--vg-swap: swap space",
      ],
      ["whole-lvm2: LVM2 physical volume of volume group ubuntu-vg, shown under disk0"],
      ["whole-data: ext4"],
    ]);
    expect(disks.map(({ table }) => table.warnings)).toEqual([[], [], []]);
  });
});

test("a missing physical volume takes only those volumes with it that lie on it", async () => {
  const { disks: images, devices } = await imagesFromAppliance(TWO_DISKS);
  await withAssembledImages(images.slice(0, 1), async (disks) => {
    const volumes = innerVolumes(disks);
    const missing = /^physical volume [\w-]{38} is missing, which the guest last saw as \/dev\/sdb/;
    for (const name of ["over-both", "striped"]) {
      const content = volumes.get(`/dev/my-vg.0/${name}`)?.content;
      expect(content).toMatchObject({ kind: "unreadable", reason: expect.stringMatching(missing) });
    }
    for (const name of ["on-first", "behind"]) {
      const device = `/dev/my-vg.0/${name}`;
      expect(await sha256Of((volumes.get(device) ?? expect.fail()).source)).toBe(devices.get(device)?.sha256);
    }
    expect(disks[0]?.table.warnings).toEqual([
      expect.stringMatching(/^volume group my-vg\.0: physical volume [\w-]{38} is missing$/),
    ]);
  });
});

test("the same group from two backups side by side: each has its own volumes", async () => {
  const { disks: images, devices } = await imagesFromAppliance(TWO_DISKS);
  await withAssembledImages(images, async (whole) => {
    await withAssembledImages(images.slice(1), async (half) => {
      const [device, expected] = [...devices].find(([name]) => name.endsWith("/on-first")) ?? expect.fail();
      expect(innerVolumes(half).get(device)?.content.kind).toBe("unreadable");
      expect(await sha256Of((innerVolumes(whole).get(device) ?? expect.fail()).source)).toBe(expected.sha256);
    });
  });
});

test("a copy of a disk beside its original: nobody can say which one the guest used", async () => {
  const { disks: images } = await imagesFromAppliance(TWO_DISKS);
  await withAssembledImages([...images, images[1] as string], async (disks) => {
    expect(innerVolumes(disks).get("/dev/my-vg.0/striped")?.content).toMatchObject({ kind: "unreadable" });
    expect(innerVolumes(disks).get("/dev/my-vg.0/behind")?.content).not.toMatchObject({
      reason: expect.anything(),
      container: "lvm2",
    });
    expect(describeVolumes(disks[1] ?? expect.fail())).toEqual([expect.stringContaining("none of its copies is used")]);
    expect(disks[0]?.table.warnings).toEqual([expect.stringContaining("is there 2 times, none is used")]);
  });
});

test("RAID levels, mirrors and a cache that writes through; one that writes back is refused by name", async () => {
  const { disks: images, devices } = await imagesFromAppliance(RAID);
  await withAssembledImages(images, async (disks) => {
    const volumes = innerVolumes(disks);
    const read = [...devices].filter(([device]) => device !== "/dev/vg/back");
    for (const [device, { sha256 }] of read) {
      const { source, content } = volumes.get(device) ?? expect.fail(device);
      const found = await sha256Of(source).catch(() => content);
      expect({ device, found }).toEqual({ device, found: sha256 });
    }
    expect(volumes.get("/dev/vg/back")?.content).toMatchObject({
      reason: expect.stringContaining("cache in writeback mode"),
    });
    tally("LVM2 logical volumes equal to the kernel's", read.length);
  });
});

test("with a disk missing, mirrors are read from the other leg, and stripes are named", async () => {
  const { disks: images, devices } = await imagesFromAppliance(RAID);
  const readable = new Set<string>();
  for (const missing of images) {
    await withAssembledImages(
      images.filter((image) => image !== missing),
      async (disks) => {
        for (const [device, { source, content }] of innerVolumes(disks)) {
          if (content.kind === "unreadable" && content.what === "unreadable volume") continue;
          expect(await sha256Of(source), device).toBe(devices.get(device)?.sha256);
          readable.add(device);
        }
      },
    );
  }
  expect([...readable]).toEqual(expect.arrayContaining(["/dev/vg/raid1", "/dev/vg/raid10"]));
});
