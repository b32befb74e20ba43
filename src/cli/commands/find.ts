import { displayName, splitPath } from "../../bytes/byte-name.ts";
import type { FileType } from "../../disk/filesystem/file-system.ts";
import { walk } from "../../restore-tree/walk.ts";
import type { CommandContext } from "../context.ts";
import { globMatcher } from "../glob.ts";
import { TextOutput } from "../output.ts";
import { resolveArgument } from "../path-argument.ts";
import { forEachReported } from "../report.ts";
import { openSource } from "../source.ts";
import type { SourceOptions } from "../source-options.ts";

export interface FindOptions extends SourceOptions {
  readonly name?: string;
  readonly ignoreCase?: true;
  readonly type?: FileType;
}

export async function find(context: CommandContext, paths: readonly string[], options: FindOptions): Promise<number> {
  const matches = globMatcher(options.name ?? "*", options.ignoreCase);
  const source = await openSource(context, options);
  const output = new TextOutput(context);
  try {
    const code = await forEachReported(context, paths, async (path, report) => {
      const start = await resolveArgument(source.tree, path);
      for await (const { node, stat } of walk(start, { onError: (_path, error) => report.fail(error) })) {
        const name = splitPath(node.path).at(-1);
        const isWanted = options.type === undefined || stat.type === options.type;
        if (name !== undefined && isWanted && matches(name)) await output.write(`${displayName(node.path)}\n`);
      }
    });
    await output.flush();
    return code;
  } finally {
    await source.close();
  }
}
