/** The ways to reach an API server and to say who is there: real servers, certificates, tokens and plugins. */
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { type AddressInfo, connect, type Server } from "node:net";
import path from "node:path";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { AccessError, ConfigError } from "../../src/errors.ts";
import type { ApiError } from "../../src/kube/api-error.ts";
import type { ClusterCredentials } from "../../src/kube/authorization.ts";
import { inClusterCredentials, kubeconfigCredentials } from "../../src/kube/credentials.ts";
import { KubeClient } from "../../src/kube/kube-client.ts";
import { namespaces, type TokenReview, tokenReviews } from "../../src/kube/resources.ts";
import { createTestCertificates } from "../setup/s3-server/test-certificates.ts";
import { scratchDirectory } from "../setup/scratch-directory.ts";
import { type Cluster, startCluster } from "./control-plane/cluster.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
  await cluster.kubectl(
    "create",
    "clusterrolebinding",
    "readers",
    "--clusterrole=view",
    "--group=system:serviceaccounts",
  );
});
afterAll(() => cluster?.stop());

interface Kubeconfig {
  clusters: { cluster: Record<string, unknown> }[];
  users: { user: Record<string, unknown> }[];
}

/** The administrator's kubeconfig, changed by the test. */
function kubeconfigFile(change: (config: Kubeconfig) => void): string {
  const config = parse(cluster.kubeconfigWith("no-such-token")) as Kubeconfig;
  change(config);
  const file = path.join(scratchDirectory(), "config");
  writeFileSync(file, JSON.stringify(config));
  return file;
}

function clientOf(credentials: ClusterCredentials): KubeClient {
  const client = new KubeClient(credentials);
  onTestFinished(() => client.close());
  return client;
}

const defaultNamespace = (client: KubeClient) => client.get(namespaces, { name: "default" }, { attempts: 1 });

async function caught(work: Promise<unknown>): Promise<Error> {
  return await work.then(
    () => expect.fail("it did not throw"),
    (error: Error) => error,
  );
}

async function tokenOf(serviceAccount: string): Promise<string> {
  return (await cluster.kubectl("create", "token", serviceAccount)).trim();
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

test("a certificate from an authority that the kubeconfig does not name is not trusted", async () => {
  const { ca } = await createTestCertificates();
  const file = kubeconfigFile(({ clusters }) => {
    Object.assign(clusters[0]?.cluster ?? {}, { "certificate-authority-data": Buffer.from(ca).toString("base64") });
  });
  const error = (await caught(defaultNamespace(clientOf(await kubeconfigCredentials({ file }))))) as ApiError;
  expect([error.reason, error.retryable]).toEqual(["UntrustedCertificate", false]);
});

test("a certificate for another name is not trusted, unless the kubeconfig says which name", async () => {
  const serverName = (name: string) =>
    kubeconfigFile(({ clusters, users }) => {
      Object.assign(clusters[0]?.cluster ?? {}, { "tls-server-name": name });
      Object.assign(users[0]?.user ?? {}, { token });
    });
  await cluster.kubectl("create", "serviceaccount", "named");
  const token = await tokenOf("named");
  const wrong = clientOf(await kubeconfigCredentials({ file: serverName("elsewhere.example.org") }));
  expect(await caught(defaultNamespace(wrong))).toMatchObject({ reason: "UntrustedCertificate" });
  const right = clientOf(await kubeconfigCredentials({ file: serverName("localhost") }));
  expect((await defaultNamespace(right)).metadata.name).toBe("default");
});

test("a wrong token is an access error that does not quote it", async () => {
  const client = clientOf(await kubeconfigCredentials({ file: kubeconfigFile(() => undefined) }));
  const error = await caught(defaultNamespace(client));
  expect(error).toMatchObject({ kind: "access", status: 401 });
  expect(`${error.stack}${JSON.stringify(error)}`).not.toContain("no-such-token");
});

test("a credential plugin is asked once for many calls, and again when its token is refused", async () => {
  const directory = scratchDirectory();
  await cluster.kubectl("create", "serviceaccount", "plugged");
  const tokenFile = path.join(directory, "token");
  const plugin = path.join(directory, "plugin");
  // No expiry: the package would run the plugin for every call.
  writeFileSync(
    plugin,
    `#!/bin/sh\necho called >>${directory}/calls\nprintf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}' "$(cat ${tokenFile})"\n`,
  );
  chmodSync(plugin, 0o755);
  writeFileSync(tokenFile, "expired");
  const file = kubeconfigFile(({ users }) => {
    const exec = { apiVersion: "client.authentication.k8s.io/v1", command: plugin, interactiveMode: "Never" };
    users.splice(0, 1, { ...users[0], user: { exec } });
  });
  const credentials = await kubeconfigCredentials({ file });
  const client = clientOf(credentials);
  await credentials.authorize();
  writeFileSync(tokenFile, await tokenOf("plugged"));
  for (let call = 0; call < 5; call++) expect((await defaultNamespace(client)).metadata.name).toBe("default");
  expect(readFileSync(path.join(directory, "calls"), "utf8")).toBe("called\ncalled\n");

  writeFileSync(plugin, "#!/bin/sh\necho 'please run: login again' >&2\nexit 1\n");
  const failing = await caught((await kubeconfigCredentials({ file })).authorize());
  expect(failing).toBeInstanceOf(AccessError);
  expect(failing.message).toContain("please run: login again");
});

test("a proxy is used that the kubeconfig names", async () => {
  const asked: string[] = [];
  const proxy = http.createServer().on("connect", (request, socket) => {
    asked.push(request.url ?? "");
    const [host = "", port] = (request.url ?? "").split(":");
    const upstream = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      upstream.pipe(socket).pipe(upstream);
    });
    for (const side of [upstream, socket]) side.on("error", () => upstream.destroy());
  });
  const port = await listen(proxy);
  await cluster.kubectl("create", "serviceaccount", "proxied");
  const token = await tokenOf("proxied");
  const file = kubeconfigFile(({ clusters, users }) => {
    Object.assign(clusters[0]?.cluster ?? {}, { "proxy-url": `http://127.0.0.1:${port}` });
    Object.assign(users[0]?.user ?? {}, { token });
  });
  expect((await defaultNamespace(clientOf(await kubeconfigCredentials({ file })))).metadata.name).toBe("default");
  expect(asked).toEqual([new URL(cluster.server).host]);
  proxy.closeAllConnections();
});

test("a client certificate proves who calls", async () => {
  const { ca, certificate, key } = await createTestCertificates();
  const metadata = { name: "default", uid: "u", resourceVersion: "1" };
  const server = https.createServer({ ca, cert: certificate, key, requestCert: true, rejectUnauthorized: true });
  server.on("request", (request, response) => {
    const labels = { peer: String((request.socket as TLSSocket).getPeerCertificate().subject.CN) };
    response.end(JSON.stringify({ metadata: { ...metadata, labels } }));
  });
  const port = await listen(server);
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const config = (user: Record<string, string>) =>
    kubeconfigFile(({ clusters, users }) => {
      const there = { server: `https://127.0.0.1:${port}/prefix`, "certificate-authority-data": base64(ca) };
      clusters.splice(0, 1, { ...clusters[0], cluster: there });
      users.splice(0, 1, { ...users[0], user });
    });
  const known = { "client-certificate-data": base64(certificate), "client-key-data": base64(key) };
  const found = await defaultNamespace(clientOf(await kubeconfigCredentials({ file: config(known) })));
  expect(found.metadata.labels).toEqual({ peer: "localhost" });
  const unknown = clientOf(await kubeconfigCredentials({ file: config({ token: "x" }) }));
  expect(await caught(defaultNamespace(unknown))).toMatchObject({ kind: "access", reason: "CertificateRefused" });
  server.closeAllConnections();
});

test("a pod's service account, and the token that the kubelet puts in the place of the old one", async () => {
  const directory = scratchDirectory();
  for (const name of ["before", "after"]) await cluster.kubectl("create", "serviceaccount", name);
  const write = (name: string, content: string) => writeFileSync(path.join(directory, name), content);
  const { hostname: host, port } = new URL(cluster.server);
  const options = { host, port, directory };
  expect(await caught(inClusterCredentials(options))).toBeInstanceOf(ConfigError);
  write("namespace", "default\n");
  write("ca.crt", cluster.certificateAuthority);
  write("token", await tokenOf("before"));
  const client = clientOf(await inClusterCredentials(options));
  expect(client.namespace).toBe("default");
  expect((await defaultNamespace(client)).metadata.name).toBe("default");
  await cluster.kubectl("delete", "serviceaccount", "before");
  write("token", await tokenOf("after"));
  // Whether the API server still remembers the old token or refuses it: no call fails.
  for (const until = Date.now() + 15_000; Date.now() < until; ) {
    expect((await defaultNamespace(client)).metadata.name).toBe("default");
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
});

test("token reviews are answered without being stored", async () => {
  await cluster.kubectl("create", "serviceaccount", "reviewed");
  const client = clientOf(await kubeconfigCredentials({ file: cluster.kubeconfigFile }));
  const review = async (token: string) => {
    const question: TokenReview = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      metadata: {},
      spec: { token },
    };
    return (await client.review(tokenReviews, question)).status;
  };
  expect(await review(await tokenOf("reviewed"))).toMatchObject({
    authenticated: true,
    user: { username: "system:serviceaccount:default:reviewed" },
  });
  expect((await review("nonsense"))?.authenticated).toBeFalsy();
});

test("kubeconfigs that cannot work are said to be so", async () => {
  const directory = scratchDirectory();
  const written = (text: string) => {
    const file = path.join(directory, crypto.randomUUID());
    writeFileSync(file, text);
    return file;
  };
  const cases = [
    { file: path.join(directory, "missing") },
    { file: written("") },
    { file: written("{[") },
    { file: written("just a text") },
    { file: cluster.kubeconfigFile, context: "other" },
    { file: kubeconfigFile(({ clusters }) => clusters.splice(0)) },
  ];
  for (const options of cases)
    expect(await caught(kubeconfigCredentials(options)), JSON.stringify(options)).toBeInstanceOf(ConfigError);
});
