/** The files of the proof, as a directory of the host from which other tools fill an image. */
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Bytes that no two files share. */
function content(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = seed;
  for (let index = 0; index < size; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

const NAMES: readonly string[] = [
  "UPPER.TXT",
  "lower.txt",
  "low.EXT",
  "BASE.ext",
  "Mixed Case.Txt",
  "no extension",
  "NOEXT",
  "many.dots.in.a.name.tar.gz",
  ".hidden",
  "plus+comma,semicolon;equals=brackets[]",
  "tilde~1",
  "ÄÖÜ.TXT",
  "Õ first byte of a deleted entry.txt",
  "ÕNE.TXT",
  "straße und Größe.txt",
  "кириллица и 漢字.txt",
  "emoji \u{1f600}\u{1f680}.txt",
  "thirteen char",
  "twenty-six characters long",
  `${"long ".repeat(42)}end.txt`,
  "-leading dash",
  "right\u202eto left",
];

/** Seconds since 1970: even ones from 1980 to 2099. FAT goes on to 2107, but mtools takes 2100 for a leap year. */
const TIMES = [315_532_800, 315_619_202, 951_827_696, 1_709_164_798, 4_102_444_798];

export interface SampleOptions {
  readonly clusterSize: number;
  /** Files of the directory that has many. */
  readonly many: number;
}

/** Modification times are even, so that a resolution of two seconds keeps them. */
export function writeSampleTree(directory: string, { clusterSize, many }: SampleOptions): void {
  let count = 0;
  const put = (folder: string, name: string, size: number) => {
    mkdirSync(path.join(directory, folder), { recursive: true });
    const file = path.join(directory, folder, name);
    writeFileSync(file, content(size, ++count));
    const time = TIMES[count % TIMES.length] as number;
    utimesSync(file, time, time);
  };
  for (const size of [0, 1, 511, 512, 513, clusterSize - 1, clusterSize, clusterSize + 1, 3 * clusterSize]) {
    put("sizes", `size-${size}`, size);
  }
  put("sizes", "several-clusters", 20 * clusterSize + 17);
  for (const name of NAMES) put("names", name, 40);
  for (let index = 0; index < many; index++) put("many", `file number ${index}.dat`, index % 3);
  put(Array.from({ length: 24 }, (_, level) => `level ${level}`).join("/"), "at the bottom", 100);
}
