import type { FileType } from "./file-system.ts";

/** What `ls -l` begins a line with. */
export const TYPE_LETTERS: Readonly<Record<FileType, string>> = {
  file: "-",
  directory: "d",
  symlink: "l",
  fifo: "p",
  socket: "s",
  "character-device": "c",
  "block-device": "b",
  unknown: "?",
};

const TRIPLETS = ["---", "--x", "-w-", "-wx", "r--", "r-x", "rw-", "rwx"];

/** `-rwsr-xr-x` as `ls -l` writes it. @param mode permission bits and the three special ones */
export function modeText(type: FileType, mode: number): string {
  const triplet = (shift: number, mask: number, letter: string): string => {
    const bits = TRIPLETS[(mode >> shift) & 7] as string;
    if ((mode & mask) === 0) return bits;
    return bits.slice(0, 2) + (bits.endsWith("x") ? letter : letter.toUpperCase());
  };
  return TYPE_LETTERS[type] + triplet(6, 0o4000, "s") + triplet(3, 0o2000, "s") + triplet(0, 0o1000, "t");
}
