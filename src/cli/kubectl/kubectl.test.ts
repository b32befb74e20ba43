import { Writable } from "node:stream";
import { expect, test } from "vitest";
import type { CommandContext } from "../context.ts";
import { describeRestore } from "./access-description.ts";
import { discoveryTable } from "./discovery-table.ts";
import { openGreeting, openLine } from "./open-greeting.ts";
import { portForwardArguments } from "./port-forward.ts";
import { runKubectlProgram } from "./program.ts";
import { restoreSpec } from "./restore.ts";

async function run(...args: string[]): Promise<{ code: number; output: string; complaints: string }> {
  const written: Record<"output" | "complaints", string> = { output: "", complaints: "" };
  const into = (name: keyof typeof written) =>
    new Writable({
      write(chunk, _encoding, done) {
        written[name] += String(chunk);
        done();
      },
    });
  const context: CommandContext = {
    environment: {},
    stdin: process.stdin,
    stdout: into("output"),
    stderr: into("complaints"),
    webRoot: undefined,
    untilAskedToEnd: () => new Promise(() => undefined),
  };
  return { code: await runKubectlProgram(args, context), ...written };
}

test.each(["discover", "restore", "open", "get", "delete"])("%s has help", async (command) => {
  const { code, output } = await run(command, "--help");
  expect(code).toBe(0);
  expect(output).toMatch(new RegExp(`^Usage: kubectl vmfr ${command} `));
  expect(output).toContain("--namespace");
});

test.each([
  [["restore"], "give either NS/VM or --discovery"],
  [["restore", "demo/web-1", "--discovery", "x"], "give either NS/VM or --discovery"],
  [["restore", "--discovery", "x", "--from", "2026-01-01"], "--from and --to"],
  [["discover", "web-1"], "NAMESPACE/NAME"],
  [["restore", "a/b/c"], "NAMESPACE/NAME"],
  [["discover"], "missing required argument"],
  [["open", "x", "--ssh-port", "ssh"], '"ssh" is not a port'],
  [["get", "--kubeconfig", "/nowhere"], "/nowhere"],
])("a wrong call says what is wrong: %j", async (args, message) => {
  const { code, complaints } = await run(...args);
  expect(code).toBe(2);
  expect(complaints).toContain(message);
});

test("a restore serves both ways unless it is told which, and selects from a discovery that is there", () => {
  const none = { backup: [] };
  expect(restoreSpec("d", none)).toEqual({ backupsDiscoveryRef: "d", fileAccess: { ssh: {}, fileBrowser: {} } });
  expect(restoreSpec("d", { ...none, ssh: true }).fileAccess).toEqual({ ssh: {} });
  expect(restoreSpec("d", { ...none, web: true }).fileAccess).toEqual({ fileBrowser: {} });
  expect(restoreSpec("d", { ...none, expose: true }).fileAccess).toEqual({ fileBrowser: { exposeExternally: true } });
  expect(restoreSpec("d", { backup: ["b"] }).selectedBackups).toBeUndefined();
  expect(restoreSpec("d", { discovery: "d", backup: ["b"], dataPath: "Direct", ttl: "8h" })).toMatchObject({
    selectedBackups: ["b"],
    dataPath: "Direct",
    ttl: "8h",
  });
});

const ready = { type: "Ready", status: "True", reason: "R", message: "1 valid backup", lastTransitionTime: "" };

test("a discovery's table shows disks and reasons, and nothing of a reason can disguise anything", () => {
  const createdAt = "2026-11-16T02:05:00Z";
  const pvc = { pvcUID: "u", pvcName: "web-1-root", pvcNamespace: "demo" };
  const table = discoveryTable({
    apiVersion: "oadp.openshift.io/v1alpha1",
    kind: "VirtualMachineBackupsDiscovery",
    metadata: { name: "web-1-abcde" },
    spec: { virtualMachineName: "web-1", virtualMachineNamespace: "demo" },
    status: {
      phase: "Completed",
      conditions: [ready],
      validBackups: [{ name: "monday", namespace: "velero", createdAt, pvcs: [pvc] }],
      invalidBackups: [{ name: "sunday", namespace: "velero", reason: "VM not\u001b[2J found" }],
    },
  });
  expect(table).toBe(
    [
      "BACKUP  COMPLETED             VALID  DISKS, OR WHY NOT",
      "monday  2026-11-16T02:05:00Z  yes    web-1-root",
      "sunday                        no     VM not\\x1b[2J found",
      "web-1-abcde: Completed. 1 valid backup",
      "",
      "  kubectl vmfr restore --discovery web-1-abcde",
      "",
    ].join("\n"),
  );
});

test("a restore's description has every state and the way to the secrets, and no secret", () => {
  const credentialsSecretRef = { name: "r-filebrowser", namespace: "r-1" };
  const entry = { veleroBackupName: "monday", veleroBackupNamespace: "velero" };
  const text = describeRestore({
    apiVersion: "oadp.openshift.io/v1alpha1",
    kind: "VirtualMachineFileRestore",
    metadata: { name: "r" },
    spec: { backupsDiscoveryRef: "d" },
    status: {
      phase: "PartiallyFailed",
      conditions: [ready],
      fileServingInfo: {
        podName: "r-fileserver",
        fileBrowser: { clusterAccess: "https://r.svc:8443", credentialsSecretRef },
      },
      pvcRestores: [
        {
          ...{ pvcUID: "u", pvcName: "root", pvcNamespace: "demo" },
          restores: [
            { ...entry, state: "available", fileSystems: [{ volume: "1-root", type: "ext4" }] },
            { ...entry, veleroBackupName: "sunday", state: "failed", failureReason: "no space" },
          ],
        },
      ],
    },
  });
  expect(text).toMatch(/monday {2}root {2}available {2}1-root\nsunday {2}root {2}failed {5}no space\n/);
  expect(text).toContain("kubectl vmfr open r");
  expect(text).toContain("kubectl get secret --namespace r-1 r-filebrowser");
});

const files = {
  web: { user: "oadp", password: "pass word", host: "r.r-1.svc", caFile: "/tmp/x/ca.pem" },
  ssh: { user: "oadp", privateKeyFile: "/tmp/x/id", knownHostsFile: "/tmp/x/known", hostKeyFingerprint: "SHA256:abc" },
  remove: async () => undefined,
};

test("what open prints can be pasted", () => {
  const text = openGreeting(files, { https: 4001, ssh: 4002 });
  expect(text).toContain("https://127.0.0.1:4001/");
  expect(text).toContain(
    "curl --connect-to r.r-1.svc:8443:127.0.0.1:4001 --cacert /tmp/x/ca.pem --user 'oadp:pass word' https://r.r-1.svc:8443/files/METADATA.json",
  );
  expect(text).toContain("sftp -P 4002 -i /tmp/x/id -o UserKnownHostsFile=/tmp/x/known oadp@127.0.0.1:/backups");
  expect(JSON.parse(openLine(files, { https: 4001, ssh: 4002 }))).toMatchObject({
    https: { url: "https://127.0.0.1:4001", password: "pass word" },
    ssh: { host: "127.0.0.1", port: 4002 },
  });
});

test("kubectl forwards on loopback only, with the user's kubeconfig and context", () => {
  const ports = new Map([
    [8443, 0],
    [2222, 4002],
  ]);
  const target = { namespace: "n", pod: "p", ports, kubeconfig: "/k", context: "c" };
  expect(portForwardArguments(target).join(" ")).toBe(
    "port-forward --address=127.0.0.1 --namespace=n --kubeconfig=/k --context=c pod/p :8443 4002:2222",
  );
});
