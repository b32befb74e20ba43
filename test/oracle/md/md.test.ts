import { expect, test } from "vitest";
import { imagesFromAppliance } from "../../setup/appliance.ts";
import { tally } from "../../setup/tally.ts";
import { describeVolumes, innerVolumes, sha256Of, withAssembledImages } from "../lvm2/assembled.ts";
import { ARRAYS } from "./recipes.ts";

/** Arrays over partitions of equal size whose name says the number of the device file. */
const deviceOf = (number: number): string => `/dev/md${number}`;
const nameOf = (number: number, version090: boolean): string =>
  version090 ? deviceOf(number) : `/dev/md/array${number}`;
const VERSION_090 = [3, 5];
/** Over members of different size, of which RAID 0 has a layout that is not read. */
const REFUSED = [12];

test("every array as its own kernel reads it", async () => {
  const { disks: images, devices } = await imagesFromAppliance(ARRAYS);
  await withAssembledImages(images, async (disks) => {
    const volumes = innerVolumes(disks);
    let compared = 0;
    for (const [device, expected] of devices) {
      const number = Number(device.slice("/dev/md".length));
      const found =
        volumes.get(nameOf(number, VERSION_090.includes(number))) ??
        expect.fail(`array ${number} in ${[...volumes.keys()]}`);
      if (REFUSED.includes(number)) {
        expect(found.content).toMatchObject({
          reason: expect.stringContaining("RAID 0 over devices of different size"),
        });
        continue;
      }
      const sha256 = await sha256Of(found.source).catch(() => found.content);
      expect({ number, size: found.source.size, sha256 }).toEqual({ number, ...expected });
      compared++;
    }
    tally("md arrays equal to the kernel's", compared);
    expect(disks[0]?.table.warnings).toEqual([expect.stringContaining("array array11: not all of its 2 devices")]);
  });
});

test("with a disk missing: mirrors are read from what is left, everything else is named", async () => {
  const { disks: images, devices } = await imagesFromAppliance(ARRAYS);
  const mirrors = [1, 2, 3, 6, 7, 8];
  for (const missing of images) {
    await withAssembledImages(
      images.filter((image) => image !== missing),
      async (disks) => {
        for (const number of mirrors) {
          const found = innerVolumes(disks).get(nameOf(number, VERSION_090.includes(number)));
          expect(await sha256Of((found ?? expect.fail()).source), `array ${number}`).toBe(
            devices.get(deviceOf(number))?.sha256,
          );
        }
        expect(disks.flatMap(describeVolumes).filter((line) => line.startsWith("md-array4: md: "))).toHaveLength(1);
      },
    );
  }
  tally("md mirrors equal with a device missing", mirrors.length * images.length);
});
