import { mkdirSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { createRestoreTree } from "../../../src/restore-tree/restore-tree.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { memoryDisk, memoryTreeDisk } from "../../setup/memory-disk.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { runClient } from "../../setup/ssh-client.ts";
import { tally } from "../../setup/tally.ts";
import { fileCount, snapshot } from "./awkward-tree.ts";
import { startSshFixture } from "./ssh-fixture.ts";
import {
  attributeListing,
  emptyDirectory,
  fullListing,
  type GuestImage,
  linkGroups,
  makeGuestImage,
} from "./transfer-comparison.ts";

beforeAll(() => requireDebianPackages("openssh-client", "rsync", "e2fsprogs", "attr", "acl", "python3"));

const FILES_AND_ATTRIBUTES = { attributes: true, symlinks: false, specials: false };
const EVERYTHING = { times: true, owners: true };

interface Backup {
  readonly name: string;
  readonly image: GuestImage;
  readonly completedAt: Date;
  /** Where its disk is by date. */
  readonly dated: string;
}

/** A backup of the machine; no two hold the same bytes. */
async function backUp(name: string, day: string): Promise<Backup> {
  const image = await makeGuestImage(scratchDirectory());
  onTestFinished(() => image.close());
  return { name, image, completedAt: new Date(`${day}T02:00:00Z`), dated: `/restores/${day}/${name}/vm/root` };
}

test("two backups at once: sftp, scp and rsync bring of each what the kernel reads", async () => {
  const backups = [await backUp("monday", "2026-11-16"), await backUp("tuesday", "2026-11-17")] as const;
  const tree = createRestoreTree({
    layout: "backups",
    backups: backups.map(({ name, image, completedAt }) => ({
      name,
      vm: { namespace: "demo", name: "vm" },
      completedAt,
      disks: [memoryTreeDisk("root", memoryDisk(image.fileSystem))],
    })),
  });
  onTestFinished(() => tree.close());
  const fixture = await startSshFixture(backups[0].image.fileSystem, { tree });
  const run = async (command: string, args: readonly string[], input = "") => {
    const { status, stderr } = await runClient(command, args, input);
    expect(status, `${command} ${args.join(" ")}\n${stderr}`).toBe(0);
  };
  const target = (backup: Backup, client: string) => path.join(fixture.directory, `${backup.name}-${client}`);

  await Promise.all(
    backups.flatMap((backup) => {
      const [sftp, scp, rsync] = ["sftp", "scp", "rsync"].map((client) => target(backup, client)) as [
        string,
        string,
        string,
      ];
      const disk = `/backups/${backup.name}/root`;
      mkdirSync(scp);
      return [
        run("sftp", ["-F", fixture.configFile, "-b", "-", "vmfr"], `get -pR ${disk}/sizes ${sftp}\n`),
        run("scp", ["-F", fixture.configFile, "-s", "-q", "-pr", `vmfr:${backup.dated}/names`, scp]),
        run("rsync", ["-e", `ssh -F ${fixture.configFile}`, "-aHAXX", `vmfr:${disk}/`, emptyDirectory(rsync)]),
      ];
    }),
  );

  for (const backup of backups) {
    await backup.image.mounted(async (root) => {
      const sizes = snapshot(path.join(root, "sizes"), FILES_AND_ATTRIBUTES);
      expect(snapshot(target(backup, "sftp"), FILES_AND_ATTRIBUTES)).toEqual(sizes);
      const names = snapshot(path.join(root, "names"), FILES_AND_ATTRIBUTES);
      expect(snapshot(path.join(target(backup, "scp"), "names"), FILES_AND_ATTRIBUTES)).toEqual(names);
      const all = fullListing(root, EVERYTHING);
      expect(fullListing(target(backup, "rsync"), EVERYTHING)).toEqual(all);
      expect(linkGroups(target(backup, "rsync"))).toEqual(linkGroups(root));
      expect(attributeListing(target(backup, "rsync"))).toBe(attributeListing(root));
      tally("files equal after transfer from two backups at once", fileCount(sizes) + fileCount(names) + all.length);
    });
  }
  expect(fixture.log.filter(({ level }) => level === "error")).toEqual([]);
});
