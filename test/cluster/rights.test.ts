/** Who may do what: the operator, the pods that serve files, users, and whoever reads metrics. Asked of the real API server. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { requireDebianPackages } from "../setup/debian-packages.ts";
import { runTool } from "../setup/run-tool.ts";
import { tally } from "../setup/tally.ts";
import type { Cluster } from "./control-plane/cluster.ts";
import { minimalCrd } from "./crds/minimal-crds.ts";
import { vmfrImages } from "./node-double/vmfr-image.ts";
import { type FileRestore, FileRestores, namespaceOf, PATIENCE_MS } from "./operator/file-restores.ts";
import { InstalledOperator } from "./operator/installed-operator.ts";
import { SEED_VM, seedBackups } from "./seed/seed-backups.ts";
import { startVeleroCluster, type VeleroCluster } from "./velero/velero-cluster.ts";

const NAMESPACE = "velero";
const OPERATOR = `system:serviceaccount:${NAMESPACE}:oadp-vm-file-restore-controller-manager`;

let running: VeleroCluster;
let cluster: Cluster;
let operator: InstalledOperator;
let restores: FileRestores;
/** Served from the bucket, by browser and SSH. */
let served: FileRestore;

beforeAll(async () => {
  await requireDebianPackages("curl");
  running = await startVeleroCluster(vmfrImages());
  const { node, velero } = running;
  cluster = running.cluster;
  operator = await InstalledOperator.install(cluster, node, NAMESPACE);
  restores = new FileRestores(cluster, operator);
  await seedBackups(cluster, node, velero, { backups: ["monday"] });
  await restores.create("served", SEED_VM, { dataPath: "Direct", fileAccess: { ssh: {}, fileBrowser: {} } });
  served = await restores.reach("Completed", "served");
});
afterAll(() => running?.stop());

/** Lines of `kubectl auth can-i --list`, columns parted by " | ", sorted. */
async function rightsOf(user: string, namespace: string): Promise<string[]> {
  const groups = user.startsWith("system:serviceaccount:")
    ? ["--as-group=system:serviceaccounts", `--as-group=system:serviceaccounts:${user.split(":")[2]}`]
    : [];
  const asked = ["auth", "can-i", "--list", "--no-headers", `--namespace=${namespace}`, `--as=${user}`];
  const table = await cluster.kubectl(...asked, ...groups, "--as-group=system:authenticated");
  const lines = table.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => line.trim().replaceAll(/ {2,}/g, " | ")).sort();
}

/** What an account may do beyond what every service account may. */
async function rightsBeyondEverybodys(user: string, namespace: string): Promise<string[]> {
  const [rights, everybodys] = await Promise.all([
    rightsOf(user, namespace),
    rightsOf("system:serviceaccount:default:nobody-in-particular", namespace),
  ]);
  expect(everybodys).not.toEqual([]);
  tally("lines of rights compared", rights.length);
  return rights.filter((right) => !everybodys.includes(right));
}

test("the operator has exactly these rights in Velero's namespace (S5)", async () => {
  expect(await rightsBeyondEverybodys(OPERATOR, NAMESPACE)).toMatchInlineSnapshot(`
    [
      "backendtlspolicies.gateway.networking.k8s.io | [] | [] | [get list create patch delete]",
      "backups.velero.io | [] | [] | [get list watch]",
      "backupstoragelocations.velero.io | [] | [] | [get]",
      "certificates.cert-manager.io | [] | [] | [get list create patch delete]",
      "clusterroles.rbac.authorization.k8s.io | [] | [system:openshift:scc:nonroot-v2] | [bind]",
      "configmaps | [] | [] | [get list create patch delete]",
      "datadownloads.velero.io | [] | [] | [get list watch patch]",
      "dataprotectionapplications.oadp.openshift.io | [] | [] | [get list]",
      "downloadrequests.velero.io | [] | [] | [create get delete]",
      "events.events.k8s.io | [] | [] | [create patch]",
      "httproutes.gateway.networking.k8s.io | [] | [] | [get list create patch delete]",
      "ingresses.networking.k8s.io | [] | [] | [get list create patch delete]",
      "leases.coordination.k8s.io | [] | [] | [get create update]",
      "namespaces | [] | [] | [get list watch create delete]",
      "networkpolicies.networking.k8s.io | [] | [] | [get list create patch delete]",
      "persistentvolumeclaims | [] | [] | [get list watch delete]",
      "pods | [] | [] | [get list watch create delete]",
      "restores.velero.io | [] | [] | [get list watch create delete]",
      "rolebindings.rbac.authorization.k8s.io | [] | [] | [get list create patch delete]",
      "routes.route.openshift.io | [] | [] | [get list watch create patch delete]",
      "secrets | [] | [] | [get list create patch delete]",
      "serviceaccounts | [] | [] | [get list create patch delete]",
      "services | [] | [] | [get list create patch delete]",
      "subjectaccessreviews.authorization.k8s.io | [] | [] | [create]",
      "tlsroutes.gateway.networking.k8s.io | [] | [] | [get list create patch delete]",
      "tokenreviews.authentication.k8s.io | [] | [] | [create]",
      "virtualmachinebackupsdiscoveries.oadp.openshift.io | [] | [] | [get list watch]",
      "virtualmachinebackupsdiscoveries.oadp.openshift.io/status | [] | [] | [update]",
      "virtualmachinefilerestores.oadp.openshift.io | [] | [] | [get list watch patch delete]",
      "virtualmachinefilerestores.oadp.openshift.io/finalizers | [] | [] | [update]",
      "virtualmachinefilerestores.oadp.openshift.io/status | [] | [] | [update]",
      "volumesnapshotcontents.snapshot.storage.k8s.io | [] | [] | [list delete]",
      "volumesnapshots.snapshot.storage.k8s.io | [] | [] | [list delete]",
    ]
  `);
});

test("the operator has exactly these rights in every other namespace, none of Velero's objects and no resource of its own among them (S5)", async () => {
  const elsewhere = await rightsBeyondEverybodys(OPERATOR, "default");
  expect(elsewhere).toMatchInlineSnapshot(`
    [
      "backendtlspolicies.gateway.networking.k8s.io | [] | [] | [get list create patch delete]",
      "certificates.cert-manager.io | [] | [] | [get list create patch delete]",
      "clusterroles.rbac.authorization.k8s.io | [] | [system:openshift:scc:nonroot-v2] | [bind]",
      "configmaps | [] | [] | [get list create patch delete]",
      "httproutes.gateway.networking.k8s.io | [] | [] | [get list create patch delete]",
      "ingresses.networking.k8s.io | [] | [] | [get list create patch delete]",
      "namespaces | [] | [] | [get list watch create delete]",
      "networkpolicies.networking.k8s.io | [] | [] | [get list create patch delete]",
      "persistentvolumeclaims | [] | [] | [get list watch delete]",
      "pods | [] | [] | [get list watch create delete]",
      "rolebindings.rbac.authorization.k8s.io | [] | [] | [get list create patch delete]",
      "routes.route.openshift.io | [] | [] | [get list watch create patch delete]",
      "secrets | [] | [] | [get list create patch delete]",
      "serviceaccounts | [] | [] | [get list create patch delete]",
      "services | [] | [] | [get list create patch delete]",
      "subjectaccessreviews.authorization.k8s.io | [] | [] | [create]",
      "tlsroutes.gateway.networking.k8s.io | [] | [] | [get list create patch delete]",
      "tokenreviews.authentication.k8s.io | [] | [] | [create]",
      "volumesnapshotcontents.snapshot.storage.k8s.io | [] | [] | [list delete]",
      "volumesnapshots.snapshot.storage.k8s.io | [] | [] | [list delete]",
    ]
  `);
  expect(await rightsBeyondEverybodys(OPERATOR, namespaceOf(served))).toEqual(elsewhere);
  expect(await rightsBeyondEverybodys(OPERATOR, SEED_VM.namespace)).toEqual(elsewhere);
});

test("the file-serving pod's service account may do nothing, has no token, and is bound to nothing (S3)", async () => {
  const namespace = namespaceOf(served);
  const { podName = "" } = served.status.fileServingInfo ?? {};
  const pod = JSON.parse(await cluster.kubectl("-n", namespace, "get", "pod", podName, "-o", "json")) as {
    spec: { serviceAccountName: string; automountServiceAccountToken: boolean; volumes: object[] };
  };
  const { serviceAccountName, automountServiceAccountToken, volumes } = pod.spec;
  expect(serviceAccountName).toBe("served-fileserver");
  expect(automountServiceAccountToken).toBe(false);
  expect(JSON.stringify(volumes)).not.toContain("serviceAccountToken");
  const account = `system:serviceaccount:${namespace}:${serviceAccountName}`;
  for (const asked of [namespace, NAMESPACE, SEED_VM.namespace, "default"]) {
    expect(await rightsBeyondEverybodys(account, asked)).toEqual([]);
  }
  expect(await cluster.kubectl("-n", namespace, "get", "rolebindings", "-o", "name")).toBe("");
});

test("the API server itself rejects a pod in the restore's namespace that asks for more than Pod Security restricted grants (S1, S15)", async () => {
  const namespace = namespaceOf(served);
  const restricted = {
    runAsNonRoot: true,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"] },
    seccompProfile: { type: "RuntimeDefault" },
  };
  const create = (name: string, securityContext: object, more: object = {}) =>
    cluster.api.create(`/api/v1/namespaces/${namespace}/pods?dryRun=All`, {
      metadata: { name, namespace },
      spec: { ...more, containers: [{ name: "c", image: "nowhere.test/c", securityContext }] },
    });
  await create("restricted", restricted);
  const volumes = [{ name: "host", hostPath: { path: "/" } }];
  const violations: [string, object, object?][] = [
    ["privileged", { ...restricted, allowPrivilegeEscalation: true, privileged: true }],
    ["root", { ...restricted, runAsNonRoot: false, runAsUser: 0 }],
    ["capable", { ...restricted, capabilities: { drop: ["ALL"], add: ["SYS_ADMIN"] } }],
    ["host-files", restricted, { volumes }],
    ["host-processes", restricted, { hostPID: true }],
    ["unsaid", {}],
  ];
  for (const [name, context, more] of violations) {
    await expect(create(name, context, more), name).rejects.toThrow(/violates PodSecurity \\?"restricted:latest/);
    tally("pods that Pod Security rejected", 1);
  }
});

test("the NetworkPolicy opens the file ports to clients and the probes to the operator's namespace; no node enforces it here (S13)", async () => {
  const namespace = namespaceOf(served);
  const { items } = JSON.parse(await cluster.kubectl("-n", namespace, "get", "networkpolicies", "-o", "json")) as {
    items: { spec: { podSelector: { matchLabels: Record<string, string> } } }[];
  };
  const tcp = (port: number) => ({ port, protocol: "TCP" });
  expect(items.map(({ spec }) => spec)).toEqual([
    {
      podSelector: { matchLabels: expect.objectContaining({ app: "vmfr-file-server" }) },
      policyTypes: ["Ingress", "Egress"],
      ingress: [
        { ports: [tcp(2222), tcp(8443)] },
        {
          from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": NAMESPACE } } }],
          ports: [tcp(8081), tcp(8082)],
        },
      ],
      // It reads the bucket.
      egress: [{}],
    },
  ]);
  const selector = items
    .flatMap(({ spec }) => Object.entries(spec.podSelector.matchLabels))
    .map(([label, value]) => `${label}=${value}`);
  const selected = await cluster.kubectl("-n", namespace, "get", "pods", "-l", selector.join(","), "-o", "name");
  expect(selected).toBe(`pod/${served.status.fileServingInfo?.podName}\n`);
});

test("the cluster's own admin and edit roles include both kinds, and view may look at them", async () => {
  for (const role of ["admin", "edit", "view"]) {
    await restores.kubectl("create", "rolebinding", `${role}-of-test`, `--clusterrole=${role}`, `--user=an-${role}`);
  }
  const may = async (user: string, verb: string, resource: string, ...more: string[]): Promise<string> =>
    cluster.kubectl("auth", "can-i", verb, resource, "--namespace", NAMESPACE, `--as=${user}`, ...more).then(
      (answer) => answer.trim(),
      () => "no",
    );
  const kinds = ["virtualmachinefilerestores", "virtualmachinebackupsdiscoveries"];
  const mayLook = () => may("an-view", "list", `${kinds[0]}.oadp.openshift.io`);
  await expect.poll(mayLook, { timeout: PATIENCE_MS }).toBe("yes");
  for (const resource of kinds.map((kind) => `${kind}.oadp.openshift.io`)) {
    for (const user of ["an-admin", "an-edit"]) {
      for (const verb of ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]) {
        expect(await may(user, verb, resource), `${user} ${verb} ${resource}`).toBe("yes");
      }
      expect(await may(user, "update", resource, "--subresource=status"), `${user} status`).toBe("no");
    }
    for (const verb of ["get", "list", "watch"]) expect(await may("an-view", verb, resource)).toBe("yes");
    for (const verb of ["create", "update", "patch", "delete"]) expect(await may("an-view", verb, resource)).toBe("no");
  }
});

test("metrics are for whoever may get /metrics: 401 without a token, 403 without the right, 200 with it", async () => {
  for (const account of ["scraper", "stranger"]) await cluster.kubectl("create", "serviceaccount", account);
  const role = "--clusterrole=oadp-vm-file-restore-metrics-reader";
  await cluster.kubectl("create", "clusterrolebinding", "scraper", role, "--serviceaccount=default:scraper");
  const [pod = ""] = await operator.podNames();
  const ip = await restores.kubectl("get", "pod", pod, "-o", "jsonpath={.status.podIP}");
  const url = `https://${ip}:8443/metrics`;
  const tokenOf = async (account: string) => (await cluster.kubectl("create", "token", account)).trim();
  const statusWith = (...headers: string[]): Promise<string> =>
    runTool("curl", ["-sk", "-o", "/dev/null", "-w", "%{http_code}", ...headers.flatMap((one) => ["-H", one]), url]);
  expect(await statusWith()).toBe("401");
  expect(await statusWith("authorization: Bearer not-a-token")).toBe("401");
  expect(await statusWith(`authorization: Bearer ${await tokenOf("stranger")}`)).toBe("403");
  const token = `authorization: Bearer ${await tokenOf("scraper")}`;
  expect(await statusWith(token)).toBe("200");
  const metrics = await runTool("curl", ["-sk", "-H", token, url]);
  expect(metrics).toMatch(/^vmfr_objects\{kind="VirtualMachineFileRestore",phase="Completed"\} 1$/m);
  expect(metrics).toMatch(/^controller_runtime_reconcile_total\{controller="[^"]+",result="success"\} \d+$/m);
});

/** By these kinds the operator knows OpenShift; nobody acts on their objects here. */
const OPENSHIFT_CRDS = [
  minimalCrd({ group: "operator.openshift.io", version: "v1", kind: "ServiceCA", plural: "servicecas", short: "sca" }),
  minimalCrd({
    group: "security.openshift.io",
    version: "v1",
    kind: "SecurityContextConstraints",
    plural: "securitycontextconstraints",
    short: "scc",
  }),
];

const APPLICATION = {
  apiVersion: "oadp.openshift.io/v1alpha1",
  kind: "DataProtectionApplication",
  metadata: { name: "dpa", namespace: NAMESPACE },
};

/** Until the restore's conditions say why nothing goes on. */
async function expectUnmet(name: string, message: string): Promise<void> {
  const progressing = '{range .status.conditions[?(@.type=="Progressing")]}{.status} {.reason}: {.message}{end}';
  const said = () => restores.kubectl("get", `vmfr/${name}`, "-o", `jsonpath=${progressing}`);
  await expect.poll(said, { timeout: PATIENCE_MS }).toBe(`False PrerequisitesNotMet: ${message}`);
}

test("what OADP's DataProtectionApplication lacks is said, and the restore goes on by itself when it is set", async () => {
  const velero = { defaultPlugins: ["aws", "openshift"] };
  await cluster.apply({ ...APPLICATION, spec: { vmFileRestore: { enable: false }, configuration: { velero } } });
  await restores.create("hindered", SEED_VM, { dataPath: "Direct" });
  const enable = "DataProtectionApplication 'dpa': set spec.vmFileRestore.enable to true";
  const plugin = "DataProtectionApplication 'dpa': add kubevirt to spec.configuration.velero.defaultPlugins";
  await expectUnmet("hindered", `${enable}; ${plugin}`);
  await cluster.apply({ ...APPLICATION, spec: { vmFileRestore: { enable: true }, configuration: { velero } } });
  await expectUnmet("hindered", plugin);
  velero.defaultPlugins.push("kubevirt");
  await cluster.apply({ ...APPLICATION, spec: { vmFileRestore: { enable: true }, configuration: { velero } } });
  await restores.reach("Completed", "hindered");
});

test("a cluster without OADP's configuration has no prerequisites", async () => {
  await cluster.kubectl("delete", "crd", "dataprotectionapplications.oadp.openshift.io", "--timeout=60s");
  await restores.create("free", SEED_VM, { dataPath: "Direct" });
  await restores.reach("Completed", "free");
});

test("on OpenShift that account may use the nonroot-v2 constraints, and nothing else (S3)", async () => {
  const [group, resource] = ["security.openshift.io", "securitycontextconstraints"];
  await cluster.apply(...OPENSHIFT_CRDS, {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata: { name: "system:openshift:scc:nonroot-v2" },
    rules: [{ apiGroups: [group], resources: [resource], resourceNames: ["nonroot-v2"], verbs: ["use"] }],
  });
  // It remembers for a minute what the cluster has.
  await operator.kill();
  await operator.waitUntilReady();
  await restores.create("bound", SEED_VM, { dataPath: "Direct" });
  const bound = () => restores.kubectl("get", "vmfr/bound", "-o", "jsonpath={.status.createdNamespace}");
  await expect.poll(bound, { timeout: PATIENCE_MS }).not.toBe("");
  const namespace = await bound();
  const bindings = () => cluster.kubectl("-n", namespace, "get", "rolebindings", "-o", "name");
  await expect.poll(bindings, { timeout: PATIENCE_MS }).not.toBe("");
  const account = `system:serviceaccount:${namespace}:bound-fileserver`;
  expect(await rightsBeyondEverybodys(account, namespace)).toEqual([
    `${resource}.${group} | [] | [nonroot-v2] | [use]`,
  ]);
  for (const elsewhere of [NAMESPACE, "default"]) expect(await rightsBeyondEverybodys(account, elsewhere)).toEqual([]);
  expect(await rightsBeyondEverybodys(`system:serviceaccount:${namespace}:default`, namespace)).toEqual([]);
});
