import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { example, vmfr } from "../setup/vmfr.ts";

const checkout = path.resolve(import.meta.dirname, "../../..");

test("npm start in a fresh clone ends with an address, a login and lines that fetch a file", {
  timeout: 600_000,
}, async () => {
  await requireDebianPackages("git", "curl", "openssh-client");
  const clone = path.join(scratchDirectory(), "vmfr");
  execFileSync("git", ["clone", "--quiet", checkout, clone]);

  const npm = spawn("npm", ["start", "--silent", "--", "--https-port", "0", "--ssh-port", "0"], {
    cwd: clone,
    stdio: ["ignore", "pipe", "inherit"],
    // Its own process group, so that the whole chain of npm, shell and server can be ended together.
    detached: true,
  });
  const ended = new Promise((resolve) => npm.once("exit", resolve));
  try {
    let text = "";
    for await (const chunk of npm.stdout) {
      text += chunk;
      if (text.includes("Ctrl+C")) break;
    }
    expect(text).toMatch(/Browser +https:\/\/127\.0\.0\.1:\d+\//);
    expect(text).toMatch(/User +oadp\n +Password +\S{20,}/);
    const shown = /^Fetch (\S+) in a shell:$/m.exec(text)?.[1] ?? "";
    const { stdout: wanted } = await vmfr(["cat", ...example, shown]);
    for (const client of ["curl", "sftp"]) {
      const line = text.split("\n").find((candidate) => candidate.trim().startsWith(`${client} `));
      const scratch = scratchDirectory();
      execFileSync("sh", ["-c", line ?? "false"], { cwd: scratch, stdio: ["ignore", "ignore", "inherit"] });
      expect(readFileSync(path.join(scratch, path.basename(shown)))).toEqual(wanted);
    }
  } finally {
    if (npm.pid !== undefined) process.kill(-npm.pid, "SIGTERM");
    await ended;
  }
});
