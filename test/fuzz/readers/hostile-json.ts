import type { SeededRandom } from "../ssh/seeded-random.ts";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

const NAMES = ["", "__proto__", "constructor", "..", "/", "name", "\u0000", "x".repeat(5000)];

function hostileValue(random: SeededRandom): Json {
  const deep = (levels: number): Json => (levels === 0 ? [] : [deep(levels - 1)]);
  return random.pick<Json>([
    null,
    true,
    -1,
    0,
    1.5,
    2 ** 53,
    1e308,
    "",
    "-1",
    "99999999999999999999",
    "../../etc/passwd",
    "2026-13-45T99:99:99Z",
    "\ud800",
    "x".repeat(random.below(20_000)),
    [],
    {},
    deep(random.below(300)),
    Object.fromEntries([["__proto__", 1]]),
    Array.from({ length: random.below(2000) }, () => null),
  ]);
}

/** A copy in which a few values, names or lists are others. */
export function hostileJson(value: Json, random: SeededRandom, changes = 1 + random.below(3)): Json {
  let changed = value;
  for (let count = 0; count < changes; count++) changed = changeOne(changed, random);
  return changed;
}

function changeOne(value: Json, random: SeededRandom): Json {
  if (value === null || typeof value !== "object" || random.percent(8)) return hostileValue(random);
  if (Array.isArray(value)) {
    if (value.length === 0 || random.percent(10)) return [...value, ...value];
    const at = random.below(value.length);
    return value.flatMap((each, index) =>
      index === at ? (random.percent(10) ? [] : [changeOne(each, random)]) : [each],
    );
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return { [random.pick(NAMES)]: hostileValue(random) };
  const at = random.below(entries.length);
  const changed = entries.flatMap(([name, each], index): [string, Json][] => {
    if (index !== at) return [[name, each]];
    if (random.percent(10)) return [];
    return random.percent(5) ? [[random.pick(NAMES), each]] : [[name, changeOne(each, random)]];
  });
  return Object.fromEntries(changed);
}

/** The text of a document with some values changed, now and then cut off or with a byte of its own changed. */
export function hostileText(text: string, random: SeededRandom): Buffer {
  const bytes = Buffer.from(JSON.stringify(hostileJson(JSON.parse(text) as Json, random)));
  if (bytes.length > 0 && random.percent(5)) bytes[random.below(bytes.length)] = random.below(256);
  return random.percent(3) ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
}
