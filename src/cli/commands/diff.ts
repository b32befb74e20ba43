import { displayName, joinPath, utf8OrUndefined } from "../../bytes/byte-name.ts";
import { ConfigError } from "../../errors.ts";
import { compareTrees, type Difference } from "../../restore-tree/compare.ts";
import type { TreeNode } from "../../restore-tree/tree-node.ts";
import type { CommandContext } from "../context.ts";
import { TextOutput } from "../output.ts";
import { resolveArgument } from "../path-argument.ts";
import { Report } from "../report.ts";
import { openSource } from "../source.ts";
import type { SourceOptions } from "../source-options.ts";

export interface DiffOptions extends SourceOptions {
  readonly metadata?: true;
  readonly json?: true;
}

/** As diff(1) has it. */
const DIFFERENT = 1;

/** Larger files, and pairs with more differing lines than this, are only said to differ. */
const LARGEST_TEXT = 4 * 1024 * 1024;
const MOST_EDITS = 20_000;

/** Exit code 0 when both are equal, 1 when they differ, else that of what could not be compared. */
export async function diff(context: CommandContext, paths: readonly string[], options: DiffOptions): Promise<number> {
  const [leftPath, rightPath, ...rest] = paths;
  if (leftPath === undefined || rightPath === undefined || rest.length > 0) {
    throw new ConfigError("diff compares two paths: vmfr diff … A B");
  }
  const source = await openSource(context, options);
  const output = new TextOutput(context);
  const report = new Report(context);
  try {
    const left = await resolveArgument(source.tree, leftPath);
    const right = await resolveArgument(source.tree, rightPath);
    const onError = (_path: readonly Uint8Array[], error: unknown): void => report.fail(error);
    const found: Record<string, unknown>[] = [];
    let differences = 0;
    for await (const difference of compareTrees(left, right, { onError, metadata: options.metadata ?? false })) {
      differences++;
      if (options.json) found.push(toJson(difference));
      else await output.write(await describe(difference, left, right));
    }
    if (options.json) await output.write(`${JSON.stringify(found, undefined, 2)}\n`);
    await output.flush();
    return report.exitCode === 0 && differences > 0 ? DIFFERENT : report.exitCode;
  } finally {
    await source.close();
  }
}

function toJson({ path, kind, aspects, left, right }: Difference): Record<string, unknown> {
  return {
    path: displayName(joinPath(path)),
    kind,
    ...(aspects.length === 0 ? {} : { aspects }),
    ...(left === undefined ? {} : { left: displayName(left.path) }),
    ...(right === undefined ? {} : { right: displayName(right.path) }),
  };
}

async function describe(
  { path, kind, aspects, left, right }: Difference,
  leftStart: TreeNode,
  rightStart: TreeNode,
): Promise<string> {
  const name = path.length === 0 ? displayName(rightStart.path) : displayName(joinPath(path)).slice(1);
  if (kind === "only-left") return `Only in ${displayName(leftStart.path)}: ${name}\n`;
  if (kind === "only-right") return `Only in ${displayName(rightStart.path)}: ${name}\n`;
  const patch =
    aspects.includes("content") && left !== undefined && right !== undefined
      ? await unifiedDiff(left, right)
      : undefined;
  return patch ?? `Differs in ${aspects.join(", ")}: ${name}\n`;
}

async function unifiedDiff(left: TreeNode, right: TreeNode): Promise<string | undefined> {
  const [leftText, rightText] = await Promise.all([textOf(left), textOf(right)]);
  if (leftText === undefined || rightText === undefined) return undefined;
  const { createTwoFilesPatch } = await import("diff");
  const patch = createTwoFilesPatch(
    displayName(left.path),
    displayName(right.path),
    leftText,
    rightText,
    undefined,
    undefined,
    {
      context: 3,
      maxEditLength: MOST_EDITS,
    },
  );
  // The first line is only a ruler.
  return patch?.replace(/^=+\n/, "");
}

/** Undefined for what is not text, or too much of it. */
async function textOf(node: TreeNode): Promise<string | undefined> {
  const file = await node.open();
  try {
    if (file.size > LARGEST_TEXT) return undefined;
    const text = utf8OrUndefined(await file.read(0, file.size));
    // Control characters would reach the terminal as they are.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is its purpose
    return text === undefined || /[\u0000-\u0008\u000b\u000e-\u001f\u007f-\u009f]/.test(text) ? undefined : text;
  } finally {
    await file.close();
  }
}
