import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const folder = path.resolve(import.meta.dirname, "../../src/serve/ssh");

/** What could change a file of this machine, or run something on it. */
const POWERS = /from "(?:node:)?(?:fs|fs\/promises|child_process|worker_threads|cluster|repl|vm|process)"|process\.env/;

test("nothing of what serves SSH can write a file, start a program or read the environment", () => {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".test.ts"),
  );
  expect(files.length).toBeGreaterThan(30);
  const able = files.filter((name) => POWERS.test(readFileSync(path.join(folder, name), "utf8")));
  expect(able).toEqual([]);
});
