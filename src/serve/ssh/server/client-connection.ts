import type { AuthContext, Connection, ServerChannel, Session } from "ssh2";
import { displayName, nameFromKey, nameFromText } from "../../../bytes/byte-name.ts";
import type { Logger } from "../../log.ts";
import type { SessionProgram } from "../session-stream.ts";
import { ChannelStream } from "./channel-stream.ts";
import type { SshLimits } from "./limits.ts";
import { grantingKey, type LoginPolicy } from "./login.ts";
import { type Programs, refuse } from "./programs.ts";
import { plainAddress } from "./source-pattern.ts";
import { fingerprint } from "./ssh-keys.ts";
import type { Transport } from "./transport.ts";

export interface ClientOptions {
  readonly policy: LoginPolicy;
  readonly programs: Programs;
  readonly limits: SshLimits;
  readonly logger: Logger;
  readonly onAuthenticated: () => void;
}

/** Bytes of a command line worth logging. */
const LOGGED_COMMAND = 1000;

/** Channels that a client may open and close without a request. */
const MOST_UNUSED_SESSIONS = 100;

/** One client, from its greeting to its end. Port forwarding and global requests have no listener: ssh2 refuses them. */
export class ClientConnection {
  readonly #connection: Connection;
  readonly #transport: Transport;
  readonly #options: ClientOptions;
  readonly #address: string;
  readonly #gone = new AbortController();
  #refusedLogins = 0;
  #sessions = 0;
  #unusedSessions = 0;

  constructor(connection: Connection, transport: Transport, options: ClientOptions) {
    this.#connection = connection;
    this.#transport = transport;
    this.#options = options;
    this.#address = plainAddress(transport.address);
    connection.on("authentication", (context) => this.#authenticate(context));
    connection.on("session", (accept, reject) => {
      if (this.#sessions >= options.limits.sessions) reject();
      else this.#openSession(accept());
    });
    // Without a listener an 'error' of any client would end the process.
    connection.on("error", (error) => {
      options.logger.info({ client: this.#address, reason: printable(error.message) }, "ssh connection failed");
      this.#gone.abort();
      // ssh2 would go on with what the client sends next.
      transport.cut();
    });
    connection.once("end", () => this.#gone.abort());
    connection.once("close", () => this.#gone.abort());
  }

  get isGone(): boolean {
    return this.#gone.signal.aborted;
  }

  get idleMs(): number {
    return this.#transport.idleMs;
  }

  /** Says goodbye; the socket closes when the client has taken what was sent. */
  end(): void {
    this.#gone.abort();
    this.#connection.end();
  }

  #authenticate(context: AuthContext): void {
    const { policy, limits, logger, onAuthenticated } = this.#options;
    const key = grantingKey(policy, context, this.#address);
    if (key !== undefined) {
      if (context.method === "publickey" && context.signature !== undefined) {
        onAuthenticated();
        logger.info(
          { client: this.#address, key: fingerprint(key.blob), comment: printable(key.comment) },
          "ssh login",
        );
      }
      context.accept();
      return;
    }
    // A client's first request asks with method `none` which methods there are.
    if (context.method !== "none") this.#refusedLogins++;
    context.reject(["publickey"]);
    if (this.#refusedLogins < limits.loginAttempts) return;
    logger.warn({ client: this.#address, attempts: this.#refusedLogins }, "too many refused ssh logins");
    this.end();
  }

  #openSession(session: Session): void {
    const closed = new AbortController();
    let isUsed = false;
    this.#sessions++;
    const onClose = () => {
      if (closed.signal.aborted) return;
      this.#sessions--;
      closed.abort();
      if (!isUsed) this.#countUnused();
    };
    session.once("close", onClose);
    this.#gone.signal.addEventListener("abort", onClose, { once: true });
    closed.signal.addEventListener("abort", () => this.#gone.signal.removeEventListener("abort", onClose));
    const { subsystems, commands } = this.#options.programs;
    const start = (accept: () => ServerChannel | undefined, name: string, program?: SessionProgram) => {
      isUsed = true;
      this.#start(accept, name, program, closed.signal);
    };
    session.on("subsystem", (accept, _reject, { name }) => start(accept, printable(name), subsystems.get(name)));
    session.on("exec", (accept, _reject, { command }) => {
      const program = commands.map((match) => match(command)).find((match) => match !== undefined);
      start(accept, displayName(nameFromKey(command.slice(0, LOGGED_COMMAND))), program);
    });
    // There is no terminal; but a client refused one ends without showing why there is no shell either.
    session.on("pty", (accept) => accept?.());
    session.on("shell", (accept) => start(accept, "shell"));
  }

  /** ssh2 never forgets a channel that was closed before anything was started on it. */
  #countUnused(): void {
    if (++this.#unusedSessions !== MOST_UNUSED_SESSIONS) return;
    this.#options.logger.warn({ client: this.#address }, "too many ssh channels opened for nothing");
    this.end();
  }

  #start(
    accept: () => ServerChannel | undefined,
    name: string,
    program: SessionProgram | undefined,
    signal: AbortSignal,
  ): void {
    // A second request on the same channel is accepted by nobody.
    const channel = accept();
    if (channel === undefined) return;
    const { logger } = this.#options;
    channel.on("error", (error: Error) =>
      logger.info({ client: this.#address, reason: error.message }, "ssh channel failed"),
    );
    channel.stderr.on("error", () => undefined);
    const fields = { client: this.#address, program: name };
    if (program === undefined) logger.info(fields, "ssh request refused");
    const stream = new ChannelStream(channel, this.#transport, signal);
    void (program ?? refuse)(stream)
      .catch((error: unknown) => {
        if (!signal.aborted) logger.error({ ...fields, err: error }, "ssh program failed unexpectedly");
        return 1;
      })
      .then((status) => stream.exit(status));
  }
}

/** Clients' words in a log: bounded, and without characters that could pass for another line. */
function printable(text: string): string {
  return displayName(nameFromText(text.slice(0, 200)));
}
