import { beforeAll, expect, test } from "vitest";
import { openXfs } from "../../../src/disk/filesystem/xfs/xfs-file-system.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { compareReplays } from "../listing/busy-image.ts";
import type { ListingEntry, ListingField } from "../listing/listing-entry.ts";
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
  const replays = await compareReplays(await dirtyCopies(recipe, scratchDirectory(), ROUNDS), {
    format: "xfs",
    open: (source) => openXfs(source),
    mount: recipe.mount ?? "",
    ignore: readTwice,
  });
  expect(replays.length).toBeGreaterThan(0);
});
