import type { RequestListener } from "node:http";

/** `/healthz` as long as the process answers, `/readyz` once it can do its work. */
export function healthHandler(isReady: () => boolean): RequestListener {
  return (request, response) => {
    const isHealthy = request.url === "/healthz" || (request.url === "/readyz" && isReady());
    const isKnown = request.url === "/healthz" || request.url === "/readyz";
    const status = isHealthy ? 200 : isKnown ? 503 : 404;
    response.writeHead(status, { "content-type": "text/plain" }).end(isHealthy ? "ok" : "not ready");
  };
}
