/**
 * Numbers of the SSH File Transfer Protocol, version 3.
 * Source: draft-ietf-secsh-filexfer-02; extensions: OpenSSH's PROTOCOL, section "sftp".
 * All integers are big-endian; a `string` is a 32-bit length and that many bytes.
 */

export const PROTOCOL_VERSION = 3;

/** Section 3, SSH_FXP_*. */
export const PacketType = {
  INIT: 1,
  VERSION: 2,
  OPEN: 3,
  CLOSE: 4,
  READ: 5,
  WRITE: 6,
  LSTAT: 7,
  FSTAT: 8,
  SETSTAT: 9,
  FSETSTAT: 10,
  OPENDIR: 11,
  READDIR: 12,
  REMOVE: 13,
  MKDIR: 14,
  RMDIR: 15,
  REALPATH: 16,
  STAT: 17,
  RENAME: 18,
  READLINK: 19,
  SYMLINK: 20,
  STATUS: 101,
  HANDLE: 102,
  DATA: 103,
  NAME: 104,
  ATTRS: 105,
  EXTENDED: 200,
  EXTENDED_REPLY: 201,
} as const;

/** Section 7, SSH_FX_*. */
export const StatusCode = {
  OK: 0,
  EOF: 1,
  NO_SUCH_FILE: 2,
  PERMISSION_DENIED: 3,
  FAILURE: 4,
  BAD_MESSAGE: 5,
  OP_UNSUPPORTED: 8,
} as const;

export type StatusCode = (typeof StatusCode)[keyof typeof StatusCode];

/** Section 6.3, SSH_FXF_WRITE, APPEND, CREAT, TRUNC and EXCL: what a read-only server does not grant. */
export const WRITING_OPEN_FLAGS = 0x02 | 0x04 | 0x08 | 0x10 | 0x20;

/** Section 5, SSH_FILEXFER_ATTR_*. */
export const AttributeFlag = {
  SIZE: 0x01,
  UIDGID: 0x02,
  PERMISSIONS: 0x04,
  ACMODTIME: 0x08,
} as const;

/** Largest packet taken or sent, and largest READ answered, in bytes: OpenSSH's figures, announced by limits@openssh.com. */
export const MAX_PACKET_LENGTH = 256 * 1024;
export const MAX_READ_LENGTH = MAX_PACKET_LENGTH - 1024;

/** Section 3 obliges clients to take packets of 34,000 bytes; sshfs refuses names in more than 128 KiB. */
export const MAX_NAMES_LENGTH = 32_000;

/** What SSH_FXP_VERSION announces: name and version. */
export const EXTENSIONS: readonly (readonly [name: string, version: string])[] = [
  ["limits@openssh.com", "1"],
  ["statvfs@openssh.com", "2"],
  ["fstatvfs@openssh.com", "2"],
  ["users-groups-by-id@openssh.com", "1"],
  ["home-directory", "1"],
  ["expand-path@openssh.com", "1"],
];
