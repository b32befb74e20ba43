import { nameKey } from "../../../bytes/byte-name.ts";
import { ConfigError } from "../../../errors.ts";
import { type ShellWord, splitShellWords } from "../command/shell-words.ts";

/** What a client asks of the source side of scp's own protocol. */
export interface ScpRequest {
  readonly recursive: boolean;
  /** Send times and exact modes. */
  readonly preserve: boolean;
  readonly paths: readonly ShellWord[];
}

export function isScpCommand(command: string): boolean {
  return /^[ \t]*(?:\/usr\/bin\/)?scp(?:[ \t]|$)/.test(command);
}

/**
 * `scp -f [-r] [-p] [-d] [-v] [-q] [--] path…`, as scp's clients send it with `-O`.
 * @throws ConfigError for the sink side (`-t`), which would write, and for everything else.
 */
export function parseScpCommand(command: string, home: Uint8Array): ScpRequest {
  const words = splitShellWords(command, nameKey(home).replace(/\/$/, ""));
  const flags = new Set<string>();
  let position = 1;
  for (; position < words.length; position++) {
    const text = words[position]?.text ?? "";
    if (!text.startsWith("-") || text === "-") break;
    if (text === "--") {
      position++;
      break;
    }
    for (const flag of text.slice(1)) flags.add(flag);
  }
  if (flags.has("t")) throw new ConfigError("this server is read-only: files can be fetched, not sent");
  const unknown = [...flags].find((flag) => !"frpdvq".includes(flag));
  if (unknown !== undefined) throw new ConfigError(`scp -${unknown} is not supported`);
  const paths = words.slice(position);
  if (!flags.has("f") || paths.length === 0) throw new ConfigError("there is no shell here to run scp; use your own");
  return { recursive: flags.has("r"), preserve: flags.has("p"), paths };
}
