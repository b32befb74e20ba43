import { displayName } from "../../bytes/byte-name.ts";
import type { CommandContext } from "../context.ts";
import { entryJson } from "../entry-json.ts";
import { resolveArgument } from "../path-argument.ts";
import { forEachReported } from "../report.ts";
import { openSource } from "../source.ts";
import type { SourceOptions } from "../source-options.ts";

export interface StatOptions extends SourceOptions {
  readonly json?: true;
}

export async function stat(context: CommandContext, paths: readonly string[], options: StatOptions): Promise<number> {
  const source = await openSource(context, options);
  const found: Record<string, unknown>[] = [];
  try {
    const code = await forEachReported(context, paths, async (path) => {
      // The link itself, as stat(1) shows it.
      const node = await resolveArgument(source.tree, path, false);
      const xattrs = await node.xattrs();
      found.push({
        ...(await entryJson(node, await node.stat())),
        xattrs: Object.fromEntries(
          xattrs.map(({ name, value }) => [displayName(name), Buffer.from(value).toString("base64")]),
        ),
      });
    });
    context.stdout.write(options.json ? `${JSON.stringify(found, undefined, 2)}\n` : found.map(describe).join("\n"));
    return code;
  } finally {
    await source.close();
  }
}

function describe(entry: Record<string, unknown>): string {
  const { href: _exactPath, xattrs, ...facts } = entry;
  const attributes = Object.entries(xattrs as Record<string, string>).map(([name, value]): [string, unknown] => [
    `xattr ${name}`,
    describeValue(Buffer.from(value, "base64")),
  ]);
  return [...Object.entries(facts), ...attributes]
    .map(([key, value]) => `${key.padEnd(11)} ${typeof value === "object" ? JSON.stringify(value) : value}\n`)
    .join("");
}

/** Text as text (SELinux labels end in a NUL), anything else in hexadecimal. */
function describeValue(value: Buffer): string {
  const text = displayName(value.at(-1) === 0 ? value.subarray(0, -1) : value);
  return text.includes("\\x") ? `0x${value.toString("hex")}` : text;
}
