import { beforeAll, expect, test } from "vitest";
import { openExt4 } from "../../../src/disk/filesystem/ext4/ext4-file-system.ts";
import { FileSource } from "../../../src/source/file-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { requireEqual } from "../listing/compare-listings.ts";
import { compareWithKernel } from "../listing/kernel-oracle.ts";
import { EXT4_PACKAGES, makeImage } from "./images.ts";
import { RECIPES } from "./recipes.ts";

beforeAll(() => requireDebianPackages(...EXT4_PACKAGES));

test.each(RECIPES)("$name: every entry as the kernel's mount shows it", async (recipe) => {
  const image = await makeImage(recipe, scratchDirectory());
  const source = await FileSource.open(image);
  try {
    const fileSystem = await openExt4(source);
    expect(fileSystem.info().consistency.state).toBe("clean");
    const comparison = await compareWithKernel(image, fileSystem);
    requireEqual(recipe.name, comparison);
    tally("ext4 entries equal to the kernel's mount", comparison.equal);
  } finally {
    await source.close();
  }
});
