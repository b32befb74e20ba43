/**
 * The command line rsync's clients start a sender with (`rsync --server --sender …`), as options.c's
 * server_options() writes it. What is not listed here is refused, so nothing that writes gets through.
 */
import { ConfigError } from "../../../errors.ts";

export interface ServerOptions {
  readonly recursive: boolean;
  /** Directories without what is in them. */
  readonly directories: boolean;
  readonly links: boolean;
  readonly copyLinks: boolean;
  readonly copyDirectoryLinks: boolean;
  readonly copyUnsafeLinks: boolean;
  readonly hardLinks: boolean;
  readonly owner: boolean;
  readonly group: boolean;
  readonly devices: boolean;
  readonly specials: boolean;
  readonly accessTimes: boolean;
  readonly creationTimes: boolean;
  readonly acls: boolean;
  readonly xattrs: boolean;
  /** `-XX`: also rsync's own attributes. */
  readonly ownXattrs: boolean;
  readonly checksum: boolean;
  readonly relative: boolean;
  readonly impliedDirectories: boolean;
  readonly oneFileSystem: boolean;
  /** `-xx`: mount points are left out altogether. */
  readonly noMountPoints: boolean;
  readonly cvsExclude: boolean;
  readonly dryRun: boolean;
  readonly listOnly: boolean;
  readonly numericIds: boolean;
  readonly ignoreErrors: boolean;
  readonly missingArguments: "report" | "ignore" | "delete";
  readonly inplace: boolean;
  readonly append: "no" | "unverified" | "verified";
  readonly compress: boolean;
  /** A method the client fixed, instead of agreeing on one. */
  readonly compressChoice?: string;
  readonly checksumChoice?: string;
  readonly checksumSeed: number;
  /** `-`: the client sends the list; else a path on this side. */
  readonly filesFrom?: string;
  readonly filesFromNulls: boolean;
  /** Seconds; 0 for none. */
  readonly timeout: number;
  /** KiB a second; 0 for no limit. */
  readonly bandwidthLimit: number;
  /** Arguments follow on the input. */
  readonly secludedArguments: boolean;
  /** Letters behind `-e.`: what the client can do. */
  readonly capabilities: string;
}

export interface ServerCommand {
  readonly options: ServerOptions;
  /** Behind the `.` that ends the options: numbers of words. */
  readonly firstPath: number;
}

/** Accepted and without meaning for a sender that writes nothing and shows no progress. */
const IGNORED_LETTERS = new Set("vqbuWtpISmOJEh");
const IGNORED_LONG =
  /^--(?:info|debug|stderr|skip-compress|max-alloc|compress-level|compress-threads|msgs2stderr|no-msgs2stderr|safe-links|use-qsort|qsort|open-noatime|no-r|partial|stats|log-format|no-W|no-inc-recursive|trust-sender|block-size)(?:=.*)?$/s;

const defaults: ServerOptions = {
  recursive: false,
  directories: false,
  links: false,
  copyLinks: false,
  copyDirectoryLinks: false,
  copyUnsafeLinks: false,
  hardLinks: false,
  owner: false,
  group: false,
  devices: false,
  specials: false,
  accessTimes: false,
  creationTimes: false,
  acls: false,
  xattrs: false,
  ownXattrs: false,
  checksum: false,
  relative: false,
  impliedDirectories: true,
  oneFileSystem: false,
  noMountPoints: false,
  cvsExclude: false,
  dryRun: false,
  listOnly: false,
  numericIds: false,
  ignoreErrors: false,
  missingArguments: "report",
  inplace: false,
  append: "no",
  compress: false,
  checksumSeed: 0,
  filesFromNulls: false,
  timeout: 0,
  bandwidthLimit: 0,
  secludedArguments: false,
  capabilities: "",
};

type Change = Partial<ServerOptions> | ((options: ServerOptions) => Partial<ServerOptions>);

const LETTERS: ReadonlyMap<string, Change> = new Map<string, Change>([
  ["r", { recursive: true }],
  ["d", { directories: true }],
  ["l", { links: true }],
  ["L", { copyLinks: true }],
  ["k", { copyDirectoryLinks: true }],
  ["H", { hardLinks: true }],
  ["o", { owner: true }],
  ["g", { group: true }],
  ["D", { devices: true, specials: true }],
  ["U", { accessTimes: true }],
  ["N", { creationTimes: true }],
  ["A", { acls: true }],
  ["X", ({ xattrs }) => ({ xattrs: true, ownXattrs: xattrs })],
  ["c", { checksum: true }],
  ["R", { relative: true }],
  ["x", ({ oneFileSystem }) => ({ oneFileSystem: true, noMountPoints: oneFileSystem })],
  ["C", { cvsExclude: true }],
  ["n", { dryRun: true }],
  ["z", { compress: true }],
  ["s", { secludedArguments: true }],
]);

const LONG: ReadonlyMap<string, Change> = new Map<string, Change>([
  ["--server", {}],
  ["--sender", {}],
  ["--list-only", { listOnly: true }],
  ["--specials", { specials: true }],
  ["--no-specials", { specials: false }],
  ["--new-compress", { compress: true, compressChoice: "zlibx" }],
  ["--old-compress", { compress: true, compressChoice: "zlib" }],
  ["--delete-missing-args", { missingArguments: "delete" }],
  ["--ignore-missing-args", { missingArguments: "ignore" }],
  ["--ignore-errors", { ignoreErrors: true }],
  ["--copy-unsafe-links", { copyUnsafeLinks: true }],
  ["--numeric-ids", { numericIds: true }],
  ["--inplace", { inplace: true }],
  ["--append", ({ append }) => ({ append: append === "no" ? "unverified" : "verified" })],
  ["--append-verify", { append: "verified" }],
  ["--from0", { filesFromNulls: true }],
  ["--relative", { relative: true }],
  ["--no-relative", { relative: false }],
  ["--no-implied-dirs", { impliedDirectories: false }],
  ["--secluded-args", { secludedArguments: true }],
  ["--protect-args", { secludedArguments: true }],
]);

type ReadValue = (value: string) => Partial<ServerOptions>;

/** Options with a value, behind `=` or as the next word. */
const VALUES: ReadonlyMap<string, ReadValue> = new Map<string, ReadValue>([
  ["--files-from", (filesFrom) => ({ filesFrom, relative: true })],
  ["--checksum-choice", (checksumChoice) => ({ checksumChoice })],
  ["--cc", (checksumChoice) => ({ checksumChoice })],
  ["--compress-choice", chosenCompression],
  ["--zc", chosenCompression],
  ["--checksum-seed", (value) => ({ checksumSeed: wholeNumber("--checksum-seed", value) | 0 })],
  ["--timeout", (value) => ({ timeout: Math.max(0, wholeNumber("--timeout", value)) })],
  ["--bwlimit", (value) => ({ bandwidthLimit: Math.max(0, wholeNumber("--bwlimit", value)) })],
]);

function chosenCompression(value: string): Partial<ServerOptions> {
  if (value === "none") return { compress: false };
  return value === "auto" ? { compress: true } : { compress: true, compressChoice: value };
}

function wholeNumber(option: string, value: string): number {
  if (!/^-?\d{1,10}$/.test(value)) throw new ConfigError(`rsync: ${option} takes a whole number`);
  return Number(value);
}

/**
 * @param words behind `rsync`, one UTF-16 unit a byte.
 * @throws ConfigError naming the option that is refused, or that this is no sender's command line.
 */
export function parseServerOptions(words: readonly string[]): ServerCommand {
  if (words[0] !== "--server") throw new ConfigError("there is no shell here to run rsync; start it on your side");
  if (!words.includes("--sender")) throw new ConfigError("this server is read-only: files can be fetched, not sent");
  let options = defaults;
  let position = 0;
  while (position < words.length) {
    const word = words[position] ?? "";
    if (!word.startsWith("-") || word === "-") break;
    const read = word.startsWith("--") ? longOption(options, word, words[position + 1]) : letters(options, word);
    options = read.options;
    position += read.words;
  }
  if (words[position] === ".") position++;
  else if (!options.secludedArguments) throw new ConfigError("rsync: the options are not followed by a dot");
  return { options, firstPath: position };
}

interface ReadOption {
  readonly options: ServerOptions;
  /** How many words the option took. */
  readonly words: number;
}

function longOption(options: ServerOptions, word: string, next: string | undefined): ReadOption {
  const equals = word.indexOf("=");
  const name = equals < 0 ? word : word.slice(0, equals);
  const withValue = VALUES.get(name);
  if (withValue !== undefined) {
    const value = equals < 0 ? next : word.slice(equals + 1);
    if (value === undefined) throw new ConfigError(`rsync: ${name} needs a value`);
    return { options: { ...options, ...withValue(value) }, words: equals < 0 ? 2 : 1 };
  }
  const change = LONG.get(word);
  if (change === undefined && !IGNORED_LONG.test(word)) throw refused(name);
  return { options: changed(options, change ?? {}), words: 1 };
}

function letters(before: ServerOptions, word: string): ReadOption {
  let options = before;
  if (/^-B\d+$/.test(word)) return { options, words: 1 };
  for (let position = 1; position < word.length; position++) {
    const letter = word.charAt(position);
    if (letter === "e") return { options: { ...options, capabilities: word.slice(position + 1) }, words: 1 };
    const change = LETTERS.get(letter);
    if (change === undefined && !IGNORED_LETTERS.has(letter)) throw refused(`-${letter}`);
    options = changed(options, change ?? {});
  }
  return { options, words: 1 };
}

function changed(options: ServerOptions, change: Change): ServerOptions {
  return { ...options, ...(typeof change === "function" ? change(options) : change) };
}

function refused(option: string): ConfigError {
  if (option === "--iconv")
    return new ConfigError("rsync: --iconv is not supported: names are sent as the bytes they are");
  return new ConfigError(`rsync: ${option.slice(0, 100)} is refused: this server only sends files`);
}
