import { expect, test } from "vitest";
import { nameFromText } from "../../../src/bytes/byte-name.ts";
import { matchRsync } from "../../../src/serve/ssh/rsync/rsync-session.ts";
import { matchScp } from "../../../src/serve/ssh/scp/scp-source.ts";
import { exchangeSession } from "../../setup/session-exchange.ts";
import { commandLine } from "./command-lines.ts";
import { FUZZ_TIMEOUT_MS, fuzz } from "./fuzz-run.ts";
import { createFuzzedGuest } from "./guest.ts";
import { RsyncScript } from "./rsync-script.ts";
import { cut } from "./sftp-sessions.ts";

const guest = createFuzzedGuest();
const options = { tree: guest.tree, home: nameFromText("/"), logger: guest.logger };
/** Exit statuses that rsync and scp define. */
const STATUSES = [0, 1, 2, 4, 23, 24];

const match = (command: string) => matchScp(options)(command) ?? matchRsync(options)(command);

test(
  "no command line makes scp or rsync end in any way but with a status",
  async () => {
    let recognised = 0;
    await fuzz({
      name: "command lines",
      share: 0.33,
      attempt: async (random) => {
        const command = commandLine(random);
        const program = match(command);
        if (program === undefined) return;
        recognised++;
        // What scp's client says to everything it likes, or what no client says.
        const input = random.percent(60) ? Buffer.alloc(200) : random.bytes(100);
        const { status, explanations } = await exchangeSession(program, cut(random, input));
        expect(STATUSES).toContain(status);
        // Quotes and backslashes could make it another command than it looks like.
        const isPlain = !/['"\\]/.test(command);
        const isWriting = /^\S*rsync(?!.*--sender)|^scp -t/s.test(command);
        if (isPlain && isWriting) expect([status, explanations.length]).toEqual([1, 1]);
        expect(guest.fileSystem.openSources).toBe(0);
      },
    });
    expect(recognised).toBeGreaterThan(0);
    expect(guest.errors).toEqual([]);
  },
  FUZZ_TIMEOUT_MS,
);

test(
  "no client's stream makes the rsync sender end in any way but with a status",
  async () => {
    const statuses = new Map<number, number>();
    await fuzz({
      name: "rsync streams",
      share: 0.16,
      attempt: async (random) => {
        const script = new RsyncScript(random);
        const program = match(script.command);
        if (program === undefined) throw new Error(`not recognised: ${script.command}`);
        const { status } = await exchangeSession(program, cut(random, script.input));
        expect(STATUSES).toContain(status);
        expect(guest.fileSystem.openSources).toBe(0);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      },
    });
    expect(guest.errors).toEqual([]);
    // Enough of them get to the end for the others to get deep.
    const count = [...statuses.values()].reduce((sum, value) => sum + value, 0);
    const complete = (statuses.get(0) ?? 0) + (statuses.get(23) ?? 0);
    if (count > 100) expect(complete / count).toBeGreaterThan(0.2);
  },
  FUZZ_TIMEOUT_MS,
);
