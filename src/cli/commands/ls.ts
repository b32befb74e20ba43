import { displayName, splitPath } from "../../bytes/byte-name.ts";
import { modeText } from "../../disk/filesystem/mode-text.ts";
import type { RestoreTree, TreeNode, TreeStat } from "../../restore-tree/tree-node.ts";
import { type TypeKnown, type WalkEntry, type WalkOptions, walkBatches, walkNames } from "../../restore-tree/walk.ts";
import type { CommandContext } from "../context.ts";
import { entryJson } from "../entry-json.ts";
import { formatTime } from "../human.ts";
import { TextOutput } from "../output.ts";
import { resolveArgument } from "../path-argument.ts";
import { forEachReported, type Report } from "../report.ts";
import { ShownPath } from "../shown-path.ts";
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
      if (node.type !== "directory")
        return printer.print(node, await node.stat(), options.recursive ? displayName(node.path) : lastName(node));
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
        if (child !== undefined) await printer.print(child, await child.stat(), displayName(name));
      } catch (error) {
        report.fail(error);
      }
    }
  }
}

async function printRecursively(start: TreeNode, printer: Printer, report: Report): Promise<void> {
  const options: WalkOptions = { onError: (_path, error) => report.fail(error) };
  const shown = new ShownPath(start.path);
  const { printName } = printer;
  if (printName === undefined) {
    await forEachBelow(walkBatches(start, options), (entry) => printer.print(entry.node, entry.stat, shown.of(entry)));
  } else await forEachBelow(walkNames(start, options), (entry) => printName(shown.of(entry)));
}

/** Waits only where `work` has something to wait for. */
async function forEachBelow<Known extends TypeKnown>(
  batches: AsyncIterable<readonly WalkEntry<Known>[]>,
  work: (entry: WalkEntry<Known>) => Promise<void> | undefined,
): Promise<void> {
  for await (const batch of batches) {
    for (const entry of batch) {
      const waiting = entry.depth > 0 ? work(entry) : undefined;
      if (waiting !== undefined) await waiting;
    }
  }
}

function lastName({ path }: TreeNode): string {
  return displayName(splitPath(path).at(-1) ?? path);
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
  /** `name` is what people see: the whole path in recursive listings. */
  print(node: TreeNode, stat: TreeStat, name: string): Promise<void> | undefined;
  /** There where the name is all that is printed, so that nothing else need be looked at. */
  readonly printName?: (name: string) => Promise<void> | undefined;
  end(): Promise<void>;
}

class LinePrinter implements Printer {
  readonly printName?: (name: string) => Promise<void> | undefined;
  readonly #output: TextOutput;
  #headings = 0;

  constructor(output: TextOutput, options: LsOptions) {
    this.#output = output;
    if (!options.long) this.printName = (name) => output.write(`${name}\n`);
  }

  async heading(directory: TreeNode): Promise<void> {
    await this.#output.write(`${this.#headings++ > 0 ? "\n" : ""}${displayName(directory.path)}:\n`);
  }

  print(node: TreeNode, stat: TreeStat, name: string): Promise<void> | undefined {
    if (this.printName !== undefined) return this.printName(name);
    if (stat.type === "symlink") return this.#printLink(node, stat, name);
    return this.#output.write(`${longLine(stat, name)}\n`);
  }

  async #printLink(node: TreeNode, stat: TreeStat, name: string): Promise<void> {
    await this.#output.write(`${longLine(stat, name)} -> ${displayName(await node.readLink())}\n`);
  }

  async end(): Promise<void> {}
}

function longLine(stat: TreeStat, name: string): string {
  const size = stat.device === undefined ? String(stat.size) : `${stat.device.major}, ${stat.device.minor}`;
  const owner = `${stat.uid}:${stat.gid}`.padEnd(11);
  return `${modeText(stat.type, stat.mode)} ${owner} ${size.padStart(12)} ${formatTime(stat.mtime)} ${name}`;
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
