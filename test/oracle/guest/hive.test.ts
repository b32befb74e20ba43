import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { RegistryHive } from "../../../src/disk/guest/windows/registry-hive.ts";
import type { RegistryKey } from "../../../src/disk/guest/windows/registry-key.ts";
import { VmfrError } from "../../../src/errors.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import {
  binaryValue,
  encodeHive,
  type HiveOptions,
  type KeySpec,
  numberValue,
  stringValue,
} from "../../fixtures/registry/hive-builder.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { dumpHive, HIVEX_PACKAGES, type HiveDump, writeHive } from "./hivex.ts";

beforeAll(() => requireDebianPackages(...HIVEX_PACKAGES), 120_000);

const TREE: KeySpec = {
  name: "ROOT",
  values: [stringValue("", "the root's default")],
  subkeys: [
    {
      name: "Many",
      subkeys: Array.from({ length: 700 }, (_, index) => ({ name: `Key ${index}`, values: [numberValue("n", index)] })),
    },
    { name: "größe", subkeys: [{ name: "Ёлка", values: [stringValue("имя", "ёлка")] }] },
    {
      name: "Sizes",
      values: [0, 1, 4, 5, 1000, 16_344].map((size) => binaryValue(`${size}`, Buffer.alloc(size, "data"))),
    },
    { name: "Deep", subkeys: [{ name: "a", subkeys: [{ name: "b", subkeys: [{ name: "c" }] }] }] },
  ],
};

const utf8Order = (left: readonly unknown[], right: readonly unknown[]) =>
  Buffer.compare(Buffer.from(String(left[0])), Buffer.from(String(right[0])));

async function dump(hive: Uint8Array): Promise<HiveDump> {
  const found: Record<string, [string, number, string][]> = {};
  const visit = async (key: RegistryKey, at: string): Promise<void> => {
    const values: [string, number, string][] = [];
    for await (const value of key.values()) {
      values.push([value.name, value.type, Buffer.from(await value.data()).toString("hex")]);
    }
    found[at] = values.sort(utf8Order);
    for await (const subkey of key.subkeys()) await visit(subkey, `${at}\\${subkey.name}`);
  };
  await visit(await (await RegistryHive.open("TEST", new MemorySource(hive))).root(), "");
  return found;
}

function count(dumped: HiveDump): number {
  return Object.values(dumped).reduce((sum, values) => sum + 1 + values.length, 0);
}

test("a hive that hivex wrote, key by key and value by value", async () => {
  const file = path.join(scratchDirectory(), "hive");
  writeHive(file, TREE);
  const expected = dumpHive(file);
  expect(await dump(readFileSync(file))).toEqual(expected);
  expect(Object.keys(expected).length).toBeGreaterThan(700);
  tally("registry keys and values equal to hivex's reading", count(expected));
});

test.each<HiveOptions>([
  { list: "lf" },
  { list: "li" },
  { list: "ri" },
  { list: "lh", minor: 3 },
  { utf16Names: true },
])("forms that hivex does not write: %o", async (options) => {
  const file = path.join(scratchDirectory(), "hive");
  writeFileSync(
    file,
    encodeHive({ ...TREE, subkeys: TREE.subkeys?.filter(({ name }) => name !== "größe") ?? [] }, options),
  );
  const expected = dumpHive(file);
  expect(await dump(readFileSync(file))).toEqual(expected);
  tally("registry keys and values equal to hivex's reading", count(expected));
});

test("one value, as hivexget prints it", async () => {
  const file = path.join(scratchDirectory(), "hive");
  writeHive(file, TREE);
  const printed = execFileSync("hivexget", [file, "Many\\Key 699", "n"], { encoding: "utf8" }).trim();
  const hive = await RegistryHive.open("TEST", new MemorySource(readFileSync(file)));
  const data = await (await (await hive.key("many\\KEY 699"))?.value("N"))?.data();
  expect(Buffer.from(data ?? []).readUInt32LE()).toBe(Number(printed));
});

/** A linear congruential generator (Numerical Recipes), so that a failing flip can be had again. */
function* numbers(seed: number): Generator<number, never, undefined> {
  for (let state = seed >>> 0; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state;
  }
}

/** Every how many-th different answer is compared with hivex's. */
const COMPARED = 10;

test("bits of a hive flipped one at a time: the same answer, the one hivex gives, or a named error", async () => {
  const file = path.join(scratchDirectory(), "hive");
  writeHive(file, { ...TREE, subkeys: TREE.subkeys?.slice(1) ?? [] });
  const hive = readFileSync(file);
  const expected = await dump(hive);
  const outcomes = {
    same: 0,
    different: 0,
    "different, compared with hivex": 0,
    "refused by hivex alone": 0,
    refused: 0,
  };
  const random = numbers(20_261_123);
  for (let round = 0; round < 1500; round++) {
    const at = random.next().value % hive.length;
    const damaged = Buffer.from(hive);
    damaged[at] = (damaged[at] ?? 0) ^ (1 << (round % 8));
    const answer = await dump(damaged).catch((error: unknown) => {
      if (!(error instanceof VmfrError)) throw error;
      return undefined;
    });
    if (answer === undefined) outcomes.refused++;
    else if (isDeepStrictEqual(answer, expected)) outcomes.same++;
    else if (++outcomes.different % COMPARED === 0) {
      writeFileSync(file, damaged);
      const other = dumpOrRefusal(file);
      if (other === undefined) outcomes["refused by hivex alone"]++;
      else {
        expect(answer, `bit ${round % 8} of byte ${at}`).toEqual(other);
        outcomes["different, compared with hivex"]++;
      }
    }
  }
  for (const [outcome, times] of Object.entries(outcomes)) tally(`registry hive, one bit flipped: ${outcome}`, times);
  expect(outcomes.refused).toBeGreaterThan(0);
}, 60_000);

function dumpOrRefusal(file: string): HiveDump | undefined {
  try {
    return dumpHive(file);
  } catch {
    return undefined;
  }
}
