import type { SeededRandom } from "./seeded-random.ts";

const PROGRAMS = ["scp -f", "scp -r -p -f", "scp -t", "rsync --server --sender", "rsync --server", "/usr/bin/rsync"];
const OTHERS = ["sftp-server", "internal-sftp", "scp", "rsync", "sh -c", "../scp -f", "LD_PRELOAD=x scp -f", ""];

const OPTIONS = [
  "-logDtpre.iLsfxCIvu",
  "-logDtprRe.iLsfxCIvu",
  "-lHogDtpAXrcze.LsfxCIvu",
  "-nXe.iLsfxCIv",
  "-s",
  "-r",
  "-e ssh",
  "--",
  "--files-from=-",
  "--files-from=/web/dir/.rules",
  "--files-from=../../../etc/passwd",
  "--checksum-choice=xxh3",
  "--checksum-seed=1",
  "--compress-choice=none",
  "--protocol=1",
  "--iconv=x",
  "-zzzz",
  "--timeout=1",
  "--bwlimit=1",
  "--remove-source-files",
  "--log-file=/tmp/vmfr-fuzz",
  "--write-devices",
  "--daemon",
  "--config=/x",
  "--delete",
  "--append",
  "-B99999999999",
];

const PATHS = [
  "/web",
  "/web/dir",
  "/web/dir/",
  "/web/*",
  "/web/*/*",
  "/web/[a-z]*",
  "/web/dir/up/..",
  "/web/loop/x",
  "/web/host",
  "~",
  "~root",
  "/../..",
  "/etc/passwd",
  "''",
  "'/web/dir/[odd]*name'",
  "*/../*/../*",
  "/////web//./dir/.//",
];

const SYNTAX = [
  ...[
    "'",
    '"',
    "\\",
    "$(id)",
    "`id`",
    ";",
    "|",
    "&&",
    ">x",
    "<x",
    "#",
    "\n",
    "\r",
    "\t",
    "*",
    "?",
    "[a-",
    "[[:alpha:]]",
  ],
  ...["]", "{a,b}", "!", "\0", "é", "\xff\xfe", "%s%n", "\x1b[2J", "$HOME", "~"],
];

/** One UTF-16 unit a byte. */
export function commandLine(random: SeededRandom): string {
  const words = [random.percent(85) ? random.pick(PROGRAMS) : random.pick(OTHERS)];
  words.push(...random.several(4, () => random.pick(OPTIONS)));
  if (random.percent(70)) words.push(".");
  words.push(...random.several(3, () => random.pick(PATHS)));
  let line = words.join(" ");
  for (let changes = random.percent(60) ? random.below(4) : 0; changes > 0; changes--) line = changed(random, line);
  return line;
}

function changed(random: SeededRandom, line: string): string {
  const at = random.below(line.length + 1);
  const [before, behind] = [line.slice(0, at), line.slice(at)];
  switch (random.below(8)) {
    case 0:
      return before + behind.slice(1 + random.below(4));
    case 1:
      return before + random.bytes(6).toString("latin1") + behind;
    case 2:
      return `${before}${random.pick(["/", "*", "*a", "./", "../", "\\", "'x'", "[!]]", "-", " "]).repeat(random.below(600))}${behind}`;
    case 3:
      return random.percent(3) ? before + "x".repeat(140_000) + behind : `${before}'${behind}`;
    default:
      return before + random.pick(SYNTAX) + behind;
  }
}
