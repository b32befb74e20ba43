import { createServer, type Server as NetServer, type Socket } from "node:net";
import type { Server } from "ssh2";
import { nameFromText } from "../../../bytes/byte-name.ts";
import { ConfigError } from "../../../errors.ts";
import type { RestoreTree } from "../../../restore-tree/tree-node.ts";
import type { Logger } from "../../log.ts";
import { matchRsync } from "../rsync/rsync-session.ts";
import { matchScp } from "../scp/scp-source.ts";
import type { SessionProgram } from "../session-stream.ts";
import type { SftpLimits } from "../sftp/limits.ts";
import { serveSftp } from "../sftp/sftp-session.ts";
import { ALGORITHMS } from "./algorithms.ts";
import { parseAuthorizedKeys } from "./authorized-keys.ts";
import { ClientConnection, type ClientOptions } from "./client-connection.ts";
import { encryptGcmPackets } from "./gcm-packets.ts";
import { defaultSshLimits, type SshLimits } from "./limits.ts";
import type { LoginPolicy } from "./login.ts";
import { guardPackets } from "./packet-guard.ts";
import type { Programs } from "./programs.ts";
import { fingerprint, knownHostsLine, publicKeyBlob } from "./ssh-keys.ts";
import { Transport } from "./transport.ts";

export interface SshServerOptions {
  /** Stays open when the server closes. */
  readonly tree: RestoreTree;
  readonly user: string;
  /** Text of an authorized_keys file. */
  readonly authorizedKeys: string;
  /** ed25519, in OpenSSH's private key format. */
  readonly hostKey: string;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly logger: Logger;
  /** The server closes itself then. */
  readonly expiresAt?: Date;
  /** Absolute tree path where relative paths start; default `/`. */
  readonly home?: string;
  readonly limits?: Partial<SshLimits & SftpLimits>;
}

export interface SshServer {
  readonly port: number;
  /** `SHA256:…`, as `ssh-keygen -l` prints it. */
  readonly hostKeyFingerprint: string;
  /** Line for a known_hosts file of clients that reach the server as `host` (at `port`, default its own). */
  knownHostsLine(host: string, port?: number): string;
  /** Says goodbye to the clients and resolves when all are gone, by force after a moment. */
  close(): Promise<void>;
}

/** Clients that do not leave within this time of being asked are cut off. */
const FAREWELL_MS = 2000;
const SUPERVISION_MS = 1000;

/**
 * Serves a tree read-only over SSH: public-key login, sftp, scp and rsync, nothing else.
 * @throws ConfigError for keys that cannot be used and an address that cannot be listened on.
 */
export async function startSshServer(options: SshServerOptions): Promise<SshServer> {
  const { default: ssh2 } = await import("ssh2");
  const { keys, refused } = await parseAuthorizedKeys(options.authorizedKeys);
  for (const reason of refused) options.logger.warn({ reason }, "authorized key ignored");
  const hostKey = await publicKeyBlob(options.hostKey);
  const limits = { ...defaultSshLimits, ...options.limits };
  const protocol = new ssh2.Server({
    hostKeys: [options.hostKey],
    algorithms: ALGORITHMS,
    ident: "vmfr",
    keepaliveInterval: limits.keepaliveIntervalMs,
    keepaliveCountMax: limits.keepaliveMisses,
  });
  const reception = new Reception(protocol, { user: options.user, keys }, programsFor(options), limits, options.logger);
  const port = await listen(reception.listener, options.host, options.port);
  const expiry =
    options.expiresAt === undefined ? undefined : watchExpiry(options.expiresAt, () => void reception.close());
  return {
    port,
    hostKeyFingerprint: fingerprint(hostKey),
    knownHostsLine: (host, reachedPort = port) => knownHostsLine(host, reachedPort, hostKey),
    close: () => {
      clearInterval(expiry);
      return reception.close();
    },
  };
}

function programsFor({ tree, logger, home, limits }: SshServerOptions): Programs {
  const options = { tree, logger, home: nameFromText(home ?? "/") };
  const sftpOptions = { ...options, ...(limits === undefined ? {} : { limits }) };
  const sftp: SessionProgram = (stream) => serveSftp(stream, sftpOptions);
  return {
    subsystems: new Map([["sftp", sftp]]),
    // What OpenSSH's server calls the same where a command is forced.
    commands: [(command) => (command === "internal-sftp" ? sftp : undefined), matchScp(options), matchRsync(options)],
  };
}

function listen(server: NetServer, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      reject(new ConfigError(`cannot listen on ${host} port ${port}: ${error.message}`, { cause: error }));
    });
    server.listen({ host, port }, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

/** An interval, since a timer cannot wait longer than 24 days. */
function watchExpiry(expiresAt: Date, expire: () => void): NodeJS.Timeout {
  const timer = setInterval(() => {
    if (Date.now() < expiresAt.getTime()) return;
    clearInterval(timer);
    expire();
  }, SUPERVISION_MS);
  return timer.unref();
}

interface Visit {
  readonly socket: Socket;
  readonly since: number;
  isAuthenticated: boolean;
  client?: ClientConnection;
}

/** Lets clients in, counts them, and shows them out. Owns the sockets; ssh2 only speaks over them. */
class Reception {
  readonly listener: NetServer;
  readonly #protocol: Server;
  readonly #options: Omit<ClientOptions, "onAuthenticated">;
  readonly #visits = new Map<string, Visit>();
  readonly #supervision: NodeJS.Timeout;
  #closed: Promise<void> | undefined;

  constructor(protocol: Server, policy: LoginPolicy, programs: Programs, limits: SshLimits, logger: Logger) {
    this.#protocol = protocol;
    this.#options = { policy, programs, limits, logger };
    this.listener = createServer((socket) => this.#admit(socket));
    this.#supervision = setInterval(() => this.#supervise(), SUPERVISION_MS).unref();
    protocol.on("connection", (connection, { ip, port }) => {
      const visit = this.#visits.get(visitKey(ip, port));
      if (visit === undefined) {
        connection.end();
        return;
      }
      guardPackets(connection);
      encryptGcmPackets(connection);
      visit.client = new ClientConnection(connection, new Transport(visit.socket, connection, limits), {
        ...this.#options,
        onAuthenticated: () => {
          visit.isAuthenticated = true;
        },
      });
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const isClosed = new Promise<void>((resolve) => this.listener.close(() => resolve()));
    for (const visit of this.#visits.values()) this.#dismiss(visit);
    const force = setTimeout(() => {
      for (const { socket } of this.#visits.values()) socket.destroy();
    }, FAREWELL_MS);
    await isClosed;
    clearTimeout(force);
    clearInterval(this.#supervision);
  }

  #admit(socket: Socket): void {
    const { limits, logger } = this.#options;
    const visits = [...this.#visits.values()];
    const strangers = visits.filter((visit) => !visit.isAuthenticated);
    const isFull = visits.length >= limits.connections;
    if (isFull || strangers.length >= limits.unauthenticatedConnections) {
      logger.warn({ connections: visits.length, unauthenticated: strangers.length }, "too many ssh connections");
      // Who holds a place without logging in gives way, so that the silent cannot keep everybody out.
      const longest = strangers[0];
      longest?.socket.destroy();
      if (longest === undefined) {
        socket.destroy();
        return;
      }
    }
    // Small answers must not wait for acknowledgements of earlier ones.
    socket.setNoDelay(true);
    const key = visitKey(socket.remoteAddress, socket.remotePort);
    this.#visits.set(key, { socket, since: Date.now(), isAuthenticated: false });
    socket.once("close", () => this.#visits.delete(key));
    this.#protocol.injectSocket(socket);
  }

  #supervise(): void {
    const { limits } = this.#options;
    for (const visit of this.#visits.values()) {
      const ageMs = Date.now() - visit.since;
      const isLate = !visit.isAuthenticated && ageMs > limits.loginTimeMs;
      const isIdle = visit.client !== undefined && visit.isAuthenticated && visit.client.idleMs > limits.idleMs;
      if (visit.client?.isGone === true) visit.socket.destroy();
      else if (isLate || isIdle || ageMs > limits.connectionMs) this.#dismiss(visit);
    }
  }

  #dismiss({ client, socket }: Visit): void {
    if (client === undefined) socket.destroy();
    else client.end();
  }
}

function visitKey(address: string | undefined, port: number | undefined): string {
  return `${address} ${port}`;
}
