import { truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { scratchDirectory } from "../../test/setup/scratch-directory.ts";
import { SourceError } from "../errors.ts";
import { FileSource } from "./file-source.ts";

function file(bytes: Uint8Array): string {
  const name = path.join(scratchDirectory(), "disk.img");
  writeFileSync(name, bytes);
  return name;
}

test("reads ranges and refuses what lies outside", async () => {
  const source = await FileSource.open(file(Buffer.from("0123456789")));
  expect(source.size).toBe(10);
  expect(Buffer.from(await source.read(3, 4)).toString()).toBe("3456");
  expect(await source.read(10, 0)).toHaveLength(0);
  for (const [offset, length] of [
    [-1, 2],
    [9, 2],
    [0.5, 1],
    [0, Number.NaN],
  ] as const) {
    await expect(source.read(offset, length)).rejects.toThrow(SourceError);
  }
  await source.close();
  await source.close();
  await expect(source.read(0, 1)).rejects.toThrow("is closed");
});

test("a file that was cut short names itself and the range", async () => {
  const name = file(new Uint8Array(100));
  const source = await FileSource.open(name);
  truncateSync(name, 60);
  await expect(source.read(50, 20)).rejects.toThrow(/disk\.img: ends at byte 60, before bytes 50 to 70/);
  expect(await source.read(0, 60)).toHaveLength(60);
  await source.close();
});

test("missing files and folders are source errors with their name", async () => {
  await expect(FileSource.open("/nonexistent/a\nb")).rejects.toThrow(
    "/nonexistent/a\\x0ab: cannot be opened (no such file or directory)",
  );
  await expect(FileSource.open(scratchDirectory())).rejects.toThrow("neither a regular file nor a block device");
});

test("an aborted read throws the abort reason", async () => {
  const source = await FileSource.open(file(new Uint8Array(10)));
  await expect(source.read(0, 10, AbortSignal.abort())).rejects.toThrow(/abort/i);
  await source.close();
});
