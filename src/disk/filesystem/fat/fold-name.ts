import type { DirectoryEntry } from "../file-system.ts";

/** For every UTF-16 unit the one that stands for it when case does not matter. */
export type UpcaseTable = Uint16Array;

let builtIn: UpcaseTable | undefined;

/** Unicode's simple upper case, within the 16-bit characters. */
export function defaultUpcase(): UpcaseTable {
  builtIn ??= Uint16Array.from({ length: 0x1_0000 }, (_, unit) => upperCase(unit));
  return builtIn;
}

function upperCase(unit: number): number {
  const upper = String.fromCharCode(unit).toUpperCase();
  // A letter that is only like an ASCII one (a dotless i) must not become it.
  const usable = upper.length === 1 && (unit < 0x80 || upper.charCodeAt(0) >= 0x80);
  return usable ? upper.charCodeAt(0) : unit;
}

export function foldName(name: string, upcase: UpcaseTable): string {
  let folded = "";
  for (let index = 0; index < name.length; index++) {
    const unit = name.charCodeAt(index);
    folded += String.fromCharCode(upcase[unit] ?? unit);
  }
  return folded;
}

/** An entry under the names that lead to it, as UTF-16. */
export interface NamedEntry {
  readonly entry: DirectoryEntry;
  readonly name: string;
  /** The short name of a FAT file that has a long one. */
  readonly alias?: string;
}

/** The entry of that very name if there is one, else the first that differs in case only or has it as its alias. */
export async function findByName(
  batches: AsyncIterable<readonly NamedEntry[]>,
  wanted: string,
  upcase: UpcaseTable,
): Promise<DirectoryEntry | undefined> {
  const folded = foldName(wanted, upcase);
  const means = (name: string | undefined) => name?.length === folded.length && foldName(name, upcase) === folded;
  let similar: DirectoryEntry | undefined;
  for await (const batch of batches) {
    const exact = batch.find(({ name }) => name === wanted);
    if (exact !== undefined) return exact.entry;
    similar ??= batch.find(({ name, alias }) => means(name) || means(alias))?.entry;
  }
  return similar;
}
