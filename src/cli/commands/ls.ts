import { displayName, splitPath } from "../../bytes/byte-name.ts";
import { childPath } from "../../restore-tree/placed-node.ts";
import type { RestoreTree, TreeNode, TreeStat } from "../../restore-tree/tree-node.ts";
import { walk } from "../../restore-tree/walk.ts";
import type { CommandContext } from "../context.ts";
import { entryJson } from "../entry-json.ts";
import { formatMode, formatTime } from "../human.ts";
import { TextOutput } from "../output.ts";
import { resolveArgument } from "../path-argument.ts";
import { forEachReported, type Report } from "../report.ts";
import { openSource } from "../source.ts";
import type { SourceOptions } from "../source-options.ts";

export interface LsOptions extends SourceOptions {
  readonly long?: true;
  readonly recursive?: true;
  readonly json?: true;
}

/** Entries come out as they are read, so a directory of a million names needs no more memory than one of ten. */
export async function ls(context: CommandContext, paths: readonly string[], options: LsOptions): Promise<number> {
  const source = await openSource(context, options);
  const output = new TextOutput(context);
  const printer = options.json ? new JsonPrinter(output) : new LinePrinter(output, options);
  try {
    const code = await forEachReported(context, paths, async (path, report) => {
      // A directory behind a symlink is what somebody wants to see who names it.
      const node = await resolveArgument(source.tree, path);
      if (node.type !== "directory") return printer.print(node, await node.stat(), node.path);
      if (paths.length > 1) await printer.heading(node);
      if (options.recursive) await printRecursively(node, printer, report);
      else await printChildren(node, printer, report);
      await explainEmptyDisks(source.tree, node, options.recursive ?? false, report);
    });
    await printer.end();
    await output.flush();
    return code;
  } finally {
    await source.close();
  }
}

async function printChildren(directory: TreeNode, printer: Printer, report: Report): Promise<void> {
  for await (const batch of directory.list()) {
    for (const { name } of batch) {
      try {
        const child = await directory.child(name);
        if (child !== undefined) await printer.print(child, await child.stat(), child.path);
      } catch (error) {
        report.fail(error);
      }
    }
  }
}

async function printRecursively(start: TreeNode, printer: Printer, report: Report): Promise<void> {
  const onError = (_path: Uint8Array, error: unknown): void => report.fail(error);
  for await (const { node, stat, path, depth } of walk(start, { onError })) {
    if (depth > 0) await printer.print(node, stat, childPath(start.path, path));
  }
}

/** A disk that cannot be read is an empty directory; who lists it has to learn why. */
async function explainEmptyDisks(tree: RestoreTree, listed: TreeNode, below: boolean, report: Report): Promise<void> {
  const path = displayName(listed.path);
  const { backups } = await tree.inventory();
  for (const disk of backups.flatMap(({ disks }) => disks)) {
    const isListed = disk.path === path || (below && disk.path.startsWith(path === "/" ? path : `${path}/`));
    if (isListed && disk.state === "unavailable")
      report.note(`${disk.path} cannot be read: ${disk.reasons.join("; ")}`);
  }
}

interface Printer {
  heading(directory: TreeNode): Promise<void>;
  /** `path` is the node's own, which it would have to put together first. */
  print(node: TreeNode, stat: TreeStat, path: Uint8Array): Promise<void>;
  end(): Promise<void>;
}

class LinePrinter implements Printer {
  readonly #output: TextOutput;
  readonly #options: LsOptions;
  #headings = 0;

  constructor(output: TextOutput, options: LsOptions) {
    this.#output = output;
    this.#options = options;
  }

  async heading(directory: TreeNode): Promise<void> {
    await this.#output.write(`${this.#headings++ > 0 ? "\n" : ""}${displayName(directory.path)}:\n`);
  }

  async print(node: TreeNode, stat: TreeStat, path: Uint8Array): Promise<void> {
    const name = displayName(this.#options.recursive ? path : (splitPath(path).at(-1) ?? path));
    await this.#output.write(`${this.#options.long ? await longLine(name, node, stat) : name}\n`);
  }

  async end(): Promise<void> {}
}

async function longLine(name: string, node: TreeNode, stat: TreeStat): Promise<string> {
  const size = stat.device === undefined ? String(stat.size) : `${stat.device.major}, ${stat.device.minor}`;
  const target = stat.type === "symlink" ? ` -> ${displayName(await node.readLink())}` : "";
  const owner = `${stat.uid}:${stat.gid}`.padEnd(11);
  return `${formatMode(stat.type, stat.mode)} ${owner} ${size.padStart(12)} ${formatTime(stat.mtime)} ${name}${target}`;
}

/** One array, one entry a line. */
class JsonPrinter implements Printer {
  readonly #output: TextOutput;
  #entries = 0;

  constructor(output: TextOutput) {
    this.#output = output;
  }

  async heading(): Promise<void> {}

  async print(node: TreeNode, stat: TreeStat): Promise<void> {
    await this.#output.write(`${this.#entries++ === 0 ? "[\n" : ",\n"}${JSON.stringify(await entryJson(node, stat))}`);
  }

  async end(): Promise<void> {
    await this.#output.write(this.#entries === 0 ? "[]\n" : "\n]\n");
  }
}
