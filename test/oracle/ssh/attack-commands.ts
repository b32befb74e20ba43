/**
 * What an attacker's exec requests say, by group. Everything here has to be refused, although some of it begins
 * like a command that is served.
 */
const METACHARACTERS = [
  ";id",
  "|id",
  "&id",
  "`id`",
  "$(id)",
  ">/tmp/x",
  "<x",
  "\nid",
  "\rid",
  "$HOME",
  "$PATH",
  "&&id",
  "||id",
];

const SHELLS = [
  "",
  " ",
  "\t",
  "sh",
  "bash -i",
  "/bin/sh",
  "exec sh",
  "sh -c 'scp -f /web'",
  "python3",
  "env sh",
  "busybox",
];

const INJECTIONS = METACHARACTERS.flatMap((text) => [
  `scp -f /web/etc/passwd${text}`,
  `rsync --server --sender -re.iLsfxCIvu . /web${text}`,
  `internal-sftp${text}`,
]).concat([
  "scp -f '/web",
  'scp -f "/web',
  "scp -f /web\\",
  "scp -f /web/\0/etc/passwd",
  "rsync --server --sender -re.i . /w\0b",
]);

const RSYNC = [
  "rsync --server -logDtpre.iLsfxCIvu . /web",
  "rsync --server . /web",
  "rsync --sender -r . /web",
  "rsync -a /etc/passwd /tmp/x",
  "rsync --server --daemon .",
  "rsync --server --sender --daemon . /web",
  ...[
    "--delete",
    "--delete-excluded",
    "--delete-after",
    "--config=/etc/passwd",
    "--rsh=sh",
    "--rsync-path=sh",
    "--temp-dir=/tmp",
    "-T/tmp",
    "--log-file=/tmp/vmfr-log",
    "--log-file-format=%i",
    "--remove-source-files",
    "--remove-sent-files",
    "--write-devices",
    "--copy-devices",
    "--write-batch=/tmp/x",
    "--only-write-batch=/tmp/x",
    "--read-batch=/etc/passwd",
    "--password-file=/etc/passwd",
    "--early-input=/etc/passwd",
    "--backup-dir=/tmp",
    "--partial-dir=/tmp",
    "--compare-dest=/",
    "--link-dest=/",
    "--chown=root",
    "--usermap=*:root",
    "--super",
    "--fake-super",
    "--munge-links",
    "--address=0.0.0.0",
    "--port=1",
    "--sockopts=x",
    "--iconv=utf8",
    "--exclude-from=/etc/passwd",
    "--include-from=/etc/passwd",
    "-M--daemon",
    "-f. /etc/passwd",
  ].map((option) => `rsync --server --sender -re.iLsfxCIvu ${option} . /web`),
];

const SCP = [
  "scp",
  "scp /web/etc/passwd",
  "scp -t /web",
  "scp -t -r /web",
  "scp -ft /web",
  "scp -rt -- /web",
  "scp -f",
  "scp -f /etc/shadow",
  "scp -f /web/../../etc/hostname",
  "scp -f ../../../../etc/hostname",
  "scp -f ~root/x",
  "scp -f ~",
  "scp -o ProxyCommand=sh -f /web/etc/passwd",
  "scp -i /etc/passwd -f /web/etc/passwd",
  "scp -S /bin/sh -f /web/etc/passwd",
  "scp -F /etc/passwd -f /web",
  "scp -D sh -f /web",
  `scp -f /web/${"a".repeat(5000)}`,
  `scp -f ${"/web/..".repeat(4000)}`,
];

const SPELLINGS = [
  ...[
    "%2e%2e/%2e%2e/etc/hostname",
    "..%2f..%2fetc%2fhostname",
    "%252e%252e/etc/hostname",
    "..\\\\..\\\\etc\\\\hostname",
  ],
  ...["\\u002e\\u002e/etc/hostname", "....//....//etc/hostname", "..%00/etc/hostname", "/web/..;/etc/hostname"],
].flatMap((spelling) => [`scp -f ${spelling}`, `scp -f /web/${spelling}`]);

const PRIVILEGES = [
  ...["sudo scp -f /web", "su -c id", "chroot / sh", "nsenter -t 1 -m", "insmod x", "crontab -", "systemctl stop x"],
  ...["setcap all=ep x", "mount -o bind / /mnt", "kill -9 1", "pkexec id"],
];

const EXHAUSTION = [
  ":(){ :|:& };:",
  "while true; do :; done",
  "dd if=/dev/zero of=/tmp/x",
  "tar cf - /",
  "yes",
  "cat /dev/zero",
];

const BINARIES = [
  ...[
    "/tmp/rsync --server --sender . /web",
    "./rsync --server --sender . /web",
    "../scp -f /web",
    "/bin/../tmp/scp -f /web",
  ],
  ...[
    "PATH=/tmp scp -f /web",
    "LD_PRELOAD=/tmp/x scp -f /web",
    "rsync2 --server --sender . /web",
    "scp.sh -f /web",
    "SCP -f /web",
  ],
];

const SFTP = [
  "internal-sftp -d /",
  "internal-sftp -e",
  "internal-sftp ;id",
  "/usr/lib/openssh/sftp-server -e",
  "sftp-server -R",
];

export const HOSTILE_COMMANDS: readonly string[] = [
  ...SHELLS,
  ...INJECTIONS,
  ...RSYNC,
  ...SCP,
  ...SPELLINGS,
  ...PRIVILEGES,
  ...EXHAUSTION,
  ...BINARIES,
  ...SFTP,
  "internal-sftp ".repeat(1000),
].filter((command) => !command.includes("\0"));

/** Beside them, what real clients say. */
export const READING_COMMANDS: readonly string[] = [
  "scp -f /web/etc/passwd",
  "scp -fprvq /web/etc",
  "scp -f -p /web/etc/passwd",
  "scp -f -r /web/etc",
  "scp -v -r -p -d -f -- /web/etc",
  "scp -f web/etc/passwd",
];
