/** Journals that no workload makes: written step by step, or lying on another device. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { openExt4 } from "../../../src/disk/filesystem/ext4/ext4-file-system.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { compareListings, requireEqual } from "../listing/compare-listings.ts";
import { kernelListing, walkChecked } from "../listing/kernel-oracle.ts";
import { EXT4_PACKAGES, formatImage, tool } from "./images.ts";

beforeAll(() => requireDebianPackages(...EXT4_PACKAGES));

test("a journal written by debugfs is replayed as the kernel replays it", async () => {
  const directory = scratchDirectory();
  const image = path.join(directory, "image");
  await formatImage(image, 32, ["-t", "ext4", "-b", "4096", "-J", "size=4"]);
  const payload = path.join(directory, "payload");
  writeFileSync(payload, Buffer.alloc(3 * 4096, "journaled "));
  const file = path.join(directory, "file");
  writeFileSync(file, Buffer.alloc(3 * 4096, "before "));
  await tool("debugfs", "-w", "-R", `write ${file} file`, image);
  const blocks = (await tool("debugfs", "-R", "blocks /file", image)).trim().split(/\s+/).map(Number);
  expect(blocks).toHaveLength(3);
  const commands = path.join(directory, "commands");
  // Three blocks written, the last of them revoked again: it keeps what it had.
  writeFileSync(
    commands,
    ["jo -c", `jw -b ${blocks.join(",")} ${payload}`, `jw -r ${blocks[2]}`, "jc"].map((line) => `${line}\n`).join(""),
  );
  await tool("debugfs", "-w", "-f", commands, image);
  const fileSystem = await openExt4(new MemorySource(Uint8Array.from(readFileSync(image))));
  expect(fileSystem.info().consistency.detail).toBe("journal replayed in memory (2 transactions)");
  const comparison = compareListings(await walkChecked(fileSystem), await kernelListing(image, ""));
  requireEqual("debugfs journal", comparison);
  const entry = await fileSystem.lookup(fileSystem.root, Buffer.from("file"));
  const content = await (await fileSystem.openFile(entry?.node as number)).read(0, 3 * 4096);
  expect(Buffer.from(content.subarray(0, 9)).toString()).toBe("journaled");
  expect(Buffer.from(content.subarray(8192)).includes("before")).toBe(true);
  tally("ext4 entries of dirty images equal to the kernel's after its replay", comparison.equal);
});

test("an external journal is said to be missing, and the disk is shown as it lies", async () => {
  const directory = scratchDirectory();
  const image = path.join(directory, "image");
  await formatImage(image, 16, ["-t", "ext4", "-b", "4096"]);
  // As mke2fs leaves it with -J device=…, which takes block devices only.
  const journalUuid = "0123456789abcdef0123456789abcdef";
  await tool("tune2fs", "-O", "^has_journal", image);
  await tool("debugfs", "-w", "-R", "feature has_journal needs_recovery", image);
  await tool(
    "debugfs",
    "-w",
    "-R",
    `ssv journal_uuid ${journalUuid.replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")}`,
    image,
  );
  await tool("debugfs", "-w", "-R", "ssv journal_dev 0x0801", image);
  const fileSystem = await openExt4(new MemorySource(Uint8Array.from(readFileSync(image))));
  const { consistency } = fileSystem.info();
  expect(consistency.state).toBe("raw");
  expect(consistency.detail).toMatch(/journal lies on another device/);
  expect((await walkChecked(fileSystem)).size).toBe(2);
});
