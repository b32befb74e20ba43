import { beforeAll, expect, test } from "vitest";
import { openNtfs } from "../../../src/disk/filesystem/ntfs/ntfs-file-system.ts";
import { FileSource } from "../../../src/source/file-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { requireEqual } from "../listing/compare-listings.ts";
import { makeImage, NTFS_PACKAGES } from "./images.ts";
import { compareWithNtfs3g } from "./ntfs-3g-oracle.ts";
import { RECIPES } from "./recipes.ts";

beforeAll(() => requireDebianPackages(...NTFS_PACKAGES));

test.each(RECIPES)("$name: every entry as ntfs-3g shows it", async (recipe) => {
  const image = await makeImage(recipe, scratchDirectory());
  const source = await FileSource.open(image);
  try {
    const fileSystem = await openNtfs(source);
    expect(fileSystem.info().consistency.state).toBe("clean");
    expect(fileSystem.info().blockSize).toBe(recipe.clusterSize);
    const comparison = await compareWithNtfs3g(image, fileSystem);
    requireEqual(recipe.name, comparison);
    tally("ntfs entries equal to ntfs-3g's mount", comparison.equal);
  } finally {
    await source.close();
  }
});
