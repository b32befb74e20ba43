import { beforeAll, expect, test } from "vitest";
import { openExt4 } from "../../../src/disk/filesystem/ext4/ext4-file-system.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { compareReplays } from "../listing/busy-image.ts";
import type { ListingEntry, ListingField } from "../listing/listing-entry.ts";
import { DIRTY_RECIPES, dirtyCopies } from "./dirty-images.ts";
import { EXT4_PACKAGES } from "./images.ts";

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
  const replays = await compareReplays(await dirtyCopies(recipe, scratchDirectory(), ROUNDS), {
    format: "ext4",
    open: (source) => openExt4(source),
    mount: recipe.mount ?? "",
    ...(recipe.workload === "fsync" ? { ignore: redoneByTheKernel } : {}),
  });
  expect(replays.length).toBeGreaterThan(0);
  if (recipe.workload === "fsync") expect(replays.join()).toContain("fast commit");
});
