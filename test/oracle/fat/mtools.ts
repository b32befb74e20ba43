/** What mtools makes of a FAT image, as a listing. */
import { mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { CodePage } from "../../../src/disk/filesystem/fat/code-page.ts";
import { runTool } from "../../setup/run-tool.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import type { Listing, ListingEntry } from "../listing/listing-entry.ts";
import { walkReference } from "../listing/reference-walk.ts";
import type { FatRecipe } from "./recipes.ts";
import { writeSampleTree } from "./sample-tree.ts";

export const FAT_PACKAGES = ["dosfstools", "mtools", "sleuthkit", "python3"] as const;

/** One mtools command on an image. */
export function mtool(command: string, image: string, codePage: CodePage, ...args: readonly string[]): Promise<string> {
  const settings = `${image}.mtoolsrc`;
  writeFileSync(settings, `default_codepage=${codePage}\nmtools_skip_check=1\n`);
  return runTool(command, ["-i", image, ...args], { MTOOLSRC: settings });
}

/** Makes the image of a recipe and returns its file name. Its last file lies in the gaps that deleted ones left. */
export async function makeFatImage(recipe: FatRecipe, directory = scratchDirectory()): Promise<string> {
  const image = path.join(directory, "image");
  writeFileSync(image, "");
  truncateSync(image, recipe.size * 1024);
  await runTool("mkfs.fat", [...recipe.mkfs, image]);
  const tree = path.join(directory, "tree");
  const { clusterSize, codePage } = recipe;
  writeSampleTree(tree, { clusterSize, many: recipe.size < 4000 ? 60 : 300 });
  const copy = (...args: readonly string[]) => mtool("mcopy", image, codePage, "-s", "-m", ...args);
  await copy(...readdirSync(tree).map((name) => path.join(tree, name)), "::");
  await mtool("mmd", image, codePage, "::gaps");
  for (let index = 0; index < 40; index++) {
    writeFileSync(path.join(directory, `gap ${index}`), Buffer.alloc(clusterSize, index));
  }
  await copy(...Array.from({ length: 40 }, (_, index) => path.join(directory, `gap ${index}`)), "::gaps/");
  await mtool("mdel", image, codePage, ...Array.from({ length: 20 }, (_, index) => `::gaps/gap ${index * 2}`));
  await copy(path.join(tree, "sizes", "several-clusters"), "::gaps/fragmented");
  await mtool("mattrib", image, codePage, "+r", "::sizes/size-1");
  await mtool("mattrib", image, codePage, "+h", "+s", "-a", "::sizes/size-512");
  rmSync(tree, { recursive: true });
  return image;
}

const FLAGS: Record<string, string> = { A: "archive", S: "system", H: "hidden", R: "read-only" };

/** Type, size, modification time, attributes and content of everything. */
export async function mtoolsListing(image: string, codePage: CodePage): Promise<Listing> {
  const directory = scratchDirectory();
  await mtool("mcopy", image, codePage, "-s", "-m", "-n", "-Q", "::", directory);
  const copied = await walkReference(directory);
  const flags = new Map<string, string[]>();
  for (const line of (await mtool("mattrib", image, codePage, "-X", "-/", "::")).split("\n")) {
    const [, letters = "", name] = /^([A-Z]*) ?::\/(.+)$/.exec(line) ?? [];
    if (name === undefined) continue;
    const named = [...letters].flatMap((letter) => FLAGS[letter] ?? []).toSorted();
    flags.set(Buffer.from(name).toString("hex"), named);
  }
  const listing = new Map<string, ListingEntry>();
  for (const [at, entry] of copied) listing.set(at, { ...entry, flags: flags.get(at) ?? [] });
  return listing;
}

/** Deeper there is nothing but a directory that leads back to one above it. */
const DEEPEST = 8;

/** The same of a damaged image, one command for each entry: what mtools refuses is shown as refused. No attributes. */
export async function damagedMtoolsListing(image: string, codePage: CodePage): Promise<Listing> {
  const directory = scratchDirectory();
  const refused = new Set<string>();
  const visit = async (at: string, depth: number): Promise<void> => {
    const names = await mtool("mdir", image, codePage, "-b", `::${at}`).catch(() => undefined);
    if (names === undefined || depth === DEEPEST) {
      refused.add(at);
      return;
    }
    for (const [, name = "", isDirectory] of names.matchAll(/^::\/(.*?)(\/?)$/gm)) {
      const copy = path.join(directory, name);
      mkdirSync(path.dirname(copy), { recursive: true });
      if (isDirectory === "") {
        await mtool("mcopy", image, codePage, "-m", "-n", `::/${name}`, copy).catch(() => {
          refused.add(name);
          writeFileSync(copy, "");
        });
      } else {
        mkdirSync(copy, { recursive: true });
        await visit(name, depth + 1);
      }
    }
  };
  await visit("", 0);
  const listing = await walkReference(directory);
  return new Map(
    [...listing].map(([at, entry]) => {
      const isRefused = refused.has(Buffer.from(at, "hex").toString());
      return [at, isRefused ? { ...entry, contentError: "refused by mtools" } : entry];
    }),
  );
}
