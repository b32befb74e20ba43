import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { FileSource } from "../../../src/source/file-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { writeRawDisk } from "./qemu.ts";

beforeAll(() => requireDebianPackages("mount", "util-linux"));

const run = (command: string, ...args: readonly string[]) => execFileSync(command, args, { encoding: "utf8" }).trim();

test.each([512, 513 * 512, 7 * 1024 * 1024])(
  "a block device of %i bytes has the size blockdev tells, and its bytes",
  async (size) => {
    const file = path.join(scratchDirectory(), "disk.raw");
    writeRawDisk(file, size, size);
    const device = run("losetup", "--find", "--show", "--read-only", file);
    try {
      const source = await FileSource.open(device);
      expect(source.size).toBe(Number(run("blockdev", "--getsize64", device)));
      expect(Buffer.compare(await source.read(0, source.size), readFileSync(file))).toBe(0);
      await source.close();
      tally("block devices read like their files", 1);
    } finally {
      run("losetup", "--detach", device);
    }
  },
);
