import { expect, test } from "vitest";
import { MemoryFileSystem } from "../../../test/setup/memory-file-system.ts";
import { CorruptDataError, SourceError } from "../../errors.ts";
import { parseOsRelease, readOsRelease } from "./operating-system.ts";

const parse = (text: string) => parseOsRelease(Buffer.from(text));

test("os-release as distributions write it", () => {
  expect(parse(`PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n`)).toEqual({
    id: "debian",
    name: "Debian GNU/Linux 12 (bookworm)",
    version: "12",
  });
  expect(parse(`# comment\nNAME='Arch Linux'\nID=arch\r\n`)).toEqual({ id: "arch", name: "Arch Linux" });
  expect(parse(`NAME="a \\"quoted\\" \\$name"`)).toEqual({ id: "linux", name: 'a "quoted" $name' });
  expect(parse("ID=opensuse-leap\n")).toEqual({ id: "opensuse-leap", name: "opensuse-leap" });
});

test("what names no system, and what would disguise one", () => {
  expect(parse("")).toBeUndefined();
  expect(parse(`NAME=""\nID=\nVERSION_ID=3`)).toBeUndefined();
  expect(parse(`NAME="a\u001b[31m\u202eb"`)?.name).toBe("a\\x1b[31m\\xe2\\x80\\xaeb");
  expect(parse(`NAME=${"x".repeat(5000)}`)?.name).toHaveLength(200);
});

function linux(): MemoryFileSystem {
  const fileSystem = new MemoryFileSystem();
  const etc = fileSystem.directory(fileSystem.root, "etc");
  fileSystem.symlink(etc, "os-release", "../usr/lib/os-release");
  fileSystem.file(etc, "hostname", "web-1\n");
  const lib = fileSystem.directory(fileSystem.directory(fileSystem.root, "usr"), "lib");
  fileSystem.file(lib, "os-release", "ID=fedora\nVERSION_ID=41\nPRETTY_NAME='Fedora Linux 41'\n");
  return fileSystem;
}

test("found through the link it usually is, with the machine's name", async () => {
  expect(await readOsRelease(linux())).toEqual({
    id: "fedora",
    name: "Fedora Linux 41",
    version: "41",
    hostName: "web-1",
  });
  expect(await readOsRelease(new MemoryFileSystem())).toBeUndefined();
});

test("damage leaves it unknown; a failure that may pass is not taken for an answer", async () => {
  const damaged = linux();
  damaged.break(damaged.root, new CorruptDataError({ format: "ext4", structure: "inode 2" }, "damaged"));
  expect(await readOsRelease(damaged)).toBeUndefined();
  const slow = linux();
  slow.break(slow.root, new SourceError("bucket: 503", { retryable: true }));
  await expect(readOsRelease(slow)).rejects.toThrow("503");
});
