import { AccessError, ConfigError } from "../errors.ts";
import type { CommandContext } from "./context.ts";

/** What a terminal in raw mode sends for the keys that end or change a line. */
const INTERRUPT = 0x03;
const END_OF_FILE = 0x04;
const BACKSPACES = [0x08, 0x7f];
const ENDS = [0x0a, 0x0d, END_OF_FILE];
const KILL_LINE = 0x15;

/**
 * Asks on the terminal, without showing what is typed; the bytes as the terminal sends them.
 * @throws ConfigError when there is no terminal, AccessError when the answer is refused or empty
 */
export async function askSecret({ stdin, stderr }: CommandContext, question: string): Promise<Uint8Array> {
  if (stdin.isTTY !== true || stdin.setRawMode === undefined) {
    throw new ConfigError("--ask-passphrase needs a terminal; in scripts, give --passphrase-file");
  }
  stdin.setRawMode(true);
  try {
    stderr.write(question);
    const line = await readLine(stdin);
    if (line.length === 0) throw new AccessError("no passphrase was given");
    return line;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write("\n");
  }
}

function readLine(stdin: NodeJS.ReadableStream): Promise<Uint8Array> {
  const typed: number[] = [];
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void): void => {
      stdin.removeListener("data", onData).removeListener("end", onEnd);
      settle();
      typed.fill(0);
    };
    const onEnd = (): void => finish(() => resolve(Uint8Array.from(typed)));
    const onData = (chunk: Buffer | string): void => {
      for (const byte of Buffer.from(chunk)) {
        const isEnd = ENDS.includes(byte);
        if (isEnd) onEnd();
        else if (byte === INTERRUPT) finish(() => reject(new AccessError("no passphrase was given")));
        else if (byte === KILL_LINE) typed.length = 0;
        else if (BACKSPACES.includes(byte)) removeCharacter(typed);
        else typed.push(byte);
        if (isEnd || byte === INTERRUPT) break;
      }
    };
    stdin.on("data", onData).on("end", onEnd);
  });
}

/** The last one in UTF-8: its first byte is the only one that does not begin with the bits 10. */
function removeCharacter(typed: number[]): void {
  for (let last = typed.pop(); last !== undefined && last >> 6 === 0b10; ) last = typed.pop();
}
