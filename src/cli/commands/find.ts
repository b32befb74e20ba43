import { splitPath } from "../../bytes/byte-name.ts";
import type { FileType } from "../../disk/filesystem/file-system.ts";
import { walkNames } from "../../restore-tree/walk.ts";
import type { CommandContext } from "../context.ts";
import { globMatcher } from "../glob.ts";
import { TextOutput } from "../output.ts";
import { resolveArgument } from "../path-argument.ts";
import { forEachReported } from "../report.ts";
import { ShownPath } from "../shown-path.ts";
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
      const shown = new ShownPath(start.path);
      for await (const batch of walkNames(start, { onError: (_path, error) => report.fail(error) })) {
        for (const entry of batch) {
          const name = entry.directory === undefined ? splitPath(start.path).at(-1) : entry.name;
          const isWanted = options.type === undefined || entry.stat.type === options.type;
          if (name === undefined || !isWanted || !matches(name)) continue;
          const waiting = output.write(`${shown.of(entry)}\n`);
          if (waiting !== undefined) await waiting;
        }
      }
    });
    await output.flush();
    return code;
  } finally {
    await source.close();
  }
}
