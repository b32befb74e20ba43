import { readdirSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const source = path.resolve(import.meta.dirname, "../../src");
/** Importing those of bin/ runs the programs. */
const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(
  (file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && !file.startsWith("bin/"),
);

test("every file can be loaded: nothing is used before it is there", async () => {
  const failures: string[] = [];
  for (const file of files) {
    await import(path.join(source, file)).catch((error: unknown) => failures.push(`${file}: ${String(error)}`));
  }
  expect(files.length).toBeGreaterThan(400);
  expect(failures).toEqual([]);
});
