import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { ALGORITHMS } from "../../../src/serve/ssh/server/algorithms.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { MemoryFileSystem } from "../../setup/memory-file-system.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { type Outcome, runClient } from "../../setup/ssh-client.ts";
import { type SshFixture, startSshFixture } from "./ssh-fixture.ts";

beforeAll(() => requireDebianPackages("openssh-client"));

function guest(): MemoryFileSystem {
  const fileSystem = new MemoryFileSystem();
  fileSystem.file(fileSystem.root, "hello", "hello\n");
  return fileSystem;
}

/** A key made by ssh-keygen; `args` as for it. */
function keygen(...args: readonly string[]): { file: string; publicKey: string } {
  const file = path.join(scratchDirectory(), "key");
  execFileSync("ssh-keygen", ["-q", "-N", "", "-f", file, ...args]);
  return { file, publicKey: readFileSync(`${file}.pub`, "utf8").trim() };
}

function ssh(fixture: SshFixture, ...args: readonly string[]): Promise<Outcome> {
  return runClient("ssh", ["-F", fixture.configFile, ...args]);
}

function login(fixture: SshFixture, keyFile: string, ...options: readonly string[]): Promise<Outcome> {
  const args = ["-F", "/dev/null", "-b", "-", "-i", keyFile, "-P", String(fixture.port)];
  const known = ["-o", `UserKnownHostsFile=${fixture.knownHostsFile}`, "-o", "IdentitiesOnly=yes"];
  return runClient("sftp", [...args, ...known, ...options, "restore@127.0.0.1"], "ls /web\n");
}

test.each([
  ["ed25519", ["-t", "ed25519"]],
  ["ecdsa 256", ["-t", "ecdsa", "-b", "256"]],
  ["ecdsa 384", ["-t", "ecdsa", "-b", "384"]],
  ["ecdsa 521", ["-t", "ecdsa", "-b", "521"]],
  ["RSA 3072", ["-t", "rsa", "-b", "3072"]],
])("a key of type %s logs in", async (_name, args) => {
  const key = keygen(...args);
  const fixture = await startSshFixture(guest(), { authorizedKeys: `# a comment\n\n${key.publicKey}\n` });
  expect(await login(fixture, key.file)).toMatchObject({ status: 0 });
});

test("each of several keys logs in; others, other users and passwords do not", async () => {
  const keys = [keygen("-t", "ed25519"), keygen("-t", "ecdsa"), keygen("-t", "ed25519")] as const;
  const authorizedKeys = `${keys[0].publicKey}\r\nnot a key\n${keys[1].publicKey}\n`;
  const fixture = await startSshFixture(guest(), { authorizedKeys });
  expect(await login(fixture, keys[0].file)).toMatchObject({ status: 0 });
  expect(await login(fixture, keys[1].file)).toMatchObject({ status: 0 });
  const refused = await login(fixture, keys[2].file);
  expect(refused.status).toBe(255);
  expect(refused.stderr).toContain("Permission denied (publickey)");
  const root = await ssh(fixture, "-i", keys[0].file, "-l", "root", "vmfr");
  expect(root.stderr).toContain("Permission denied (publickey)");
  expect(fixture.log).toContainEqual({
    level: "warn",
    fields: { reason: 'line 2: keys of type "a" cannot be used here' },
    message: "authorized key ignored",
  });
});

test("from= and expiry-time= are honoured", async () => {
  const key = keygen("-t", "ed25519");
  const attempt = async (options: string) => {
    const fixture = await startSshFixture(guest(), { authorizedKeys: `${options} ${key.publicKey}` });
    return (await login(fixture, key.file)).status;
  };
  expect(await attempt('from="127.0.0.0/8",no-pty')).toBe(0);
  expect(await attempt('from="127.0.0.*"')).toBe(0);
  expect(await attempt('from="10.0.0.0/8,192.0.2.1"')).toBe(255);
  expect(await attempt('from="127.0.0.0/8,!127.0.0.1"')).toBe(255);
  expect(await attempt('restrict,expiry-time="29991231Z"')).toBe(0);
  expect(await attempt('expiry-time="20200101"')).toBe(255);
});

test("weak RSA keys, RSA signatures over SHA-1 and weak algorithms are refused", async () => {
  const weak = keygen("-t", "rsa", "-b", "2048");
  await expect(startSshFixture(guest(), { authorizedKeys: weak.publicKey })).rejects.toThrow("needs 3072 bits");
  const strong = keygen("-t", "rsa", "-b", "3072");
  const fixture = await startSshFixture(guest(), { authorizedKeys: strong.publicKey });
  expect((await login(fixture, strong.file, "-o", "PubkeyAcceptedAlgorithms=ssh-rsa")).status).toBe(255);
  for (const option of [
    "KexAlgorithms=diffie-hellman-group14-sha1",
    "KexAlgorithms=diffie-hellman-group-exchange-sha256",
    "Ciphers=aes128-cbc",
    "MACs=hmac-sha1",
  ]) {
    const cipher = option.startsWith("MACs") ? ["-o", "Ciphers=aes256-ctr"] : [];
    const outcome = await login(fixture, strong.file, "-o", option, ...cipher);
    expect(outcome.stderr).toContain("no matching");
  }
  // The server survived all of it.
  expect(await login(fixture, strong.file)).toMatchObject({ status: 0 });
});

test.each(["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr"])(
  "cipher %s, with strict key exchange",
  async (cipher) => {
    const fixture = await startSshFixture(guest());
    const outcome = await ssh(fixture, "-vv", "-c", cipher, "vmfr", "true");
    expect(outcome.stderr).toContain(`cipher: ${cipher}`);
    expect(outcome.stderr).toMatch(/strict KEX|kex-strict-s-v00@openssh.com/i);
    expect(outcome.stderr).toContain("kex: host key algorithm: ssh-ed25519");
  },
);

test("shell, commands and other subsystems are refused in words, with status 1", async () => {
  const fixture = await startSshFixture(guest());
  for (const args of [["vmfr"], ["vmfr", "cat /etc/passwd"], ["-t", "-t", "vmfr", "bash"], ["-s", "vmfr", "netconf"]]) {
    const outcome = await ssh(fixture, ...args);
    expect({ args, ...outcome }).toMatchObject({ status: 1, stderr: expect.stringContaining("read-only over sftp") });
    expect(outcome.stdout).toHaveLength(0);
    expect(outcome.stderr).toContain("vmfr serves files read-only over sftp");
  }
});

test("forwarding is refused", async () => {
  const fixture = await startSshFixture(guest());
  const target = `127.0.0.1:${fixture.port}`;
  const direct = await ssh(fixture, "-W", target, "vmfr");
  expect(direct.stderr).toContain("open failed");
  const remote = await ssh(fixture, "-o", "ExitOnForwardFailure=yes", "-N", "-R", `0:${target}`, "vmfr");
  expect(remote.status).toBe(255);
  expect(remote.stderr).toContain("remote port forwarding failed");
});

test("the fingerprint and the known_hosts line are what ssh-keyscan and ssh-keygen find", async () => {
  const fixture = await startSshFixture(guest());
  const scan = await runClient("ssh-keyscan", ["-p", String(fixture.port), "-t", "ed25519", "127.0.0.1"]);
  expect(scan.stdout.toString().trim()).toBe(fixture.server.knownHostsLine("127.0.0.1"));
  const file = path.join(fixture.directory, "scanned");
  writeFileSync(file, scan.stdout);
  const printed = execFileSync("ssh-keygen", ["-l", "-f", file], { encoding: "utf8" });
  expect(printed).toContain(fixture.server.hostKeyFingerprint);
});

test.each([ALGORITHMS.cipher].flat())("new session keys in the middle of a download with %s", async (cipher) => {
  const fileSystem = new MemoryFileSystem();
  const bytes = randomBytes(8 * 1024 * 1024);
  fileSystem.file(fileSystem.root, "file", bytes);
  const fixture = await startSshFixture(fileSystem, { limits: { rekeyBytes: 1024 * 1024 } });
  const target = path.join(fixture.directory, "out");
  const options = ["-F", fixture.configFile, "-c", `${cipher}`];
  const outcome = await runClient("sftp", ["-v", ...options, "vmfr:/web/file", target]);
  expect(outcome.status).toBe(0);
  expect(readFileSync(target).equals(bytes)).toBe(true);
  expect(outcome.stderr.match(/SSH2_MSG_KEXINIT received/g)?.length).toBeGreaterThan(3);
  const byClient = await runClient("sftp", ["-o", "RekeyLimit=1M", ...options, "vmfr:/web/file", target]);
  expect(byClient.status).toBe(0);
  expect(readFileSync(target).equals(bytes)).toBe(true);
});

test("connections are bounded: too many strangers, too many attempts, too slow, idle", async () => {
  const limits = { unauthenticatedConnections: 3, loginAttempts: 2, loginTimeMs: 1500, idleMs: 1500 };
  const fixture = await startSshFixture(guest(), { limits });
  const sockets = Array.from({ length: 4 }, () => connect(fixture.port, "127.0.0.1"));
  const closed = sockets.map(
    (socket) =>
      new Promise<number>((resolve) => {
        const since = Date.now();
        socket
          .on("error", () => undefined)
          .resume()
          .once("close", () => resolve(Date.now() - since));
      }),
  );
  // One too many is dropped at once, the others when their time to log in is over.
  const times = (await Promise.all(closed)).sort((left, right) => left - right);
  expect(times[0]).toBeLessThan(1000);
  expect(times[1]).toBeGreaterThan(1000);
  const keys = [keygen("-t", "ed25519"), keygen("-t", "ed25519"), keygen("-t", "ed25519")];
  const attempts = await ssh(fixture, ...keys.flatMap(({ file }) => ["-i", file]), "-o", "IdentityFile=none", "vmfr");
  expect(attempts.status).toBe(255);
  expect(fixture.log).toContainEqual(expect.objectContaining({ message: "too many refused ssh logins" }));
  expect((await ssh(fixture, "-N", "vmfr")).status).toBe(255);
});

test("close and expiry end clients that are connected", async () => {
  const fixture = await startSshFixture(guest(), { expiresAt: new Date(Date.now() + 1500) });
  const started = Date.now();
  const waiting = runClient("sh", ["-c", `sleep 20 | sftp -F ${fixture.configFile} -b - vmfr`]);
  await sleep(500);
  expect((await ssh(fixture, "-N", "vmfr")).status).toBe(255);
  expect(Date.now() - started).toBeLessThan(10_000);
  const late = await ssh(fixture, "vmfr");
  expect(late.stderr).toContain("Connection refused");
  void waiting;
});
