import path from "node:path";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { type Outcome, runClient } from "../../setup/ssh-client.ts";
import { tally } from "../../setup/tally.ts";
import { type SshFixture, startSshFixture } from "./ssh-fixture.ts";
import {
  attributeListing,
  emptyDirectory,
  fullListing,
  type GuestImage,
  linkGroups,
  makeGuestImage,
  writeLines,
} from "./transfer-comparison.ts";

beforeAll(() => requireDebianPackages("openssh-client", "rsync", "e2fsprogs", "attr", "acl", "python3"));

/** rsync's options, and what is fetched with them, relative to the guest's root; `/` is what is in the root. */
interface Combination {
  readonly args: string;
  readonly paths?: readonly string[];
  /** The client makes directories of its own, whose times are those of the test. */
  readonly makesDirectories?: boolean;
}

const COMBINATIONS: readonly Combination[] = [
  { args: "-a" },
  { args: "-aHAX" },
  { args: "-aHAXS --numeric-ids" },
  { args: "-aXX" },
  { args: "-rlt" },
  { args: "-rl --perms" },
  { args: "-r" },
  { args: "-rptgoD" },
  { args: "-a --no-specials" },
  { args: "-a --no-devices" },
  { args: "-aL", paths: ["names", "sizes", "filtered"] },
  { args: "-ak", paths: ["links", "here", "kinds/relative-link"] },
  { args: "-a --copy-unsafe-links", paths: ["links/"] },
  { args: "-a --safe-links", paths: ["links"] },
  { args: "-az" },
  { args: "-azH --compress-choice=zlib" },
  { args: "-az --compress-choice=zlibx --compress-level=9" },
  { args: "-a --compress-choice=none -z" },
  { args: "-ac" },
  { args: "-ac --checksum-choice=md5" },
  { args: "-ac --checksum-choice=md4" },
  { args: "-ac --checksum-choice=xxh64,xxh3" },
  { args: "-ac --checksum-choice=sha1 --checksum-seed=12345" },
  { args: "-a --checksum-choice=none" },
  { args: "-a --checksum-seed=-77" },
  { args: "-a --no-inc-recursive" },
  { args: "-aH --no-inc-recursive --delete-before" },
  { args: "-aHAX --delete --delete-excluded --exclude=names" },
  { args: "-a --exclude=*.o --exclude=/filtered/drop" },
  { args: "-a --include=*/ --include=*.txt --exclude=* -m" },
  { args: "-a --filter=:_.rules", paths: ["filtered"] },
  { args: "-a --filter=:e_.rules --filter=-_/keep/d*", paths: ["filtered/"] },
  { args: "-aC", paths: ["filtered"] },
  { args: "-a -F --exclude=**/deep/** --include=/x --filter=H_*~", paths: ["filtered"] },
  { args: "-a --filter=-!_*.txt --filter=-s_x", paths: ["filtered/keep/"] },
  { args: "-aX --filter=-x_user.long --filter=-x_system.*", paths: ["attributes"] },
  { args: "-aR", paths: ["./names", "./kinds/deep/er"] },
  { args: "-aR --no-implied-dirs", paths: ["./kinds/deep/er/and", "./sizes/1"], makesDirectories: true },
  { args: "-aR --no-i-r", paths: ["./filtered/keep/deep/f.txt", "./filtered"] },
  { args: "-d", paths: ["", "sizes/"] },
  { args: "-a", paths: ["names", "sizes", "names/"] },
  { args: "-a", paths: ["filtered/keep/", "filtered/"] },
  { args: "-a", paths: ["sizes/3*", "[kl]in[dk]s"] },
  { args: "-s -a", paths: ["sizes/3*", "names"] },
  { args: "-a --old-args", paths: ["sizes/1", "names"] },
  { args: "-aU --open-noatime", paths: ["sizes"] },
  { args: "-a --inplace", paths: ["sizes"] },
  { args: "-a --partial --bwlimit=50000 --timeout=30" },
  { args: "-a --max-size=1000 --min-size=3", paths: ["names", "sizes"] },
  { args: "-a --whole-file -x --stats --itemize-changes" },
  { args: "-a --ignore-missing-args", paths: ["sizes/1", "missing"] },
  { args: "-a", paths: ["sizes/1", "missing"] },
  { args: "-a --protocol=31" },
  { args: "-aHAX --protocol=30" },
  { args: "-aHz --protocol=30 --no-i-r" },
  { args: "-aH --protocol=29" },
  { args: "-azcR --protocol=29", paths: ["./names", "./kinds"] },
  { args: "-aH --protocol=28" },
  { args: "-ac --protocol=28 --exclude=*.o" },
  { args: "-aH --protocol=27" },
  { args: "-acz --protocol=27" },
];

interface Guest {
  readonly image: GuestImage;
  readonly fixture: SshFixture;
}

async function guest(): Promise<Guest> {
  const image = await makeGuestImage(scratchDirectory());
  onTestFinished(() => image.close());
  return { image, fixture: await startSshFixture(image.fileSystem) };
}

function words(args: string): string[] {
  return args.split(" ").map((word) => word.replaceAll("_", " "));
}

function fetched(
  { fixture }: Guest,
  args: readonly string[],
  paths: readonly string[],
  target: string,
): Promise<Outcome> {
  const sources = paths.map((source) => `vmfr:/web/${source}`);
  return runClient("rsync", ["-e", `ssh -F ${fixture.configFile}`, ...args, ...sources, target]);
}

/** The same rsync, reading the same image through the kernel; a shell expands what the server would. */
function copied(
  mountPoint: string,
  args: readonly string[],
  paths: readonly string[],
  target: string,
): Promise<Outcome> {
  const sources = paths.map((source) => `${mountPoint}/${source}`).join(" ");
  return runClient("bash", ["-c", `exec rsync "$@" ${sources} ${target}`, "bash", ...args]);
}

test(`${COMBINATIONS.length} combinations of options bring what rsync itself copies from the kernel's mount`, async () => {
  const served = await guest();
  const expected = path.join(served.fixture.directory, "expected");
  const target = path.join(served.fixture.directory, "target");
  await served.image.mounted(async (mountPoint) => {
    for (const { args, paths = [""], makesDirectories = false } of COMBINATIONS) {
      const label = `${args} ${paths}`;
      const over = await fetched(served, words(args), paths, emptyDirectory(target));
      const beside = await copied(mountPoint, words(args), paths, emptyDirectory(expected));
      expect.soft(over.status, `${label}\n${over.stderr}`).toBe(beside.status);
      const known = {
        times: !makesDirectories && /^-[a-zA-Z]*[at]/.test(args.replace("-s ", "")),
        owners: /-[a-zA-Z]*[ao]/.test(args),
      };
      const listing = fullListing(target, known);
      expect.soft(listing, label).toEqual(fullListing(expected, known));
      if (/^-\w*H/.test(args)) expect.soft(linkGroups(target), label).toEqual(linkGroups(expected));
      if (/^-\w*[AX]/.test(args)) expect.soft(attributeListing(target), label).toBe(attributeListing(expected));
      tally("files equal after transfer by rsync", listing.length);
    }
  });
  expect(served.fixture.log.filter(({ level }) => level === "error")).toEqual([]);
}, 300_000);

test("a second run transfers nothing, whatever the options", async () => {
  const served = await guest();
  const target = path.join(served.fixture.directory, "target");
  for (const args of [
    "-aHAX",
    "-aH --no-i-r",
    "-ac",
    "-aHAX --protocol=30",
    "-aH --protocol=29",
    "-aH --protocol=27",
  ]) {
    expect((await fetched(served, words(args), [""], emptyDirectory(target))).status).toBe(0);
    const again = await fetched(served, [...words(args), "--itemize-changes", "--stats"], [""], target);
    expect(again.status).toBe(0);
    const changes = again.stdout
      .toString("latin1")
      .split("\n")
      .filter((line) => /^[<>ch*]/.test(line));
    // Versions before 31 do not carry parts of a second, nor those before 30 times beyond 2038.
    const isOld = /protocol=(?:30|29|27)/.test(args);
    expect.soft(isOld ? [] : changes, args).toEqual([]);
    expect.soft(again.stdout.toString(), args).toContain("Literal data: 0 bytes");
  }
}, 120_000);

test("a list of files, from here and from there, relative and not", async () => {
  const served = await guest();
  const expected = path.join(served.fixture.directory, "expected");
  const target = path.join(served.fixture.directory, "target");
  const names = ["names/with space", "kinds/deep/", "/sizes/1", "../links/./one", "missing", "filtered/keep"];
  const list = writeLines(path.join(served.fixture.directory, "list"), names);
  const nulls = writeLines(path.join(served.fixture.directory, "nulls"), [...names, "names/new\nline"], "\0");
  await served.image.mounted(async (mountPoint) => {
    for (const args of [
      `-a --files-from=${list}`,
      `-ar --files-from=${list}`,
      `-a --from0 --files-from=${nulls}`,
      `-aR --no-R --files-from=${list}`,
      `-a --protocol=30 --files-from=${list}`,
      `-a --protocol=29 --files-from=${list}`,
      `-s -a --files-from=${list}`,
    ]) {
      const over = await fetched(served, args.split(" "), [""], emptyDirectory(target));
      const beside = await copied(mountPoint, args.split(" "), [""], emptyDirectory(expected));
      expect.soft(over.status, `${args}\n${over.stderr}`).toBe(beside.status);
      const known = { times: true, owners: true };
      expect.soft(fullListing(target, known), args).toEqual(fullListing(expected, known));
    }
  });
}, 120_000);

test("list-only and dry-run say what rsync itself says, and fetch nothing", async () => {
  const served = await guest();
  const target = path.join(served.fixture.directory, "target");
  await served.image.mounted(async (mountPoint) => {
    for (const args of [
      "-r --list-only",
      "--list-only",
      "-an --itemize-changes",
      "-an --stats --out-format=%n:%l:%M",
    ]) {
      const over = await fetched(served, args.split(" "), [""], emptyDirectory(target));
      const beside = await copied(mountPoint, args.split(" "), [""], emptyDirectory(`${target}-expected`));
      const lines = (outcome: Outcome) =>
        outcome.stdout
          .toString("latin1")
          .split("\n")
          .filter((line) => !/sent|speedup|File list|bytes received|^$/.test(line));
      expect.soft(lines(over), args).toEqual(lines(beside));
      expect(fullListing(target, { times: false, owners: false })).toEqual([]);
    }
  });
}, 60_000);
