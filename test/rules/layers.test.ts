import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

/** docs/architecture.md: a folder imports only folders with a lower number, plus errors.ts. */
const LAYERS: Record<string, number> = {
  bytes: 1,
  codec: 2,
  source: 2,
  disk: 3,
  "object-store": 3,
  kopia: 4,
  velero: 4,
  archive: 4,
  kube: 4,
  "restore-tree": 5,
  serve: 6,
  mount: 6,
  operator: 7,
  cli: 8,
  bin: 9,
};

/** These two import no package at all; what they need from Node is the file handle in source/. */
const PURE = new Set(["disk", "codec"]);
const source = path.resolve(import.meta.dirname, "../../src");
const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(
  (file) => file.endsWith(".ts") && !file.endsWith(".test.ts"),
);

function importsOf(file: string): string[] {
  const text = readFileSync(path.join(source, file), "utf8");
  // Statements at the start of a line, over several lines too, and import() anywhere; not prose that says "from".
  const statements = /^(?:import|export)\b[^;"]*?from\s*"([^"]+)"|^import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;
  return [...text.matchAll(statements)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

const layerOf = (file: string): string => file.split(path.sep)[0] as string;

test("folders import only lower layers", () => {
  const offending: string[] = [];
  for (const file of files) {
    const from = layerOf(file);
    if (from === "errors.ts") continue;
    expect(LAYERS, `src/${from} has no layer`).toHaveProperty(from);
    for (const specifier of importsOf(file).filter((name) => name.startsWith(".") && name.endsWith(".ts"))) {
      const target = path.relative(source, path.resolve(source, path.dirname(file), specifier));
      const to = layerOf(target);
      if (to === from || to === "errors.ts") continue;
      if (!((LAYERS[to] ?? Number.POSITIVE_INFINITY) < (LAYERS[from] as number)))
        offending.push(`src/${file} -> src/${target}`);
    }
  }
  expect(offending).toEqual([]);
});

test("disk and codec use no npm package, and log nothing", () => {
  const offending = files
    .filter((file) => PURE.has(layerOf(file)))
    .flatMap((file) => [
      ...importsOf(file)
        .filter((name) => !name.startsWith(".") && name !== "node:zlib" && name !== "node:crypto")
        .map((name) => `src/${file} -> ${name}`),
      ...(/\bconsole\./.test(readFileSync(path.join(source, file), "utf8")) ? [`src/${file}: console`] : []),
    ]);
  expect(offending).toEqual([]);
});

test("only cli and bin read argv, the environment, or end the process", () => {
  const offending = files.filter(
    (file) =>
      !["cli", "bin"].includes(layerOf(file)) &&
      /process\.(env|argv|exit)\b/.test(readFileSync(path.join(source, file), "utf8")),
  );
  expect(offending).toEqual([]);
});
