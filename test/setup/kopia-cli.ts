import path from "node:path";
import { goBinary } from "./go-binary.ts";

/** Path of the real Kopia command line, the independent writer and reader of Kopia repositories. */
export function kopiaCli(): Promise<string> {
  return goBinary({
    moduleDirectory: path.join(import.meta.dirname, "kopia-module"),
    package: "github.com/kopia/kopia",
    name: "kopia",
  });
}
