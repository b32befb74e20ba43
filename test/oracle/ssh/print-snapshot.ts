/** Prints a directory's snapshot, one JSON string a line. Usage: print-snapshot.ts DIRECTORY */
import { snapshot } from "./awkward-tree.ts";

const lines = snapshot(process.argv[2] ?? ".", { attributes: true, symlinks: true, specials: true });
process.stdout.write(lines.map((line) => JSON.stringify(line)).join("\n"));
