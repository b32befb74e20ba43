import { stat as statFile } from "node:fs/promises";
import { type ArchiveFormat, archiveKeeps, writeArchive } from "../../archive/archive-format.ts";
import { ArchiveReport } from "../../archive/archive-report.ts";
import { splitPath } from "../../bytes/byte-name.ts";
import { ConfigError } from "../../errors.ts";
import { archiveEntries } from "../../restore-tree/archive-entries.ts";
import type { TreeNode } from "../../restore-tree/tree-node.ts";
import type { CommandContext } from "../context.ts";
import { CopyOut, join } from "../copy-out.ts";
import { writeFully } from "../output.ts";
import { writeOutputFile } from "../output-file.ts";
import { resolveArgument } from "../path-argument.ts";
import { Progress } from "../progress.ts";
import { Report } from "../report.ts";
import { openSource, type Source } from "../source.ts";
import type { SourceOptions } from "../source-options.ts";

export interface GetOptions extends SourceOptions {
  readonly output?: string;
  readonly format?: ArchiveFormat;
  readonly force?: true;
}

export async function get(context: CommandContext, paths: readonly string[], options: GetOptions): Promise<number> {
  const source = await openSource(context, options);
  const report = new Report(context);
  const progress = new Progress(context, "Copying", { unit: "bytes" });
  try {
    const nodes = await resolveAll(source, paths, report);
    if (options.format === undefined) await copyFiles(nodes, options, report, progress);
    else await archiveFiles(context, nodes, { ...options, format: options.format }, report, progress);
    return report.exitCode;
  } finally {
    progress.end();
    await source.close();
  }
}

async function resolveAll({ tree }: Source, paths: readonly string[], report: Report): Promise<TreeNode[]> {
  const nodes: TreeNode[] = [];
  for (const path of paths) {
    try {
      nodes.push(await resolveArgument(tree, path));
    } catch (error) {
      report.fail(error);
    }
  }
  return nodes;
}

/** Into DEST where it is a directory (the current one by default), else the one thing as DEST itself. */
async function copyFiles(
  nodes: readonly TreeNode[],
  options: GetOptions,
  report: Report,
  progress: Progress,
): Promise<void> {
  const destination = Buffer.from(options.output ?? ".");
  const intoDirectory = await isDirectory(destination);
  if (nodes.length > 1 && !intoDirectory) {
    throw new ConfigError(`several things can only be copied into a directory, and ${options.output} is none`);
  }
  const copy = new CopyOut({ force: options.force ?? false, keepOwner: process.getuid?.() === 0 }, report, progress);
  for (const node of nodes) {
    const name = nameOf(node);
    await copy.copy(node, intoDirectory && name !== undefined ? join(destination, name) : destination);
  }
}

async function archiveFiles(
  context: CommandContext,
  nodes: readonly TreeNode[],
  options: GetOptions & { readonly format: ArchiveFormat },
  report: Report,
  progress: Progress,
): Promise<void> {
  if (nodes.length === 0) return;
  const problems = new ArchiveReport((_path, error) => report.fail(error));
  const archive = writeArchive(options.format, entriesOf(nodes, options.format, problems), problems);
  const output = options.output ?? "-";
  if (output === "-") {
    if (context.stdout.isTTY === true) {
      throw new ConfigError("an archive would garble the terminal: name a file with -o FILE, or redirect the output");
    }
    for await (const chunk of archive) await writeFully(context.stdout, chunk);
  } else {
    await writeOutputFile(output, options.force ?? false, async (file) => {
      for await (const chunk of archive) {
        await file.writeFile(chunk);
        progress.add(chunk.length);
      }
    });
  }
  report.succeed();
}

/** Members are named from each path's last component on; the root's content stands at the top. */
async function* entriesOf(nodes: readonly TreeNode[], format: ArchiveFormat, report: ArchiveReport) {
  for (const node of nodes) {
    const name = nameOf(node);
    yield* archiveEntries(node, { report, ...archiveKeeps(format), ...(name === undefined ? {} : { name }) });
  }
}

function nameOf(node: TreeNode): Uint8Array | undefined {
  return splitPath(node.path).at(-1);
}

async function isDirectory(path: Buffer): Promise<boolean> {
  return (await statFile(path).catch(() => undefined))?.isDirectory() ?? false;
}
