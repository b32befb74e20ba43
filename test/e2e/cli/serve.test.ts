import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { example, serveCommand, startServer, vmfr } from "../setup/vmfr.ts";

test("the printed curl and sftp lines, pasted, fetch the file byte for byte", async () => {
  await requireDebianPackages("curl", "openssh-client");
  const [command, args] = serveCommand([...example, "--https-port", "0", "--ssh-port", "0"]);
  const server = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve) => server.once("exit", resolve));
  let text = "";
  for await (const chunk of server.stdout) {
    text += chunk;
    if (text.includes("Ctrl+C")) break;
  }
  const lines = text.split("\n").map((line) => line.trim());
  const shown = /^Fetch (\S+) in a shell:$/m.exec(text)?.[1] ?? "";
  const { stdout: wanted } = await vmfr(["cat", ...example, shown]);
  expect(wanted.length).toBeGreaterThan(0);
  for (const client of ["curl", "sftp"]) {
    const line = lines.find((candidate) => candidate.startsWith(`${client} `));
    expect(line, text).toBeDefined();
    const scratch = scratchDirectory();
    execFileSync("sh", ["-c", line ?? ""], { cwd: scratch, stdio: ["ignore", "ignore", "pipe"] });
    expect(readFileSync(path.join(scratch, path.basename(shown)))).toEqual(wanted);
  }
  server.kill("SIGTERM");
  expect(await ended).toBe(0);
});

test("ending removes the keys, on a signal and on expiry", async () => {
  const server = await startServer(example);
  expect(existsSync(server.ssh.privateKeyFile)).toBe(true);
  expect(await server.stop()).toBe(0);
  expect(existsSync(server.ssh.privateKeyFile)).toBe(false);
  expect(existsSync(server.https.caFile)).toBe(false);

  const brief = await startServer([...example, "--ttl", "2s"]);
  expect(await new Promise((resolve) => brief.process.once("exit", resolve))).toBe(0);
  expect(existsSync(brief.ssh.privateKeyFile)).toBe(false);
});

test("a taken port that was asked for is an error, not another port", async () => {
  const server = await startServer(example);
  try {
    const port = new URL(server.https.url).port;
    const second = await vmfr(["serve", ...example, "--https-port", port, "--ssh-port", "0"]);
    expect(second).toMatchObject({ code: 2, stderr: expect.stringContaining(`port ${port}`) });
  } finally {
    await server.stop();
  }
});
