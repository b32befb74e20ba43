/** Response headers that keep a guest's bytes and other sites away from the administrator's session. */

/** On every answer. */
const COMMON = {
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
  "X-Frame-Options": "DENY",
  "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
} as const;

/** The app's own pages. PatternFly sets sizes through style attributes, hence its one exception. */
export const APP_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' blob: data:",
  "font-src 'self'",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join("; ");

/** JSON and error pages. */
export const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** Guest bytes: opened as a page they may do nothing at all, and belong to no origin. */
export const GUEST_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'";

/**
 * HSTS is left out on loopback: `localhost` is shared with every other local server, which may well speak
 * plain HTTP.
 */
export function commonHeaders(host: string | undefined): Record<string, string> {
  if (isLoopback(host ?? "")) return { ...COMMON };
  return { ...COMMON, "Strict-Transport-Security": "max-age=31536000" };
}

function isLoopback(host: string): boolean {
  return /^(?:localhost\.?|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/i.test(host);
}
