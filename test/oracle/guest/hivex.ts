/** Registry hives made and read by hivex. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { encodeHive, type KeySpec } from "../../fixtures/registry/hive-builder.ts";

export const HIVEX_PACKAGES = ["libhivex-bin", "python3-hivex"] as const;

function hivex(mode: "write" | "dump", file: string, input = ""): string {
  const script = path.join(import.meta.dirname, "hive.py");
  const { status, stdout, stderr } = spawnSync("/usr/bin/python3", [script, mode, file], {
    input,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`hivex: ${stderr}`);
  return stdout;
}

/** hivex only ever changes a hive, so it is given an empty one. */
export function writeHive(file: string, root: KeySpec): void {
  writeFileSync(file, encodeHive({ name: "ROOT" }));
  const asHex = (_: string, value: unknown) => {
    // Buffers have been through toJSON by the time they come here.
    const bytes = value as { readonly type?: unknown; readonly data?: unknown };
    return bytes?.type === "Buffer" ? Buffer.from(bytes.data as number[]).toString("hex") : value;
  };
  hivex("write", file, JSON.stringify(root, asHex));
}

/** Each key's path, and its values in order: name, type, data in hexadecimal. */
export type HiveDump = Record<string, readonly (readonly [string, number, string])[]>;

export function dumpHive(file: string): HiveDump {
  const lines = hivex("dump", file).trimEnd().split("\n");
  const keys = lines.map((line) => JSON.parse(line) as { path: string; values: HiveDump[string] });
  return Object.fromEntries(keys.map(({ path: at, values }) => [at, values]));
}
