/** Metrics for whoever Kubernetes says may read them: the token is reviewed, then the right to `get /metrics`. */
import { createHash } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Registry } from "prom-client";
import { LruCache } from "../../bytes/lru-cache.ts";
import { describeError } from "../../errors.ts";
import type { KubeClient } from "../../kube/kube-client.ts";
import type { Logger } from "../../kube/log.ts";
import {
  type SubjectAccessReview,
  subjectAccessReviews,
  type TokenReview,
  tokenReviews,
} from "../../kube/resources.ts";

export interface MetricsAccess {
  readonly registry: Registry;
  readonly client: Pick<KubeClient, "review">;
  readonly log: Logger;
}

/** Scrapes come every few seconds with the same token. */
const REMEMBERED_MS = 60_000;
const LONGEST_TOKEN = 16_384;

export function openMetricsHandler(registry: Registry): RequestListener {
  return (request, response) => void answer(request, response, registry);
}

export function reviewedMetricsHandler({ registry, client, log }: MetricsAccess): RequestListener {
  const allowed = new LruCache<string, number>(256);
  return (request, response) => {
    void (async () => {
      const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1];
      if (token === undefined || token.length > LONGEST_TOKEN) return refuse(response, 401);
      const known = createHash("sha256").update(token).digest("hex");
      const until = allowed.get(known) ?? 0;
      if (until < Date.now()) {
        const status = await review(client, token);
        if (status !== 200) return refuse(response, status);
        allowed.set(known, Date.now() + REMEMBERED_MS);
      }
      await answer(request, response, registry);
    })().catch((error: unknown) => {
      log.warn({ reason: describeError(error) }, "Could not review access to metrics");
      refuse(response, 500);
    });
  };
}

async function review(client: Pick<KubeClient, "review">, token: string): Promise<200 | 401 | 403> {
  const request: TokenReview = {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenReview",
    metadata: {},
    spec: { token },
  };
  const { status } = await client.review(tokenReviews, request);
  if (status?.authenticated !== true || status.user === undefined) return 401;
  const { username = "", uid, groups = [], extra } = status.user;
  const access: SubjectAccessReview = {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    metadata: {},
    spec: {
      user: username,
      groups,
      ...(uid !== undefined && { uid }),
      ...(extra !== undefined && { extra }),
      nonResourceAttributes: { path: "/metrics", verb: "get" },
    },
  };
  const decided = await client.review(subjectAccessReviews, access);
  return decided.status?.allowed === true ? 200 : 403;
}

async function answer(request: IncomingMessage, response: ServerResponse, registry: Registry): Promise<void> {
  if (request.url !== "/metrics") return refuse(response, 404);
  const text = await registry.metrics();
  response.writeHead(200, { "content-type": registry.contentType }).end(text);
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { "content-type": "text/plain" }).end(`${status}\n`);
}
