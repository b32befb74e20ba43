import fc from "fast-check";
import { expect, test } from "vitest";
import { createRestoreTree } from "../../../src/restore-tree/restore-tree.ts";
import { matchRsync } from "../../../src/serve/ssh/rsync/rsync-session.ts";
import { matchScp } from "../../../src/serve/ssh/scp/scp-source.ts";
import { memoryDisk, memoryTreeDisk } from "../../setup/memory-disk.ts";
import { MemoryFileSystem } from "../../setup/memory-file-system.ts";
import { commandLine, exchangeSession } from "../../setup/session-exchange.ts";
import { tally } from "../../setup/tally.ts";

const SEED = 20_261_123;

function programs() {
  const guest = new MemoryFileSystem();
  const directory = guest.directory(guest.root, "data");
  guest.file(directory, "file", "some content that is not long\n".repeat(100));
  guest.symlink(directory, "link", "../data");
  guest.file(directory, "[odd]*name", "odd");
  const tree = createRestoreTree({
    layout: "disks",
    backups: [{ name: "b", vm: { namespace: "", name: "vm" }, disks: [memoryTreeDisk("web", memoryDisk(guest))] }],
  });
  const errors: string[] = [];
  const ignore = () => undefined;
  const logger = { info: ignore, warn: ignore, error: (_: unknown, message: string) => void errors.push(message) };
  const options = { tree, home: Buffer.from("/"), logger };
  const match = (command: string) => matchScp(options)(command) ?? matchRsync(options)(command);
  return { match, errors };
}

const SHELL_PIECES = [
  "scp -f ",
  "scp -r -f ",
  "scp -t ",
  "rsync --server --sender ",
  "rsync --server ",
  "-logDtpre.iLsfxCIvu ",
  "-s ",
  ". ",
  "/web/data",
  "/web/*",
  "~",
  "/../..",
  "'",
  '"',
  "\\",
  "$(id)",
  "`",
  ";",
  "|",
  "*",
  "?",
  "[a-",
  "[[:alpha:]]",
  "]",
  "--",
  "-r",
  "-p",
  "\n",
  "\0",
  "é",
  "\xff",
  "--files-from=- ",
  "--checksum-choice=xxh3 ",
  "--protocol=1 ",
  "--iconv=x ",
  "-zzzz ",
  "--remove-source-files ",
  "%s%n",
  " ",
];

const exec = fc.array(fc.oneof(fc.constantFrom(...SHELL_PIECES), fc.string({ unit: "binary", maxLength: 6 })), {
  maxLength: 12,
});
const noise = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });

test("no exec string and no input makes scp or rsync fail in any way but with a status", async () => {
  const { match, errors } = programs();
  let cases = 0;
  await fc.assert(
    fc.asyncProperty(exec, noise, async (pieces, chunks) => {
      cases++;
      const program = match(commandLine(Buffer.from(pieces.join(""), "latin1")));
      if (program === undefined) return;
      const { status } = await exchangeSession(program, chunks);
      expect([0, 1, 2, 4, 23, 24]).toContain(status);
    }),
    { seed: SEED, numRuns: 20_000 },
  );
  expect(errors).toEqual([]);
  tally("hostile commands to scp and rsync answered", cases);
}, 120_000);

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value | 0, 0);
  return bytes;
}

function frame(kind: number, payload: Uint8Array): Buffer {
  return Buffer.concat([int32(((kind + 7) << 24) | payload.length), payload]);
}

const version = fc.constantFrom(27, 28, 29, 30, 31, 32);
const number = fc.oneof(fc.constantFrom(0, 1, 2, 3, -1, -101, 700, 131_072, 0x7fff_ffff, -0x8000_0000), fc.integer());
const field = fc.oneof(
  number.map(int32),
  fc.constantFrom(Buffer.of(0), Buffer.of(1), Buffer.of(2), Buffer.of(0xff, 1), Buffer.of(0xfe, 0x80, 1, 0, 0)),
  fc.constantFrom(Buffer.of(0, 0x80), Buffer.of(0, 0xa0), Buffer.of(0, 0x98), Buffer.of(0, 0x81)),
  fc.uint8Array({ maxLength: 24 }).map((bytes) => Buffer.from(bytes)),
);
const rule = fc
  .oneof(
    fc.constantFrom(
      "- *",
      "+ **/a**b",
      ":e .rules",
      "!",
      "-! x",
      "- [",
      "-/ /web/**",
      ":C",
      "-C",
      "P x",
      "hide x",
      ". a",
      "-x user.*",
      "-",
    ),
    fc.string({ unit: "binary", maxLength: 12 }),
  )
  .map((text) => Buffer.concat([int32(Buffer.byteLength(text, "latin1")), Buffer.from(text, "latin1")]));

test("no stream of a client's makes the rsync sender fail in any way but with a status", async () => {
  const { match, errors } = programs();
  const options = fc.constantFrom(
    "-logDtpre.iLsfxCIvu",
    "-lHogDtpAXrcze.LsfxCIvu",
    "-nrXe.iLsfxCIv",
    "-re.iLsfxCI",
    "-Rre.",
    "-rCxxe.f",
  );
  let cases = 0;
  await fc.assert(
    fc.asyncProperty(
      options,
      version,
      fc.array(rule, { maxLength: 3 }),
      fc.array(field, { maxLength: 24 }),
      fc.boolean(),
      async (letters, spoken, rules, fields, isAppending) => {
        cases++;
        const command = `rsync --server --sender ${letters} --checksum-choice=md5 ${isAppending ? "--append" : ""} . /web/data`;
        const program = match(commandLine(command));
        const body = Buffer.concat([...rules, int32(0), ...fields]);
        const begin = int32(spoken);
        const input = spoken >= 30 ? [begin, frame(0, body)] : [begin, body];
        const outcome = await exchangeSession(program ?? (() => Promise.reject(new Error("no program"))), input);
        expect([0, 1, 2, 4, 23, 24]).toContain(outcome.status);
      },
    ),
    { seed: SEED, numRuns: 20_000 },
  );
  expect(errors).toEqual([]);
  tally("hostile rsync streams answered", cases);
}, 240_000);
