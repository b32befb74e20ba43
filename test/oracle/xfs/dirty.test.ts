import { beforeAll, expect, test } from "vitest";
import { openXfs } from "../../../src/disk/filesystem/xfs/xfs-file-system.ts";
import { FileSource } from "../../../src/source/file-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { compareWithKernel } from "../ext4/kernel-oracle.ts";
import { requireEqual } from "../listing/compare-listings.ts";
import type { ListingEntry, ListingField } from "../listing/listing-entry.ts";
import { TornTreeError } from "../listing/reference-walk.ts";
import { DIRTY_RECIPES, dirtyCopies } from "./dirty-images.ts";
import { XFS_PACKAGES } from "./images.ts";

const ROUNDS = 2;

/**
 * Once a file was read, the kernel takes its unwritten extents for data, because pages of zeros are cached for
 * them: the second name of a file shows other holes than the first.
 */
const readTwice = (entry: ListingEntry): readonly ListingField[] =>
  entry.type === "file" && entry.links > 1 ? ["data"] : [];

beforeAll(() => requireDebianPackages(...XFS_PACKAGES));

test.each(DIRTY_RECIPES)("$name: replayed as the kernel replays", async (recipe) => {
  let replayed = 0;
  for (const copy of await dirtyCopies(recipe, scratchDirectory(), ROUNDS)) {
    const source = await FileSource.open(copy);
    try {
      const fileSystem = await openXfs(source);
      const { consistency } = fileSystem.info();
      expect(consistency.state, consistency.detail).not.toBe("raw");
      const comparison = await compareWithKernel(copy, fileSystem, { mount: recipe.mount ?? "", ignore: readTwice });
      requireEqual(`${recipe.name}, ${consistency.detail}`, comparison);
      tally("xfs entries of dirty images equal to the kernel's after its replay", comparison.equal);
      if (consistency.state === "replayed") replayed++;
    } catch (error) {
      // A file copied while it is written is no point in time: now and then even the kernel cannot make sense of one.
      if (!(error instanceof TornTreeError)) throw error;
      tally("copies of busy images set aside, because the kernel contradicts itself on them", 1);
    } finally {
      await source.close();
    }
  }
  expect(replayed).toBeGreaterThan(0);
});
