/** Bounds on connections and what they may do. Times in milliseconds. */
export interface SshLimits {
  /** Connections at the same time, logged in or not. */
  readonly connections: number;
  /** Connections that have not logged in yet; beyond it the one that has waited longest is dropped. */
  readonly unauthenticatedConnections: number;
  /** Refused logins on one connection before it is ended; OpenSSH's MaxAuthTries. */
  readonly loginAttempts: number;
  /** From connecting to being logged in. */
  readonly loginTimeMs: number;
  /** Session channels open on one connection; OpenSSH's MaxSessions. */
  readonly sessions: number;
  /** Without a byte on any session channel. */
  readonly idleMs: number;
  /** From connecting to the end, whatever is going on. */
  readonly connectionMs: number;
  readonly keepaliveIntervalMs: number;
  /** Keepalives without an answer before the connection is ended. */
  readonly keepaliveMisses: number;
  /** Bytes sent, and time passed, before new session keys are agreed on; RFC 4253 section 9. */
  readonly rekeyBytes: number;
  readonly rekeyMs: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

export const defaultSshLimits: SshLimits = {
  connections: 128,
  unauthenticatedConnections: 32,
  loginAttempts: 6,
  loginTimeMs: MINUTE,
  sessions: 10,
  idleMs: HOUR,
  connectionMs: 24 * HOUR,
  keepaliveIntervalMs: 15 * SECOND,
  keepaliveMisses: 4,
  rekeyBytes: 4 * 1024 * 1024 * 1024,
  rekeyMs: HOUR,
};
