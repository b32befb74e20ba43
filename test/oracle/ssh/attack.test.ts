import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { PacketType, StatusCode } from "../../../src/serve/ssh/sftp/protocol.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { sftpPacket, splitReplies } from "../../setup/sftp-exchange.ts";
import { type Outcome, runClient } from "../../setup/ssh-client.ts";
import { tally } from "../../setup/tally.ts";
import { HOSTILE_COMMANDS, READING_COMMANDS } from "./attack-commands.ts";
import { type AttackedServer, CANARY, GUEST_PASSWD, startAttackedServer } from "./attacked-server.ts";
import { walk } from "./awkward-tree.ts";

beforeAll(() => requireDebianPackages("openssh-client", "rsync", "e2fsprogs", "python3-paramiko", "sshpass"));

/** Runs attacks and looks afterwards: the image, the host and the server must be as before. */
async function attacked(attack: (server: AttackedServer) => Promise<number>): Promise<void> {
  const server = await startAttackedServer();
  const before = server.state();
  const attempts = await attack(server);
  expect(server.state()).toEqual(before);
  const { stdout } = await runClient("sftp", ["-F", server.configFile, "-b", "-", "vmfr"], "ls -1 /web/etc\n");
  expect(stdout.toString()).toContain("/web/etc/passwd");
  tally("SSH attacks refused, nothing changed", attempts);
}

function ssh(
  { configFile }: AttackedServer,
  args: readonly string[],
  input: string | Uint8Array = "",
): Promise<Outcome> {
  return runClient("ssh", ["-F", configFile, ...args], input);
}

test("commands that are not exactly reading ones end with a sentence and without output", () => {
  return attacked(async (server) => {
    for (const command of HOSTILE_COMMANDS) {
      const { status, stdout, stderr } = await ssh(server, ["vmfr", command], "\0".repeat(100));
      const shown = command.slice(0, 80);
      expect({ shown, status }).not.toEqual({ shown, status: 0 });
      expect({ shown, words: stdout.toString() + stderr }).toEqual({
        shown,
        words: expect.stringMatching(/vmfr: |scp: |rsync/),
      });
      expect(stdout.toString("latin1")).not.toMatch(/root:|guest:x|uid=/);
    }
    for (const command of READING_COMMANDS) {
      const { status } = await ssh(server, ["vmfr", command], "\0".repeat(100));
      expect({ command, status }).toEqual({ command, status: 0 });
    }
    return HOSTILE_COMMANDS.length;
  });
});

const WRITES: readonly (readonly [name: string, packet: Buffer])[] = [
  ...[0x02, 0x03, 0x0a, 0x0b, 0x06, 0x12, 0x1a, 0x2a, 0x22, 0x08, 0x10, 0x3f, 0xffff_fffe].map(
    (flags) => [`open ${flags}`, sftpPacket(PacketType.OPEN, 1, "/web/etc/passwd", flags, 4, 0o777)] as const,
  ),
  ["open new", sftpPacket(PacketType.OPEN, 1, "/web/new", 0x1a, 0)],
  ["write", sftpPacket(PacketType.WRITE, 1, Buffer.of(0, 0, 0, 1), 0n, "root")],
  ["setstat", sftpPacket(PacketType.SETSTAT, 1, "/web/etc/passwd", 1, 0n)],
  ["fsetstat", sftpPacket(PacketType.FSETSTAT, 1, Buffer.of(0, 0, 0, 1), 1, 0n)],
  ["remove", sftpPacket(PacketType.REMOVE, 1, "/web/etc/passwd")],
  ["mkdir", sftpPacket(PacketType.MKDIR, 1, "/web/new", 0)],
  ["rmdir", sftpPacket(PacketType.RMDIR, 1, "/web/etc")],
  ["rename", sftpPacket(PacketType.RENAME, 1, "/web/etc", "/web/gone")],
  ["symlink", sftpPacket(PacketType.SYMLINK, 1, "/etc/passwd", "/web/new")],
  ...["posix-rename@openssh.com", "hardlink@openssh.com"].map(
    (name) => [name, sftpPacket(PacketType.EXTENDED, 1, name, "/web/etc/passwd", "/web/new")] as const,
  ),
  ["fsync", sftpPacket(PacketType.EXTENDED, 1, "fsync@openssh.com", Buffer.of(0, 0, 0, 1))],
  ["lsetstat", sftpPacket(PacketType.EXTENDED, 1, "lsetstat@openssh.com", "/web/etc/passwd", 4, 0o777)],
  [
    "copy-data",
    sftpPacket(PacketType.EXTENDED, 1, "copy-data", Buffer.of(0, 0, 0, 1), 0n, 1n, Buffer.of(0, 0, 0, 1), 0n),
  ],
  ["copy-file", sftpPacket(PacketType.EXTENDED, 1, "copy-file", "/web/etc/passwd", "/web/new", 1)],
];

test("every request of SFTP that writes is denied", () => {
  return attacked(async (server) => {
    const open = sftpPacket(PacketType.OPEN, 0, "/web/etc/passwd", 1, 0);
    const packets = [sftpPacket(PacketType.INIT, 3), open, ...WRITES.map(([, packet]) => packet)];
    for (const start of [
      ["-s", "vmfr", "sftp"],
      ["vmfr", "internal-sftp"],
    ]) {
      const { stdout } = await ssh(server, start, Buffer.concat(packets));
      const codes = splitReplies(stdout)
        .filter((reply) => reply[0] === PacketType.STATUS)
        .map((reply) => reply.readUInt32BE(5));
      expect(codes).toEqual(WRITES.map(() => StatusCode.PERMISSION_DENIED));
    }
    return WRITES.length;
  });
});

test("paramiko: other logins, writes, forwardings, commands, subsystems", () => {
  return attacked(async ({ port, user, keyFile }) => {
    const script = path.resolve(import.meta.dirname, "attack-paramiko.py");
    const { stdout, stderr } = await runClient("/usr/bin/python3", [script, String(port), user, keyFile]);
    const lines = stdout.toString().trim().split("\n");
    const outcomes = lines.map((line) => JSON.parse(line) as { name: string; refused: boolean; words: string });
    expect(outcomes.at(-1), stderr).toEqual({ name: "still served", refused: false, words: "['passwd']" });
    expect(outcomes.slice(0, -1).filter(({ refused }) => !refused)).toEqual([]);
    expect(outcomes.length).toBeGreaterThan(60);
    return outcomes.length - 1;
  });
});

test("ssh: every other login, and everything that is forwarded, is refused", () => {
  return attacked(async (server) => {
    const logins = [
      ["-o", "PreferredAuthentications=password", "-o", "BatchMode=no"],
      ["-o", "PreferredAuthentications=keyboard-interactive", "-o", "BatchMode=no"],
      ["-o", "PreferredAuthentications=hostbased", "-o", "HostbasedAuthentication=yes"],
      ["-o", "PreferredAuthentications=none"],
      ["-l", "root"],
      ["-l", ""],
      ["-l", "../restore"],
    ];
    for (const options of logins) {
      const args = ["-p", "secret", "ssh", "-F", server.configFile, ...options, "vmfr", "true"];
      const { status, stderr } = await runClient("sshpass", args);
      expect({ options, status, stderr }).toMatchObject({
        status: 255,
        stderr: expect.stringMatching(/denied|No more|user name/i),
      });
    }
    const forwardings = [
      ["-o", "ExitOnForwardFailure=yes", "-N", "-R", "0:127.0.0.1:1"],
      ["-o", "ExitOnForwardFailure=yes", "-N", "-R", `${server.downloads}/socket:127.0.0.1:1`],
      ["-o", "StreamLocalBindUnlink=yes", "-W", `127.0.0.1:${server.port}`],
      ["-o", "Tunnel=point-to-point", "-o", "ExitOnForwardFailure=yes", "-N", "-w", "any"],
    ];
    for (const options of forwardings) {
      const { status, stderr } = await runClient("timeout", [
        "20",
        "ssh",
        "-v",
        "-F",
        server.configFile,
        ...options,
        "vmfr",
      ]);
      expect({ options, status }).toEqual({ options, status: 255 });
      expect(stderr).toMatch(
        /forwarding failed|open failed|prohibited|unknown channel type|Tunnel device open failed|administratively/i,
      );
    }
    const { stderr, status } = await ssh(server, [
      "-v",
      "-A",
      "-X",
      "-t",
      "-t",
      "-o",
      "SetEnv=LD_PRELOAD=/tmp/x",
      "vmfr",
    ]);
    expect([status, stderr]).toEqual([1, expect.stringContaining("there is no shell here")]);
    return logins.length + forwardings.length + 1;
  });
});

test("ssh: a socket of this side that leads to a file of the server stays empty", () => {
  return attacked(async (server) => {
    const socketFile = path.join(server.downloads, "socket");
    const forward = ["-v", "-F", server.configFile, "-N", "-L", `${socketFile}:${server.canaryFile}`, "vmfr"];
    const client = spawn("ssh", forward, { stdio: ["ignore", "ignore", "pipe"] });
    let words = "";
    client.stderr.on("data", (text: Buffer) => {
      words += text;
    });
    await expect.poll(() => existsSync(socketFile), { timeout: 60_000 }).toBe(true);
    const received: Buffer[] = [];
    const socket = connect(socketFile).on("error", () => undefined);
    for await (const chunk of socket) received.push(chunk);
    expect(Buffer.concat(received)).toHaveLength(0);
    await expect.poll(() => words, { timeout: 60_000 }).toContain("open failed: administratively prohibited");
    client.kill();
    await once(client, "close");
    return 1;
  });
});

/** Contents of what arrived as a file. */
function arrived(directory: string): string[] {
  const files = [...walk(directory)].filter(({ path: file }) => lstatSync(file).isFile());
  return files.map(({ path: file }) => readFileSync(file, "latin1"));
}

test("no path and no link leads out of the guest, by any of the programs", () => {
  return attacked(async (server) => {
    const { configFile, canaryFile } = server;
    const paths = [
      canaryFile,
      `/web${canaryFile}`,
      `/web/../..${canaryFile}`,
      `${"../".repeat(30)}${canaryFile}`,
      `/web/outside/canary`,
      `/web/traps/link-0`,
      `/web/traps/link-3`,
      `/web/traps/link-10`,
      "/web/traps/link-7/traps/link-0",
      "/proc/self/environ",
      "/web/traps/link-4",
      "~/../canary",
    ];
    let fetched = 0;
    const into = () => {
      const directory = path.join(server.downloads, `${fetched++}`);
      mkdirSync(directory);
      return directory;
    };
    const rsync = ["-e", `ssh -F ${configFile}`];
    const list = path.join(server.downloads, "list");
    writeFileSync(list, paths.join("\n"));
    const programs: ((source: string) => Promise<Outcome>)[] = [
      (source) => runClient("sftp", ["-F", configFile, "-b", "-", "vmfr"], `-get -R "${source}" ${into()}\n`),
      (source) => runClient("scp", ["-F", configFile, "-r", `vmfr:${source}`, into()]),
      (source) => runClient("scp", ["-O", "-F", configFile, "-r", `vmfr:${source}`, into()]),
      (source) => runClient("rsync", [...rsync, "-rL", `vmfr:${source}`, into()]),
      (source) => runClient("rsync", [...rsync, "-RrL", `vmfr:${source}`, into()]),
    ];
    for (const source of paths) for (const program of programs) await program(source);
    await runClient("rsync", [...rsync, "-L", `--files-from=${list}`, "vmfr:/web/", into()]);
    await runClient("rsync", [...rsync, "-L", `--files-from=:${canaryFile}`, "vmfr:/web/", into()]);
    await runClient("scp", ["-O", "-F", configFile, "-r", "vmfr:/web/traps", into()]);
    await runClient("rsync", [...rsync, "-rLk", "vmfr:/web/traps", into()]);
    const contents = arrived(server.downloads).filter((content) => content !== paths.join("\n"));
    expect(contents.filter((content) => content.includes(CANARY))).toEqual([]);
    // Links to /etc/passwd lead to the guest's own; nothing else has a content to fetch.
    expect(new Set(contents)).toEqual(new Set([GUEST_PASSWD]));
    return fetched;
  });
});

test("connections beyond the limit neither stop the server nor keep its users out", () => {
  return attacked(async (server) => {
    const sockets = Array.from({ length: 200 }, () =>
      connect(server.port, "127.0.0.1")
        .on("error", () => undefined)
        .resume(),
    );
    await expect.poll(() => sockets.filter(({ closed }) => closed).length, { timeout: 60_000 }).toBeGreaterThan(150);
    // Those that hold their places without a word give way to somebody who logs in.
    const { status } = await runClient("sftp", ["-F", server.configFile, "-b", "-", "vmfr"], "ls /web\n");
    expect(status).toBe(0);
    for (const socket of sockets) socket.destroy();
    return sockets.length;
  });
});
