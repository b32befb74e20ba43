import { ConfigError } from "../../errors.ts";
import type { CommandContext } from "../context.ts";
import { selectDisk } from "../disk-selection.ts";
import { pump } from "../output.ts";
import { writeOutputFile } from "../output-file.ts";
import { Progress } from "../progress.ts";
import { openSource } from "../source.ts";
import type { SourceOptions } from "../source-options.ts";
import { copySparsely } from "../sparse-copy.ts";

export interface ImageOptions extends SourceOptions {
  readonly output?: string;
  readonly force?: true;
}

export async function image(context: CommandContext, name: string, options: ImageOptions): Promise<number> {
  const { output } = options;
  const toStdout = output === undefined || output === "-";
  if (toStdout && context.stdout.isTTY === true) {
    throw new ConfigError("a disk image would garble the terminal: name a file with -o FILE, or redirect the output");
  }
  const source = await openSource(context, options);
  try {
    const disk = await selectDisk(source, name).open();
    const progress = new Progress(context, name, { unit: "bytes", total: disk.source.size });
    try {
      if (toStdout) await pump(disk.source, context.stdout, (count) => progress.add(count));
      else await writeOutputFile(output, options.force ?? false, (file) => copySparsely(disk.source, file, progress));
    } finally {
      progress.end();
      await disk.close();
    }
    return 0;
  } finally {
    await source.close();
  }
}
