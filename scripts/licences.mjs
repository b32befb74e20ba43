/** Fails when a package that ships with vmfr has a licence that is not on the permissive list. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { root } from "./dependencies.mjs";

const PERMISSIVE = new Set([
  "MIT",
  "ISC",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "0BSD",
  "Unlicense",
  "CC0-1.0",
  "BlueOak-1.0.0",
  "OFL-1.1",
  "CC-BY-4.0",
  "Python-2.0",
]);
/** Bundled into the browser app, and so shipped although they are development dependencies. */
const BUNDLED = [
  "react",
  "react-dom",
  "@patternfly/react-core",
  "@patternfly/react-icons",
  "@tanstack/react-query",
  "@tanstack/react-virtual",
];

const lock = JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8")).packages;

function isPermissive(expression) {
  const alternatives = String(expression)
    .replaceAll(/[()]/g, "")
    .split(/\s+OR\s+/);
  return alternatives.some((alternative) =>
    alternative.split(/\s+AND\s+/).every((licence) => PERMISSIVE.has(licence.trim())),
  );
}

function licenceOf(location) {
  if (lock[location].license !== undefined) return lock[location].license;
  const manifest = path.join(root, location, "package.json");
  if (!existsSync(manifest)) return undefined;
  const { license, licenses } = JSON.parse(readFileSync(manifest, "utf8"));
  // The form from before SPDX expressions; ssh2 still has it.
  return license ?? licenses?.map((entry) => entry.type).join(" OR ");
}

/** The lock's location of `name` as seen from the package at `from`, by Node's own search order. */
function locate(name, from) {
  for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf("node_modules/") - 1))) {
    const candidate = `${base === "" ? "" : `${base}/`}node_modules/${name}`;
    if (candidate in lock) return candidate;
    if (base === "") return undefined;
  }
}

const shipped = new Set();
const queue = [...Object.keys(lock[""].dependencies ?? {}), ...BUNDLED].map((name) => locate(name, ""));
while (queue.length > 0) {
  const location = queue.pop();
  if (location === undefined || shipped.has(location)) continue;
  shipped.add(location);
  queue.push(...Object.keys(lock[location].dependencies ?? {}).map((name) => locate(name, location)));
}

const refused = [...shipped]
  .filter((location) => !isPermissive(licenceOf(location)))
  .map((location) => `${location}: ${licenceOf(location) ?? "no licence named"}`);
if (refused.length > 0) {
  console.error(`Packages that ship with vmfr need a permissive licence:\n${refused.join("\n")}`);
  process.exit(1);
}
console.log(`licences: ${shipped.size} shipped packages, all permissive`);
