import { beforeAll, expect, test } from "vitest";
import { openXfs } from "../../../src/disk/filesystem/xfs/xfs-file-system.ts";
import { FileSource } from "../../../src/source/file-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { requireEqual } from "../listing/compare-listings.ts";
import { compareWithKernel } from "../listing/kernel-oracle.ts";
import { makeImage, XFS_PACKAGES } from "./images.ts";
import { RECIPES } from "./recipes.ts";

beforeAll(() => requireDebianPackages(...XFS_PACKAGES));

test.each(RECIPES)("$name: every entry as the kernel's mount shows it", async (recipe) => {
  const image = await makeImage(recipe, scratchDirectory());
  const source = await FileSource.open(image);
  try {
    const fileSystem = await openXfs(source);
    expect(fileSystem.info().consistency.state).toBe("clean");
    const comparison = await compareWithKernel(image, fileSystem, { mount: recipe.mount ?? "ro" });
    requireEqual(recipe.name, comparison);
    tally("xfs entries equal to the kernel's mount", comparison.equal);
  } finally {
    await source.close();
  }
});
