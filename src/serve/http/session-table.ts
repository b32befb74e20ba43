/** Who is logged in. Kept here and not in the cookie, so that logging out and ending the server really end it. */
import { createHash, randomBytes } from "node:crypto";

export interface SessionTable {
  /** The token to hand to the browser: 256 random bits, base64url. */
  create(user: string): string;
  /** The user, or undefined when there is no such session any more. */
  find(token: string): string | undefined;
  remove(token: string): void;
  readonly lifetimeMs: number;
}

/** A working day. */
const LIFETIME_MS = 12 * 3_600_000;
const MOST_SESSIONS = 1000;

export function createSessionTable(lifetimeMs = LIFETIME_MS, now: () => number = Date.now): SessionTable {
  // Keyed by hash: looking up a guess takes a time that says nothing about real tokens.
  const sessions = new Map<string, { user: string; endsAt: number }>();
  return {
    lifetimeMs,
    create(user) {
      for (const [key, session] of sessions) {
        // Oldest first: whatever is left after the expired ones makes room when the table is full.
        if (session.endsAt > now() && sessions.size < MOST_SESSIONS) break;
        sessions.delete(key);
      }
      const token = randomBytes(32).toString("base64url");
      sessions.set(keyOf(token), { user, endsAt: now() + lifetimeMs });
      return token;
    },
    find(token) {
      const session = sessions.get(keyOf(token));
      return session !== undefined && session.endsAt > now() ? session.user : undefined;
    },
    remove(token) {
      sessions.delete(keyOf(token));
    },
  };
}

function keyOf(token: string): string {
  return createHash("sha256").update(token).digest("base64");
}
