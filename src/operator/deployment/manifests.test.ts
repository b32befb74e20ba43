import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { defaultInstallation } from "./installation.ts";
import { asYaml, operatorManifests } from "./manifests.ts";

const directory = path.resolve(import.meta.dirname, "../../../deploy/operator");

test.each([...operatorManifests(defaultInstallation)])("deploy/operator/%s is what the code says", (name, objects) => {
  const committed = readFileSync(path.join(directory, name), "utf8");
  expect(committed, "stale: run `node scripts/generate-manifests.mjs` and commit what it writes").toBe(asYaml(objects));
});
