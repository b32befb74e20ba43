import { expect, test } from "vitest";
import { fileServerPod, POD_HASH, type PodOptions, volumePath } from "./pod.ts";

const owner = { name: "r", namespace: "adp", uid: "12345678-aaaa-bbbb-cccc-ddddeeeeffff" };
const options: PodOptions = {
  namespace: "r-12345678",
  access: { ssh: true, web: true },
  images: { inspect: "i", web: "w", ssh: "s" },
  volumes: [
    { claimName: "root-monday", claimUid: "u1", volumeMode: "Block" },
    { claimName: "data-monday", claimUid: "u2", volumeMode: "Filesystem" },
  ],
  plan: "{}",
  sshSecret: "r-ssh",
  webSecret: "r-filebrowser",
};
const pod = fileServerPod(owner, options);
const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];

test("every container is as Pod Security restricted asks (S1, S6)", () => {
  expect(containers.map(({ name }) => name)).toEqual(["inspect", "web", "ssh"]);
  for (const { securityContext } of containers) {
    expect(securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
    });
  }
  expect(pod.spec).toMatchObject({ automountServiceAccountToken: false });
  expect(pod.spec).not.toHaveProperty("shareProcessNamespace");
  expect(JSON.stringify(pod)).not.toContain("hostPath");
});

test("PVCs of both modes are attached read-only, in every container that reads disks (D4, S16)", () => {
  for (const volume of pod.spec?.volumes ?? []) {
    if (volume.persistentVolumeClaim !== undefined) expect(volume.persistentVolumeClaim.readOnly).toBe(true);
  }
  for (const { volumeDevices, volumeMounts } of containers) {
    expect(volumeDevices).toEqual([{ name: "pvc-u1", devicePath: "/dev/pvc-u1" }]);
    expect(volumeMounts).toContainEqual({ name: "pvc-u2", mountPath: "/volumes/pvc-u2", readOnly: true });
  }
  expect(options.volumes.map(volumePath)).toEqual(["/dev/pvc-u1", "/volumes/pvc-u2"]);
});

test("the user's private key never comes into the pod (S10)", () => {
  const secret = pod.spec?.volumes?.find(({ name }) => name === "ssh")?.secret;
  expect(secret?.items?.map(({ key }) => key)).toEqual(["authorized_keys", "username"]);
  expect(secret?.defaultMode).toBe(0o440);
});

test("serving containers are ready when a file can be read (D7)", () => {
  for (const { readinessProbe, livenessProbe } of pod.spec?.containers ?? []) {
    expect(readinessProbe?.httpGet?.path).toBe("/readyz");
    expect(livenessProbe?.httpGet?.path).toBe("/healthz");
  }
});

test("another plan, volume or Secret makes another pod; nothing else does", () => {
  const hash = (other: Partial<PodOptions>) =>
    fileServerPod(owner, { ...options, ...other }).metadata.annotations?.[POD_HASH];
  expect(hash({})).toBe(hash({}));
  const others = [
    hash({ plan: '{"a":1}' }),
    hash({ volumes: [] }),
    hash({ webSecret: "x" }),
    hash({ bucketSecret: "b" }),
  ];
  expect(new Set([hash({}), ...others]).size).toBe(5);
});

test("what users and tools look for is on the pod", () => {
  expect(pod.metadata).toMatchObject({
    name: "r-fileserver",
    labels: { "oadp.openshift.io/vmfr-origin-uuid": owner.uid, app: "vmfr-file-server" },
    annotations: {
      "oadp.openshift.io/vmfr-pvc-count": "2",
      "oadp.openshift.io/vmfr-access-methods": "ssh,filebrowser",
    },
  });
});
