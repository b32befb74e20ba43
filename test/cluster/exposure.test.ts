/** How the browser's files are reached from outside of the cluster, and by whom their certificate is signed. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requireDebianPackages } from "../setup/debian-packages.ts";
import { runTool } from "../setup/run-tool.ts";
import { tally } from "../setup/tally.ts";
import type { Cluster } from "./control-plane/cluster.ts";
import { type KindNames, minimalCrd } from "./crds/minimal-crds.ts";
import { startCertManagerDouble, startServiceAuthorityDouble } from "./doubles/authorities.ts";
import { startRouterDouble } from "./doubles/router.ts";
import { vmfrImages } from "./node-double/vmfr-image.ts";
import { type FileRestore, FileRestores, namespaceOf } from "./operator/file-restores.ts";
import { InstalledOperator } from "./operator/installed-operator.ts";
import { seedBackups } from "./seed/seed-backups.ts";
import type { SeedVm } from "./seed/virtual-machine.ts";
import { startVeleroCluster, type VeleroCluster } from "./velero/velero-cluster.ts";

const NAMESPACE = "velero";
const VM: SeedVm = {
  namespace: "guests",
  name: "web-1",
  disks: [{ name: "web-1-root", mode: "Block", bytes: 16 * 1024 * 1024 }],
};
const FILE = "/backups/monday/web-1-root/etc/nginx/nginx.conf";
const ROUTE_CRD = "crd/routes.route.openshift.io";
const SERVICE_CA: KindNames = {
  group: "operator.openshift.io",
  version: "v1",
  kind: "ServiceCA",
  plural: "servicecas",
  scope: "Cluster",
};
const gatewayKind = (version: string, kind: string, plural: string): KindNames => ({
  group: "gateway.networking.k8s.io",
  version,
  kind,
  plural,
});

let running: VeleroCluster;
let cluster: Cluster;
let operator: InstalledOperator;
let restores: FileRestores;
beforeAll(async () => {
  await requireDebianPackages("curl");
  running = await startVeleroCluster(vmfrImages());
  cluster = running.cluster;
  await addKinds(SERVICE_CA);
  operator = await InstalledOperator.install(cluster, running.node, NAMESPACE, ["--certificate-timeout=20s"]);
  restores = new FileRestores(cluster, operator);
  await seedBackups(cluster, running.node, running.velero, { vms: [VM], backups: ["monday"] });
  await restores.discover("web-1", VM);
});
afterAll(() => running?.stop());

async function addKinds(...kinds: readonly KindNames[]): Promise<void> {
  for (const names of kinds) {
    await cluster.apply(minimalCrd(names));
    const crd = `crd/${names.plural}.${names.group}`;
    await cluster.kubectl("wait", "--for=condition=Established", crd, "--timeout=60s");
  }
}

async function removeKinds(...kinds: readonly string[]): Promise<void> {
  await cluster.kubectl("delete", ...kinds, "--timeout=60s");
}

/** With a fresh look at which kinds the cluster has. */
async function restartOperator(...flags: readonly string[]): Promise<void> {
  if (flags.length > 0) await operator.addFlags(flags);
  else await restores.kubectl("rollout", "restart", "deployment/oadp-vm-file-restore-controller-manager");
  await operator.waitUntilReady();
  // The one before leads until it has ended.
  await expect.poll(() => operator.podNames(), { timeout: 60_000 }).toHaveLength(1);
}

async function expose(name: string): Promise<FileRestore> {
  await restores.restore(name, "web-1", {
    dataPath: "Direct",
    fileAccess: { fileBrowser: { exposeExternally: true } },
  });
  return restores.reach("Completed", name);
}

/** As whoever follows the status: its address, its credentials, and its authority alone trusted. */
async function fetchFile(restored: FileRestore, address: string | undefined): Promise<string> {
  const namespace = namespaceOf(restored);
  const { podName = "", fileBrowser } = restored.status.fileServingInfo ?? {};
  const secret = fileBrowser?.credentialsSecretRef?.name ?? "";
  const field = async (kind: string, name: string, key: string) =>
    cluster.kubectl("-n", namespace, "get", kind, name, "-o", `jsonpath={${key}}`);
  const decode = (text: string) => Buffer.from(text, "base64").toString("utf8");
  const user = decode(await field("secret", secret, ".data.username"));
  const password = decode(await field("secret", secret, ".data.password"));
  const authority = path.join(cluster.directory, `${namespace}.crt`);
  writeFileSync(authority, fileBrowser?.certificateAuthority ?? "");
  const { hostname, port } = new URL(address ?? "");
  const way = `${hostname}:${port || "443"}:${await field("pod", podName, ".status.podIP")}:8443`;
  const options = ["-sSf", "--cacert", authority, "--connect-to", way, "-u", `${user}:${password}`];
  const content = await runTool("curl", [...options, `${address}/files${FILE}`]);
  tally("files fetched by the address and authority of the status", 1);
  return content;
}

async function expectServed(restored: FileRestore, address: string | undefined): Promise<void> {
  expect(await fetchFile(restored, address)).toContain("# web-1-root at the time of monday");
}

const addresses = ({ status }: FileRestore) => status.fileServingInfo?.fileBrowser;
const inNamespace = (restored: FileRestore, ...args: string[]) =>
  cluster.kubectl("-n", namespaceOf(restored), "get", ...args);
const readyMessage = ({ status }: FileRestore) => status.conditions?.find(({ type }) => type === "Ready")?.message;

async function remove(restored: FileRestore): Promise<void> {
  await restores.kubectl("delete", `vmfr/${restored.metadata.name}`, "--timeout=120s");
}

test("a Route below the router's own domain, with the service CA's certificate and authority in the status (D23)", async () => {
  const router = startRouterDouble(cluster, "apps.example.test");
  const serviceAuthority = startServiceAuthorityDouble(cluster);
  try {
    const restored = await expose("by-route");
    expect(addresses(restored)?.publicAccess).toMatch(/^https:\/\/by-route-[0-9a-f]{8}\.apps\.example\.test$/);
    const route = JSON.parse(await inNamespace(restored, "route", "by-route-filebrowser", "-o", "json"));
    expect(route.spec).toMatchObject({ tls: { termination: "reencrypt" }, port: { targetPort: "https" } });
    expect(route.spec.tls.destinationCACertificate).toBeUndefined();
    const published = await inNamespace(restored, "configmap", "openshift-service-ca.crt", "-o", "json");
    expect(addresses(restored)?.certificateAuthority).toBe(JSON.parse(published).data["service-ca.crt"]);
    await expectServed(restored, addresses(restored)?.clusterAccess);
    await remove(restored);
  } finally {
    await serviceAuthority.stop();
  }
  const restored = await expose("unanswered");
  expect(addresses(restored)?.certificateAuthority).toContain("BEGIN CERTIFICATE");
  const route = JSON.parse(await inNamespace(restored, "route", "unanswered-filebrowser", "-o", "json"));
  expect(route.spec.tls.destinationCACertificate).toBe(addresses(restored)?.certificateAuthority);
  await expectServed(restored, addresses(restored)?.clusterAccess);
  await remove(restored);
  await router.stop();
});

test("without Routes and a domain it is said, and the files are served within the cluster (D24)", async () => {
  await removeKinds(ROUTE_CRD, "crd/servicecas.operator.openshift.io");
  await restartOperator();
  const restored = await expose("inside");
  expect(readyMessage(restored)).toContain("exposeExternally needs Routes, or an operator that was started with");
  expect(addresses(restored)?.publicAccess).toBeUndefined();
  await expectServed(restored, addresses(restored)?.clusterAccess);
  await remove(restored);
});

test("an Ingress of the operator's class below its domain, with a certificate by cert-manager's issuer (D23)", async () => {
  const group = "cert-manager.io";
  await addKinds({ group, version: "v1", kind: "Certificate", plural: "certificates" });
  const certManager = startCertManagerDouble(cluster, "corporate");
  await restartOperator("--external-domain=files.example.test", "--ingress-class=nginx", "--cluster-issuer=corporate");
  try {
    const restored = await expose("by-ingress");
    const { publicAccess, certificateAuthority } = addresses(restored) ?? {};
    expect(publicAccess).toMatch(/^https:\/\/by-ingress-[0-9a-f]{8}\.files\.example\.test$/);
    const ingress = JSON.parse(await inNamespace(restored, "ingress", "by-ingress-filebrowser", "-o", "json"));
    expect(ingress.spec).toMatchObject({
      ingressClassName: "nginx",
      rules: [{ host: new URL(publicAccess ?? "").host }],
    });
    const secret = JSON.parse(await inNamespace(restored, "secret", "by-ingress-fileserver-tls", "-o", "json"));
    expect(secret.metadata.annotations["cert-manager.io/issuer-name"]).toBe("corporate");
    expect(Buffer.from(secret.data["ca.crt"], "base64").toString("utf8")).toBe(certificateAuthority);
    await expectServed(restored, publicAccess);
    await remove(restored);
  } finally {
    await certManager.stop();
  }
  await removeKinds("crd/certificates.cert-manager.io");
});

test("an HTTPRoute at the operator's Gateway, which is told to speak TLS to the pod; without that API it is said (D24)", async () => {
  await restartOperator("--gateway=infra/edge");
  const without = await expose("no-gateway");
  expect(readyMessage(without)).toContain("the cluster has no HTTPRoutes of the Gateway API");
  await remove(without);
  await addKinds(
    gatewayKind("v1", "HTTPRoute", "httproutes"),
    gatewayKind("v1", "BackendTLSPolicy", "backendtlspolicies"),
    gatewayKind("v1alpha2", "TLSRoute", "tlsroutes"),
  );
  await restartOperator();
  const restored = await expose("by-gateway");
  const name = "by-gateway-filebrowser";
  const route = JSON.parse(await inNamespace(restored, "httproute", name, "-o", "json"));
  expect(route.spec).toMatchObject({
    parentRefs: [{ namespace: "infra", name: "edge" }],
    hostnames: [new URL(addresses(restored)?.publicAccess ?? "").host],
    rules: [{ backendRefs: [{ name: "by-gateway-fileserver-svc", port: 8443 }] }],
  });
  const policy = JSON.parse(await inNamespace(restored, "backendtlspolicy", name, "-o", "json"));
  const { hostname, caCertificateRefs } = policy.spec.validation;
  expect(hostname).toBe(new URL(addresses(restored)?.clusterAccess ?? "").hostname);
  const authority = await inNamespace(restored, "configmap", caCertificateRefs[0].name, "-o", "json");
  expect(JSON.parse(authority).data["ca.crt"]).toBe(addresses(restored)?.certificateAuthority);
  await expectServed(restored, addresses(restored)?.publicAccess);
  await remove(restored);
});

test("a TLSRoute at a Gateway that hands TLS through: the status' authority vouches for the public name", async () => {
  await restartOperator("--gateway-passthrough");
  const restored = await expose("by-passthrough");
  const route = JSON.parse(await inNamespace(restored, "tlsroute", "by-passthrough-filebrowser", "-o", "json"));
  expect(route.spec.hostnames).toEqual([new URL(addresses(restored)?.publicAccess ?? "").host]);
  await expectServed(restored, addresses(restored)?.publicAccess);
  await remove(restored);
});
