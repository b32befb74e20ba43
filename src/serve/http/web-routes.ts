/** The app's page and its assets: everything a browser needs before somebody has logged in. */
import type { HttpContext } from "./context.ts";
import { APP_POLICY } from "./security-headers.ts";
import type { WebAsset, WebAssets } from "./web-assets.ts";

/** The asset that a path asks for; `/` and everything below `/browse` is the app's one page. */
export function findAsset(assets: WebAssets, requestPath: string): WebAsset | undefined {
  const isPage = requestPath === "/" || requestPath === "/browse" || requestPath.startsWith("/browse/");
  return isPage ? assets.index : assets.files.get(requestPath);
}

export function sendAsset(c: HttpContext, asset: WebAsset): Response {
  const headers: Record<string, string> = {
    "Content-Type": asset.contentType,
    "Content-Security-Policy": APP_POLICY,
    "Cache-Control": asset.cacheControl,
    ETag: asset.etag,
    Vary: "Accept-Encoding",
  };
  if (c.req.header("if-none-match") === asset.etag) return c.body(null, 304, headers);
  const { gzipped } = asset;
  if (gzipped === undefined || !/\bgzip\b/.test(c.req.header("accept-encoding") ?? "")) {
    return c.body(new Uint8Array(asset.bytes), 200, headers);
  }
  return c.body(new Uint8Array(gzipped), 200, { ...headers, "Content-Encoding": "gzip" });
}
