import { beforeAll, expect, test } from "vitest";
import { openExt4 } from "../../../src/disk/filesystem/ext4/ext4-file-system.ts";
import { FileSource } from "../../../src/source/file-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { requireEqual } from "../listing/compare-listings.ts";
import type { ListingEntry, ListingField } from "../listing/listing-entry.ts";
import { TornTreeError } from "../listing/reference-walk.ts";
import { DIRTY_RECIPES, dirtyCopies } from "./dirty-images.ts";
import { EXT4_PACKAGES } from "./images.ts";
import { compareWithKernel } from "./kernel-oracle.ts";

const ROUNDS = 3;

/**
 * The kernel replays fast commits by doing the operations again: it stamps its own time, allocates directory
 * and extent blocks of its own, and may write zeros where the log says unwritten. Names, content, sizes of
 * files, owners, links and the rest must agree all the same.
 */
const redoneByTheKernel = (entry: ListingEntry): readonly ListingField[] =>
  entry.type === "directory" ? ["mtime", "ctime", "allocated", "size"] : ["mtime", "ctime", "allocated", "data"];

beforeAll(() => requireDebianPackages(...EXT4_PACKAGES));

test.each(DIRTY_RECIPES)("$name: replayed as the kernel replays", async (recipe) => {
  let replayed = 0;
  let fastCommits = 0;
  for (const copy of await dirtyCopies(recipe, scratchDirectory(), ROUNDS)) {
    const source = await FileSource.open(copy);
    try {
      const fileSystem = await openExt4(source);
      const { consistency } = fileSystem.info();
      expect(consistency.state, consistency.detail).not.toBe("raw");
      if (consistency.detail.includes("fast commit")) fastCommits++;
      const comparison = await compareWithKernel(copy, fileSystem, {
        mount: recipe.mount ?? "",
        ...(recipe.workload === "fsync" ? { ignore: redoneByTheKernel } : {}),
      });
      requireEqual(`${recipe.name}, ${consistency.detail}`, comparison);
      tally("ext4 entries of dirty images equal to the kernel's after its replay", comparison.equal);
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
  if (recipe.workload === "fsync") expect(fastCommits).toBeGreaterThan(0);
});
