import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { HostFileSystem } from "./host-file-system.ts";
import { runClient, startSshFixture } from "./ssh-fixture.ts";

beforeAll(() => requireDebianPackages("openssh-client"));

test("sftp fetches a file", async () => {
  const source = scratchDirectory();
  mkdirSync(path.join(source, "etc"));
  writeFileSync(path.join(source, "etc/hosts"), "127.0.0.1 localhost\n");
  const fixture = await startSshFixture(new HostFileSystem(source));
  const target = path.join(fixture.directory, "hosts");
  const outcome = await runClient(
    "sftp",
    ["-F", fixture.configFile, "-b", "-", "vmfr"],
    `ls -la /web\nget /web/etc/hosts ${target}\n`,
  );
  expect(outcome.status).toBe(0);
  expect(readFileSync(target, "utf8")).toBe("127.0.0.1 localhost\n");
});
