import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PartitionTable } from "../../../src/disk/disk.ts";
import { readPartitionTable } from "../../../src/disk/volume/partition-table.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { temporaryDirectory } from "../../setup/scratch-directory.ts";
import { sfdisk, sfdiskView } from "../volume/sfdisk.ts";
import { type DamageOutcome, outcomeOfWords } from "./damage-outcome.ts";
import { failEveryRead, shortenEveryRead } from "./faulty-reads.ts";
import { expectFlipsTold, type Flip, type Judgement } from "./flips.ts";

const SECTOR = 512;
const KiB = 1024;
const SIZE = 2048 * KiB;
/** Header and entries of a GPT, behind the first sector and before the disk's end. */
const GPT_SECTORS = 33;

const home = temporaryDirectory();
afterAll(home.remove);

function makeDisk(name: string, script: string): Uint8Array {
  const file = path.join(home.path, name);
  writeFileSync(file, "");
  truncateSync(file, SIZE);
  sfdisk(file, SECTOR, ["-q"], script);
  return Uint8Array.from(readFileSync(file));
}

const words = ({ scheme, partitions }: Pick<PartitionTable, "scheme" | "partitions">): string =>
  JSON.stringify([scheme, partitions]);

/** What is called damaged is missing, and there is a warning in its place. */
function outcome(table: PartitionTable, intact: PartitionTable): DamageOutcome {
  const [warning] = table.warnings;
  const all = intact.partitions.map((partition) => JSON.stringify(partition));
  const isPart = table.partitions.every((partition) => all.includes(JSON.stringify(partition)));
  if (warning !== undefined && isPart && table.partitions.length < all.length)
    return { kind: "named error", where: warning };
  return outcomeOfWords(words(table), words(intact));
}

const look = (bytes: Uint8Array) => readPartitionTable(new MemorySource(bytes));

/** Offsets in the first sector of the bytes that say which partition is booted from. */
const STATUS_BYTES = [446, 462, 478, 494];

/** Byte of an extended boot record that says whether its second entry is a link or a partition. */
const LINK_TYPE = 462 + 4;

/** vmfr reads as Linux does where sfdisk does not. */
async function askSfdisk(damaged: Uint8Array, table: PartitionTable, flip?: Flip): Promise<Judgement> {
  if (STATUS_BYTES.some((at) => ![0, 0x80].includes(damaged[at] as number))) {
    return { exempt: "sfdisk does not look at status bytes, and Linux takes others than 0 and 0x80 for no table" };
  }
  if (flip !== undefined && flip.offset > SECTOR && flip.offset % SECTOR === LINK_TYPE) {
    return { exempt: "sfdisk ignores an extended boot record's second entry that is no link, a partition for Linux" };
  }
  const file = path.join(home.path, "judged");
  writeFileSync(file, damaged);
  try {
    const theirs = words(sfdiskView(file));
    return { differences: theirs === words(table) ? [] : [theirs] };
  } catch (error) {
    if (!String(error).includes("does not contain a recognized partition table")) return { refusal: String(error) };
    return { differences: words(table) === words({ scheme: "none", partitions: [] }) ? [] : ["no table"] };
  }
}

const stretch = (start: number, length: number): number[] => Array.from({ length }, (_, index) => start + index);

beforeAll(() => requireDebianPackages("fdisk", "gdisk", "mount"));

describe.each([
  {
    format: "GPT",
    script: 'label: gpt\nsize=64K, type=U, name="EFI"\nsize=128K\nsize=256K, name="größe"\n',
    sectors: [0, ...stretch(1, GPT_SECTORS), ...stretch(SIZE / SECTOR - GPT_SECTORS, GPT_SECTORS)],
    /** The protective MBR alone has no checksum. */
    unchecked: SECTOR,
  },
  {
    format: "MBR",
    script: "label: dos\nsize=64K,type=83\ntype=5\nsize=64K,type=83\nsize=128K,type=82\nsize=64K,type=7\n",
    sectors: [0],
    unchecked: SIZE,
  },
])("$format", ({ format, script, sectors, unchecked }) => {
  let image: Uint8Array;
  let intact: PartitionTable;

  beforeAll(async () => {
    image = makeDisk(format, script);
    intact = await look(image);
    expect(await askSfdisk(image, intact)).toEqual({ differences: [] });
  });

  /** Sectors of the chain of logical partitions: those that end as a boot record does. */
  const bootRecords = () =>
    stretch(1, SIZE / SECTOR - 1).filter(
      (sector) => format === "MBR" && image[sector * SECTOR + 510] === 0x55 && image[sector * SECTOR + 511] === 0xaa,
    );

  test("a flipped bit: the same partitions, a named error, or where nothing can tell sfdisk's", async () => {
    const offsets = [...sectors, ...bootRecords()].flatMap((sector) => stretch(sector * SECTOR, SECTOR));
    await expectFlipsTold({
      format,
      bytes: Uint8Array.from(image),
      offsets,
      look,
      outcome: (table) => outcome(table, intact),
      judge: async (damaged, table, flip) =>
        flip.offset < unchecked ? askSfdisk(damaged, table, flip) : { differences: ["a checksum covers this byte"] },
    });
  }, 3_600_000);

  test("the k-th read failing or short is named, and forgotten afterwards", async () => {
    const faults = {
      format,
      open: async (source: Parameters<typeof readPartitionTable>[0]) => source,
      outcome: async (source: Parameters<typeof readPartitionTable>[0]) =>
        outcome(await readPartitionTable(source), intact),
    };
    await failEveryRead(faults, image);
    await shortenEveryRead(faults, image, path.join(home.path, "shortened"));
  });
});
