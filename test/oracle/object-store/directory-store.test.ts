import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { SourceError } from "../../../src/errors.ts";
import { DirectoryStore } from "../../../src/object-store/directory-store.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { describeObjectStore } from "./describe-object-store.ts";

describeObjectStore("directory", (directory) => DirectoryStore.open(directory));

test("symbolic links are followed inside the folder and nowhere else", async () => {
  const directory = scratchDirectory();
  const outside = scratchDirectory();
  writeFileSync(path.join(outside, "secret"), "secret");
  mkdirSync(path.join(directory, "real"));
  writeFileSync(path.join(directory, "real/file"), "bytes");
  symlinkSync("real", path.join(directory, "alias"));
  symlinkSync("..", path.join(directory, "real/up"));
  symlinkSync(path.join(outside, "secret"), path.join(directory, "stolen"));
  symlinkSync(outside, path.join(directory, "away"));
  const store = await DirectoryStore.open(directory);
  expect(Buffer.from(await store.get("alias/file")).toString()).toBe("bytes");
  await expect(store.get("stolen")).rejects.toThrow(SourceError);
  await expect(store.get("away/secret")).rejects.toThrow(/leads out of the directory/);
  const keys: string[] = [];
  for await (const item of store.list("")) keys.push(item.type === "object" ? item.key : "");
  expect(keys).toEqual(["alias/file", "real/file"]);
});

test("a missing folder is named", async () => {
  await expect(DirectoryStore.open("/nowhere/at/all")).rejects.toThrow("/nowhere/at/all: cannot be opened (ENOENT)");
});
