import { nameFromText, splitPath } from "../../bytes/byte-name.ts";
import { ConfigError, describeError } from "../../errors.ts";
import { fileHistory, type HistoryEntry } from "../../restore-tree/history.ts";
import type { CommandContext } from "../context.ts";
import { NOTHING_FOUND, PARTIAL } from "../exit-code.ts";
import { formatBytes, formatExactTime, formatTime } from "../human.ts";
import { openSource } from "../source.ts";
import type { SourceOptions } from "../source-options.ts";
import { formatTable } from "../table.ts";

export interface HistoryOptions extends SourceOptions {
  readonly json?: true;
}

/** PATH is `DISK/…`, or a tree path whose backup does not matter: `/backups/<any>/DISK/…`. */
export async function history(context: CommandContext, path: string, options: HistoryOptions): Promise<number> {
  const source = await openSource(context, options);
  try {
    if (source.layout === "disks") throw new ConfigError("history needs backups: say which with --store and --vm");
    const entries: HistoryEntry[] = [];
    for await (const entry of fileHistory(source.tree, source.backups, guestPath(path))) entries.push(entry);
    context.stdout.write(options.json ? `${JSON.stringify(entries.map(toJson), undefined, 2)}\n` : describe(entries));
    if (entries.some(({ state }) => state === "unreadable")) return PARTIAL;
    return entries.every(({ state }) => state === "absent") ? NOTHING_FOUND : 0;
  } finally {
    await source.close();
  }
}

function guestPath(path: string): Uint8Array[] {
  const names = splitPath(nameFromText(path));
  const [first] = names;
  return path.startsWith("/backups/") && first !== undefined ? names.slice(2) : names;
}

function toJson({ backup, state, stat, sha256, error }: HistoryEntry): Record<string, unknown> {
  return {
    backup: backup.name,
    ...(backup.completedAt === undefined ? {} : { completedAt: backup.completedAt.toISOString() }),
    state,
    ...(stat === undefined ? {} : { type: stat.type, size: stat.size, mtime: formatExactTime(stat.mtime) }),
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(error === undefined ? {} : { error: describeError(error) }),
  };
}

function describe(entries: readonly HistoryEntry[]): string {
  const rows = entries.map(({ backup, state, stat, sha256, error }) => [
    backup.name,
    state,
    stat === undefined ? "" : formatBytes(stat.size),
    stat === undefined ? "" : formatTime(stat.mtime),
    error === undefined ? (sha256 ?? "") : describeError(error),
  ]);
  return formatTable(
    [
      { title: "BACKUP" },
      { title: "STATE" },
      { title: "SIZE", align: "right" },
      { title: "MODIFIED" },
      { title: "SHA-256" },
    ],
    rows,
  );
}
