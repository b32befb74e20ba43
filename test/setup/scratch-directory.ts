import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";

/** A new empty folder that is removed when the running test ends, whatever its outcome. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(path.join(tmpdir(), "vmfr-test-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
