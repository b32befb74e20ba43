import type { SeededRandom } from "../ssh/seeded-random.ts";
import type { MutableImage } from "./mutable-image.ts";

/** A part of an image that means something by itself: an inode, a header, a block of a directory. */
export interface Structure {
  /** Structures of the same kind lend each other their contents. */
  readonly kind: string;
  /** Byte in the image. */
  readonly start: number;
  /** Bytes. */
  readonly length: number;
  /** Makes its checksum right again, so that readers look further. */
  readonly seal?: (image: MutableImage) => void;
}

export type ByteOrder = "little" | "big";

/** Most structures are sealed after they were changed; the others prove that an unsealed one is refused. */
const SEALED = 95;

/** Changes a few fields of a few structures. */
export function mutate(
  image: MutableImage,
  structures: readonly Structure[],
  order: ByteOrder,
  random: SeededRandom,
): void {
  const kinds = [...new Set(structures.map(({ kind }) => kind))];
  const touched = new Set<Structure>();
  for (let count = 1 + random.below(3); count > 0; count--) {
    const kind = random.pick(kinds);
    const structure = random.pick(structures.filter((each) => each.kind === kind));
    touched.add(structure);
    for (let fields = 1 + random.below(4); fields > 0; fields--)
      changeField(image, structure, structures, order, random);
  }
  for (const { seal } of touched) if (random.percent(SEALED)) seal?.(image);
}

function changeField(
  image: MutableImage,
  structure: Structure,
  structures: readonly Structure[],
  order: ByteOrder,
  random: SeededRandom,
): void {
  const width = Math.min(random.pick([1, 2, 2, 4, 4, 4, 8]), structure.length);
  const within = Math.floor(random.below(structure.length - width + 1) / Math.min(width, 4)) * Math.min(width, 4);
  const at = structure.start + within;
  const choice = random.below(100);
  if (choice < 40) image.write(at, encode(interesting(random, image.bytes.length), width, order));
  else if (choice < 55) image.write(at, Buffer.of((image.bytes[at] as number) ^ (1 << random.below(8))));
  else if (choice < 70) image.write(at, moved(image.bytes.subarray(at, at + width), order, random));
  else if (choice < 85) {
    // Another structure's content at the same place: swapped pointers, duplicates, cycles.
    const other = random.pick(structures.filter(({ kind }) => kind === structure.kind));
    const length = Math.min(random.pick([width, 8, 16, 64]), structure.length - within, other.length - within);
    if (length > 0)
      image.write(at, Buffer.from(image.bytes.subarray(other.start + within, other.start + within + length)));
  } else if (choice < 95) {
    // The structure's own content somewhere else in it.
    const from = structure.start + random.below(structure.length - width + 1);
    image.write(at, Buffer.from(image.bytes.subarray(from, from + width)));
  } else image.write(at, Buffer.alloc(Math.min(32, structure.length - within), random.pick([0, 0xff, 0x20])));
}

/** Where something begins or ends, and what could be a place in this image in bytes, sectors or blocks. */
function interesting(random: SeededRandom, imageSize: number): bigint {
  const unit = random.pick([1, 512, 1024, 4096]);
  const choice = random.below(10);
  if (choice < 4) return BigInt(random.below(Math.ceil(imageSize / unit) + 2));
  if (choice < 6) return BigInt(random.below(70));
  if (choice < 9) return BigInt(random.boundary());
  return random.pick([
    2n ** 32n,
    2n ** 40n,
    2n ** 52n,
    2n ** 53n,
    2n ** 62n,
    2n ** 63n - 1n,
    2n ** 63n,
    2n ** 64n - 1n,
  ]);
}

/** A little more or less. */
function moved(field: Uint8Array, order: ByteOrder, random: SeededRandom): Buffer {
  const bytes = order === "little" ? Buffer.from(field).reverse() : Buffer.from(field);
  const value = BigInt(`0x${bytes.toString("hex")}`) + BigInt(random.pick([-8, -4, -1, 1, 1, 4, 8, 16]));
  return encode(BigInt.asUintN(64, value), field.length, order);
}

function encode(value: bigint, width: number, order: ByteOrder): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  const field = bytes.subarray(0, width);
  return order === "little" ? field : field.reverse();
}
