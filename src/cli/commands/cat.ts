import type { CommandContext } from "../context.ts";
import { pump } from "../output.ts";
import { resolveArgument } from "../path-argument.ts";
import { forEachReported } from "../report.ts";
import { openSource } from "../source.ts";
import type { SourceOptions } from "../source-options.ts";

export async function cat(context: CommandContext, paths: readonly string[], options: SourceOptions): Promise<number> {
  const source = await openSource(context, options);
  try {
    return await forEachReported(context, paths, async (path) => {
      const node = await resolveArgument(source.tree, path);
      const file = await node.open();
      try {
        await pump(file, context.stdout);
      } finally {
        await file.close();
      }
    });
  } finally {
    await source.close();
  }
}
