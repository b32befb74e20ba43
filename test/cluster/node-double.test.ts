/** What the node double promises to the tests that trust it: that pods are confined, fed and judged as on a node. */
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Cluster, startCluster } from "./control-plane/cluster.ts";
import { installCrds } from "./crds/install-crds.ts";
import { NodeDouble } from "./node-double/node-double.ts";
import { WAITING_STORAGE_CLASS } from "./node-double/storage-objects.ts";
import { VMFR_IMAGE, vmfrImages } from "./node-double/vmfr-image.ts";

const NAMESPACE = "confined";
const TOOLS_IMAGE = "vmfr.test/tools";

/** What Pod Security "restricted" asks for. */
const POD_SECURITY = { runAsNonRoot: true, runAsUser: 107, runAsGroup: 107, fsGroup: 107 };
const RESTRICTED = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
  seccompProfile: { type: "RuntimeDefault" },
};

let cluster: Cluster;
let node: NodeDouble;
beforeAll(async () => {
  cluster = await startCluster();
  await installCrds(cluster);
  node = await NodeDouble.start(cluster, { ...vmfrImages(), [TOOLS_IMAGE]: { entrypoint: ["/bin/sh"], files: {} } });
  await cluster.apply({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: NAMESPACE, labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
  });
  await cluster.kubectl("wait", "--for=create", "serviceaccount/default", "-n", NAMESPACE, "--timeout=60s");
});
afterAll(async () => {
  await node?.stop();
  await cluster?.stop();
});

const kubectl = (...args: string[]) => cluster.kubectl("--namespace", NAMESPACE, ...args);
const phaseOf = (pod: string) => kubectl("get", "pod", pod, "-o", "jsonpath={.status.phase}");
const waitFor = (what: string, pod: string) => kubectl("wait", `--for=${what}`, `pod/${pod}`, "--timeout=120s");

function container(script: string, more: object = {}): object {
  return { name: "main", image: TOOLS_IMAGE, args: ["-c", script], securityContext: RESTRICTED, ...more };
}

function pod(name: string, spec: object): object {
  const metadata = { name, namespace: NAMESPACE, labels: { app: name } };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata,
    spec: { restartPolicy: "Never", securityContext: POD_SECURITY, ...spec },
  };
}

function claim(name: string, volumeMode: string, more: object = {}): object {
  const resources = { requests: { storage: "8Mi" } };
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name, namespace: NAMESPACE },
    spec: { accessModes: ["ReadWriteOnce"], volumeMode, resources, ...more },
  };
}

/** What the only container printed. */
async function outputOf(name: string, spec: object): Promise<string> {
  await cluster.apply(pod(name, spec));
  await waitFor("jsonpath={.status.phase}=Succeeded", name);
  return readFileSync(node.logFileOf(NAMESPACE, name, "main"), "utf8");
}

test("a restricted container is nobody: no capability, no privilege to gain, nowhere to write, no sight of the host", async () => {
  const checks = [
    "id -u; id -g; id -G",
    "grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status",
    "touch /file 2>/dev/null && echo WRITABLE",
    `ls -d /home /boot ${import.meta.dirname} 2>/dev/null`,
    "echo processes $(ls -d /proc/[0-9]* | wc -l)",
    "cat /proc/sys/kernel/hostname",
  ];
  const output = await outputOf("nobody", { containers: [container(`${checks.join("; ")}; true`)] });
  expect(output.split("\n").map((line) => line.replaceAll("\t", " "))).toEqual([
    ...["107", "107", "107"],
    ...["CapEff: 0000000000000000", "CapBnd: 0000000000000000", "NoNewPrivs: 1"],
    expect.stringMatching(/^processes [1-9]$/),
    "nobody",
    "",
  ]);
});

test("disks arrive as a device and as a file system; a read-only claim cannot be written to by anybody", async () => {
  await cluster.apply(claim("device", "Block"), claim("files", "Filesystem"));
  await kubectl("wait", "--for=jsonpath={.status.phase}=Bound", "pvc", "--all", "--timeout=60s");
  const image = path.join(cluster.directory, "bytes.img");
  writeFileSync(image, Buffer.alloc(8 * 1024 * 1024, "vmfr"));
  await node.writeDisk(NAMESPACE, "device", image);
  await node.writeDisk(NAMESPACE, "files", image);
  const checks = [
    "cmp /dev/disk /disks/disk.img && echo SAME",
    "stat -c '%F %a %u:%g' /dev/disk /disks/disk.img",
    "echo x 2>/dev/null > /dev/disk; echo x 2>/dev/null > /disks/disk.img; cmp /dev/disk /disks/disk.img && echo SAME",
  ];
  const output = await outputOf("reader", {
    containers: [
      container(checks.join("; "), {
        volumeDevices: [{ name: "device", devicePath: "/dev/disk" }],
        volumeMounts: [{ name: "files", mountPath: "/disks", readOnly: true }],
      }),
    ],
    volumes: [
      { name: "device", persistentVolumeClaim: { claimName: "device", readOnly: true } },
      { name: "files", persistentVolumeClaim: { claimName: "files", readOnly: true } },
    ],
  });
  expect(output.split("\n").filter((line) => !line.includes("cannot create"))).toEqual([
    "SAME",
    "block special file 660 107:107",
    "regular file 660 107:107",
    "SAME",
    "",
  ]);
  expect(readFileSync(await node.diskOf(NAMESPACE, "device")).equals(readFileSync(image))).toBe(true);
  expect(readFileSync(await node.diskOf(NAMESPACE, "files")).equals(readFileSync(image))).toBe(true);
});

test("a claim that waits for its first consumer is given its volume when a pod wants it", async () => {
  await cluster.apply(claim("late", "Filesystem", { storageClassName: WAITING_STORAGE_CLASS }));
  expect(await kubectl("get", "pvc", "late", "-o", "jsonpath={.status.phase}")).toBe("Pending");
  await outputOf("consumer", {
    containers: [container("touch /data/file", { volumeMounts: [{ name: "late", mountPath: "/data" }] })],
    volumes: [{ name: "late", persistentVolumeClaim: { claimName: "late" } }],
  });
  expect(await kubectl("get", "pvc", "late", "-o", "jsonpath={.status.phase}")).toBe("Bound");
});

test("Secrets, ConfigMaps, the downward API, init containers and the API's token are there as in any pod", async () => {
  await kubectl("create", "secret", "generic", "password", "--from-literal=password=swordfish");
  await kubectl("create", "configmap", "settings", "--from-literal=colour=blue");
  const checks = [
    "cat /run/order; echo $COLOUR $(cat /secret/password) $(stat -Lc %a:%g /secret/password) $NAME-$ADDRESS",
    "cd /var/run/secrets/kubernetes.io/serviceaccount; ls; cat namespace; echo",
  ];
  const run = { name: "run", mountPath: "/run" };
  const output = await outputOf("fed", {
    initContainers: ["first", "second"].map((name) => ({
      ...container(`echo ${name} >> /run/order`, { volumeMounts: [run] }),
      name,
    })),
    containers: [
      container(checks.join("; "), {
        volumeMounts: [run, { name: "secret", mountPath: "/secret", readOnly: true }],
        env: [
          { name: "COLOUR", valueFrom: { configMapKeyRef: { name: "settings", key: "colour" } } },
          { name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
          { name: "ADDRESS", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
        ],
      }),
    ],
    volumes: [
      { name: "run", emptyDir: {} },
      { name: "secret", secret: { secretName: "password", defaultMode: 0o400 } },
    ],
  });
  const address = await kubectl("get", "pod", "fed", "-o", "jsonpath={.status.podIP}");
  expect(output.split("\n")).toEqual([
    ...["first", "second", `blue swordfish 440:107 fed-${address}`],
    ...["ca.crt", "namespace", "token", NAMESPACE, ""],
  ]);
});

test("a pod waits for a Secret that comes later, and an exit with a message is told", async () => {
  await cluster.apply(
    pod("patient", {
      containers: [
        container("cat /secret/word > /dev/termination-log; exit 3", {
          volumeMounts: [{ name: "secret", mountPath: "/secret", readOnly: true }],
        }),
      ],
      volumes: [{ name: "secret", secret: { secretName: "late-secret" } }],
    }),
  );
  await kubectl("wait", "--for=jsonpath={.status.message}", "pod/patient", "--timeout=60s");
  expect(await phaseOf("patient")).toBe("Pending");
  await kubectl("create", "secret", "generic", "late-secret", "--from-literal=word=done");
  await waitFor("jsonpath={.status.phase}=Failed", "patient");
  const end = await kubectl(
    ...["get", "pod", "patient", "-o"],
    "jsonpath={.status.containerStatuses[0].state.terminated['exitCode','message']}",
  );
  expect(end).toBe("3 done");
});

test("probes decide whether a pod is ready, its Service leads to it, and deleting it ends the process", async () => {
  const server = `require('http').createServer((q,a)=>a.writeHead(require('fs').existsSync('/run/ready')?200:503).end()).listen(8080)`;
  const probe = { httpGet: { path: "/", port: "web" }, periodSeconds: 1 };
  await cluster.apply(
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", namespace: NAMESPACE },
      spec: { selector: { app: "web" }, ports: [{ port: 80, targetPort: "web" }] },
    },
    pod("web", {
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 2,
      containers: [
        {
          ...container(""),
          image: VMFR_IMAGE,
          command: ["node", "-e", server],
          args: [],
          ports: [{ name: "web", containerPort: 8080 }],
          readinessProbe: probe,
          startupProbe: { exec: { command: ["touch", "/run/started"] }, periodSeconds: 1 },
          volumeMounts: [{ name: "run", mountPath: "/run" }],
        },
        {
          ...container("sleep 4; touch /run/ready; sleep 1000", { volumeMounts: [{ name: "run", mountPath: "/run" }] }),
          name: "side",
        },
      ],
      volumes: [{ name: "run", emptyDir: {} }],
    }),
  );
  await waitFor("jsonpath={.status.phase}=Running", "web");
  expect(await kubectl("get", "pod", "web", "-o", "jsonpath={.status.conditions[?(@.type=='Ready')].status}")).toBe(
    "False",
  );
  await waitFor("condition=Ready", "web");
  const endpoints = ["get", "endpointslices", "-l", "kubernetes.io/service-name=web", "-o"];
  const addresses = () =>
    kubectl(...endpoints, "jsonpath={.items[0].endpoints[?(@.conditions.ready==true)].addresses[0]}");
  const address = await kubectl("get", "pod", "web", "-o", "jsonpath={.status.podIP}");
  await expect.poll(addresses, { timeout: 20_000 }).toBe(address);
  expect(await statusOf(`http://${address}:8080/`)).toBe(200);
  await kubectl("delete", "pod", "web", "--timeout=90s");
  await expect(statusOf(`http://${address}:8080/`)).rejects.toThrow();
});

function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(url, { timeout: 3_000 }, (response) => resolve(response.resume().statusCode))
      .once("timeout", function (this: { destroy(error: Error): void }) {
        this.destroy(new Error("timed out"));
      })
      .once("error", reject)
      .end();
  });
}
