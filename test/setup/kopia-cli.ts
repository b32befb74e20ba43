import { execFile } from "node:child_process";
import { existsSync, renameSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { cacheDirectory } from "./cache-directory.ts";
import { withLock } from "./debian-packages.ts";

const VERSION = "v0.23.1";
const execute = promisify(execFile);

/** Pins Kopia and, by go.sum, every module it is built from. Its version is VERSION. */
const moduleDirectory = path.join(import.meta.dirname, "kopia-module");

/**
 * Path of the real Kopia command line, the independent writer and reader of Kopia repositories. Built
 * once with the Go toolchain from its pinned module and kept in the cache outside the checkout.
 */
export async function kopiaCli(): Promise<string> {
  const directory = cacheDirectory("kopia", VERSION, `${process.platform}-${process.arch}`);
  const binary = path.join(directory, "kopia");
  if (existsSync(binary)) return binary;
  await withLock(path.join(directory, "build.lock"), async () => {
    if (!existsSync(binary)) await build(directory, binary);
  });
  return binary;
}

async function build(directory: string, binary: string): Promise<void> {
  const unfinished = path.join(directory, "kopia.unfinished");
  try {
    await execute("go", ["build", "-o", unfinished, "github.com/kopia/kopia"], {
      cwd: moduleDirectory,
      env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-trimpath -mod=readonly -buildvcs=false", GOWORK: "off" },
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      throw new Error("the Go toolchain (1.25 or later) is missing; it builds the real Kopia these tests compare with");
    }
    throw new Error(`building Kopia ${VERSION} with "go build" failed`, { cause: error });
  }
  // Renamed into place, so that an interrupted build never looks like a finished one.
  renameSync(unfinished, binary);
}
