/** Bounds on what one SFTP session may hold or ask for at a time. */
export interface SftpLimits {
  /** Open files and directories; announced by limits@openssh.com. */
  readonly handles: number;
  /** Requests being answered at the same time. */
  readonly requests: number;
  /** Bytes of READ answers being prepared at the same time. */
  readonly readBytes: number;
  /** Files whose next blocks are fetched ahead. */
  readonly readAheadFiles: number;
  /** Directories whose next children are gathered, to be asked for in the order of the disk. */
  readonly readAheadDirectories: number;
  /** Sentences sent to the client's stderr. */
  readonly explanations: number;
}

export const defaultSftpLimits: SftpLimits = {
  handles: 1024,
  requests: 32,
  readBytes: 4 * 1024 * 1024,
  readAheadFiles: 4,
  readAheadDirectories: 4,
  explanations: 100,
};
