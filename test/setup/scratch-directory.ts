import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";

export interface TemporaryDirectory {
  readonly path: string;
  remove(): void;
}

/** A new empty folder for a whole test file; the file removes it in afterAll. */
export function temporaryDirectory(): TemporaryDirectory {
  const directory = mkdtempSync(path.join(tmpdir(), "vmfr-test-"));
  return { path: directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** A new empty folder that is removed when the running test ends, whatever its outcome. */
export function scratchDirectory(): string {
  const directory = temporaryDirectory();
  onTestFinished(directory.remove);
  return directory.path;
}
