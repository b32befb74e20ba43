import { type Command, InvalidArgumentError, Option } from "commander";

/** One `--disk [NAME=]FILE` with the `--backing` files that followed it. */
export interface LocalDisk {
  readonly name: string;
  readonly file: string;
  readonly backing: string[];
}

/** SOURCE as the user gave it; `source.ts` opens it. */
export interface SourceOptions {
  readonly store?: string;
  readonly vm?: string;
  readonly backup: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly repoPasswordFile?: string;
  readonly disk: readonly LocalDisk[];
  readonly passphraseFile: readonly string[];
  readonly askPassphrase?: true;
}

const collect = (value: string, previous: string[]): string[] => [...previous, value];

/** Adds the options that say which backups, or which local images, a command works on. */
export function addSourceOptions(command: Command): Command {
  const disks: LocalDisk[] = [];
  return addBucketOptions(command)
    .addOption(
      new Option("--disk <[NAME=]FILE>", "a local disk image of one VM, raw or qcow2 (repeatable)")
        .default(disks, "none")
        .argParser((value: string) => {
          disks.push(parseLocalDisk(value, disks));
          return disks;
        }),
    )
    .addOption(
      new Option("--backing <FILE>", "backing file of the --disk before it (repeatable, nearest first)").argParser(
        (value: string) => {
          const disk = disks.at(-1);
          if (disk === undefined) throw new InvalidArgumentError("it goes after the --disk it belongs to");
          disk.backing.push(value);
        },
      ),
    )
    .option(
      "--passphrase-file <FILE>",
      "opens encrypted volumes: its content without a newline at the end (repeatable: each is tried on every volume)",
      collect,
      [],
    )
    .option("--ask-passphrase", "ask for a passphrase on the terminal");
}

/** The part of SOURCE that `discover` takes too. */
export function addBucketOptions(command: Command): Command {
  return command
    .option("--store <URL>", "where the backups lie: a path, file:///dir or s3://bucket/prefix?endpoint=…&region=…")
    .option("--vm <NS/NAME>", "the virtual machine")
    .option("--backup <NAME>", "only this backup (repeatable)", collect, [])
    .option("--from <TIME>", "only backups from this time on (RFC 3339 or date)")
    .option("--to <TIME>", "only backups up to this time (a date means its whole day)")
    .option(
      "--repo-password-file <FILE>",
      "password of the Kopia repository (else VMFR_REPO_PASSWORD, else Velero's default)",
    );
}

function parseLocalDisk(value: string, before: readonly LocalDisk[]): LocalDisk {
  const match = /^([^/=]+)=(.+)$/s.exec(value);
  const file = match?.[2] ?? value;
  const name = match?.[1] ?? nameOfFile(file);
  if (before.some((disk) => disk.name === name)) {
    throw new InvalidArgumentError(`two disks would be called ${name}; give one another name with --disk NAME=FILE`);
  }
  return { name, file, backing: [] };
}

/** The file's name without directories and extension. */
export function nameOfFile(file: string): string {
  const base = file.slice(file.lastIndexOf("/") + 1);
  const dot = base.lastIndexOf(".");
  return dot > 0 ? base.slice(0, dot) : base;
}
