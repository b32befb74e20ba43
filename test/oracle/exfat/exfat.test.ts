import { beforeAll, expect, test } from "vitest";
import { openExfat } from "../../../src/disk/filesystem/exfat/exfat-file-system.ts";
import { FileSource } from "../../../src/source/file-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { runTool } from "../../setup/run-tool.ts";
import { tally } from "../../setup/tally.ts";
import { asSleuthKit, compareWithSleuthKit } from "../fat/sleuth-kit.ts";
import { compareListings, requireEqual } from "../listing/compare-listings.ts";
import { walkChecked } from "../listing/kernel-oracle.ts";
import { exfatFuseListing, unknownToExfatFuse } from "./exfat-fuse-oracle.ts";
import { EXFAT_PACKAGES, EXFAT_RECIPES, makeExfatImage } from "./images.ts";

beforeAll(() => requireDebianPackages(...EXFAT_PACKAGES));

test.each(EXFAT_RECIPES)("$name: every entry as exfat-fuse and Sleuth Kit see it", async (recipe) => {
  const image = await makeExfatImage(recipe);
  const source = await FileSource.open(image);
  try {
    const fileSystem = await openExfat(source);
    expect(fileSystem.info()).toMatchObject({
      blockSize: recipe.clusterSize,
      consistency: { state: "clean" },
      warnings: [],
    });
    const printed = await runTool("blkid", ["-o", "export", "-p", image]);
    expect(printed).toContain(`\nUUID=${fileSystem.info().uuid}\n`);
    expect(fileSystem.info().label).toBe(recipe.mkfs[0] === "-L" ? recipe.mkfs[1] : undefined);
    const listing = await walkChecked(fileSystem);
    const expected = await exfatFuseListing(image, recipe.sectorSize);
    const comparison = compareListings(listing, expected, { ignore: unknownToExfatFuse });
    requireEqual(recipe.name, comparison);
    tally("exFAT entries equal to exfat-fuse's", comparison.equal);
    tally(
      "exFAT entries equal to Sleuth Kit's",
      await compareWithSleuthKit(image, listing, (entry) => {
        const { type, size, mtime, atime, birthtime } = asSleuthKit(entry);
        // Sleuth Kit leaves out the hundredths that tell odd seconds from even ones.
        const even = (time: number) => time - (time % 2);
        return { type, size, mtime: even(mtime), atime: even(atime), birthtime: even(birthtime) };
      }),
    );
  } finally {
    await source.close();
  }
});
