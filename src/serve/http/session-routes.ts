/** `/api/v1/session`: log in, who am I, log out. */
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { LoginRequest, Session } from "./api-types.ts";
import { SESSION_COOKIE } from "./authenticator.ts";
import { clientAddress, type HttpContext, type ServerContext } from "./context.ts";
import { HttpError } from "./error-response.ts";

const COOKIE = { path: "/", secure: true, httpOnly: true, sameSite: "Strict" } as const;

export async function logIn(server: ServerContext, c: HttpContext): Promise<Response> {
  const { user, password } = parseLogin(await c.req.text(), c.req.header("content-type"));
  const token = await server.authenticator.login(clientAddress(c), user, password);
  setCookie(c, SESSION_COOKIE, token, COOKIE);
  return c.body(null, 204);
}

export function showSession(server: ServerContext, c: HttpContext): Response {
  const session: Session = { user: c.get("user"), version: server.version };
  return c.json(server.expiresAt === undefined ? session : { ...session, expiresAt: server.expiresAt.toISOString() });
}

export function logOut(server: ServerContext, c: HttpContext): Response {
  const token = getCookie(c, SESSION_COOKIE);
  if (token !== undefined) server.authenticator.logout(token);
  deleteCookie(c, SESSION_COOKIE, COOKIE);
  return c.body(null, 204);
}

function parseLogin(body: string, contentType: string | undefined): LoginRequest {
  // A form on another site can send text/plain, but not this type without asking first.
  if (!/^application\/json\b/i.test(contentType ?? "")) {
    throw new HttpError(415, "bad-request", "the login must be sent as application/json");
  }
  const login: unknown = parseJson(body);
  if (!isLogin(login)) throw new HttpError(400, "bad-request", 'the login must be {"user": text, "password": text}');
  return login;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isLogin(value: unknown): value is LoginRequest {
  if (typeof value !== "object" || value === null) return false;
  return "user" in value && typeof value.user === "string" && "password" in value && typeof value.password === "string";
}
