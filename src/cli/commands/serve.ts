import { setTimeout as sleep } from "node:timers/promises";
import { parseDuration } from "../../bytes/duration.ts";
import type { CommandContext } from "../context.ts";
import { findExampleFile } from "../example-file.ts";
import { NOTHING_FOUND } from "../exit-code.ts";
import { greeting, readyLine } from "../greeting.ts";
import { createLogger } from "../logger.ts";
import { openBrowser } from "../open-browser.ts";
import { parsePort } from "../port.ts";
import { startServing } from "../serving.ts";
import { openSource } from "../source.ts";
import type { SourceOptions } from "../source-options.ts";

export interface ServeOptions extends SourceOptions {
  readonly listen: string;
  readonly httpsPort?: string;
  readonly sshPort?: string;
  readonly ttl: string;
  readonly open?: true;
  readonly json?: true;
  readonly verbose?: true;
}

/** Runs until it expires or is asked to end; both are success. */
export async function serve(context: CommandContext, _args: undefined, options: ServeOptions): Promise<number> {
  const expiresAt = new Date(Date.now() + parseDuration(options.ttl));
  const httpsPort = options.httpsPort === undefined ? undefined : parsePort(options.httpsPort);
  const sshPort = options.sshPort === undefined ? undefined : parsePort(options.sshPort);
  const source = await openSource(context, options);
  try {
    if (source.backups.length === 0) {
      context.stderr.write(`vmfr: no backup contains ${options.vm}; vmfr discover tells why\n`);
      return NOTHING_FOUND;
    }
    const serving = await startServing({
      tree: source.tree,
      host: options.listen,
      httpsPort,
      sshPort,
      webRoot: context.webRoot,
      expiresAt,
      logger: createLogger(options.verbose ?? false),
    });
    try {
      const ended = context.untilAskedToEnd();
      context.stdout.write(
        options.json ? readyLine(serving) : greeting(serving, source.backups, await findExampleFile(source)),
      );
      if (options.open) openBrowser(serving.https.url);
      await Promise.race([ended, untilTime(expiresAt)]);
      if (!options.json) context.stdout.write("\nEnding.\n");
    } finally {
      await serving.close();
    }
    return 0;
  } finally {
    await source.close();
  }
}

/** Timers hold 24 days at most. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

async function untilTime(time: Date): Promise<void> {
  for (let rest = time.getTime() - Date.now(); rest > 0; rest = time.getTime() - Date.now()) {
    await sleep(Math.min(rest, LONGEST_TIMER_MS), undefined, { ref: false });
  }
}
