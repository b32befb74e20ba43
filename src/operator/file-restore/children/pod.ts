import { createHash } from "node:crypto";
import type { Container, PodSpec, SecurityContext, Volume, VolumeMount } from "kubernetes-types/core/v1.js";
import type { Pod } from "../../../kube/resources.ts";
import { annotations, secretKeys } from "../../api/v1alpha1/names.ts";
import { bucketAccessKeys } from "../../file-serving/bucket-access.ts";
import { HOST_KEY_FILE, podLayout, podPorts } from "../../file-serving/pod-layout.ts";
import { childNames } from "../child-names.ts";
import { originAnnotations, type RestoreOwner, servingLabels } from "../owner.ts";
import type { AccessMethods } from "./access-methods.ts";

/** KubeVirt's own user: disk images on volumes belong to it. */
const QEMU_ID = 107;

/** On the pod: what it was made from, to see when it has to be made anew. */
export const POD_HASH = "oadp.openshift.io/vmfr-pod-hash";

/** A restored PVC as the pod gets it. */
export interface PodVolume {
  readonly claimName: string;
  readonly claimUid: string;
  readonly volumeMode: "Block" | "Filesystem";
}

export interface PodImages {
  readonly inspect: string;
  readonly web: string;
  readonly ssh: string;
}

export interface PodOptions {
  readonly namespace: string;
  readonly access: AccessMethods;
  readonly images: PodImages;
  readonly volumes: readonly PodVolume[];
  /** `plan.json`; a change of it makes another pod. */
  readonly plan: string;
  readonly sshSecret?: string;
  readonly webSecret?: string;
  /** Secret with what reading the bucket takes. */
  readonly bucketSecret?: string;
  readonly imagePullSecrets?: readonly string[];
}

/** Where the pod finds a volume; the plan says the same. */
export function volumePath({ claimUid, volumeMode }: PodVolume): string {
  return volumeMode === "Block" ? `/dev/pvc-${claimUid}` : `/volumes/pvc-${claimUid}`;
}

/** Satisfies Pod Security "restricted"; holds no token of the API server, for it never talks to one. */
export function fileServerPod(owner: RestoreOwner, options: PodOptions): Pod {
  const { namespace, access, volumes } = options;
  const methods = [...(access.ssh ? ["ssh"] : []), ...(access.web ? ["filebrowser"] : [])];
  const spec = podSpec(owner, options);
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: childNames.pod(owner),
      namespace,
      labels: servingLabels(owner),
      annotations: {
        ...originAnnotations(owner),
        [annotations.pvcCount]: String(volumes.length),
        [annotations.accessMethods]: methods.join(","),
        [POD_HASH]: createHash("sha256")
          .update(JSON.stringify([spec, options.plan]))
          .digest("hex")
          .slice(0, 16),
      },
    },
    spec,
  };
}

function podSpec(owner: RestoreOwner, options: PodOptions): PodSpec {
  const { access, images, imagePullSecrets = [] } = options;
  const shared = { volumes: sharedVolumes(owner, options), environment: environment(options) };
  return {
    serviceAccountName: childNames.serviceAccount(owner),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    restartPolicy: "Always",
    ...(imagePullSecrets.length > 0 && { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
    securityContext: {
      runAsNonRoot: true,
      runAsUser: QEMU_ID,
      runAsGroup: QEMU_ID,
      fsGroup: QEMU_ID,
      // A large volume's files need no new owner when its root has the right one.
      fsGroupChangePolicy: "OnRootMismatch",
      seccompProfile: { type: "RuntimeDefault" },
    },
    initContainers: [container("inspect", images.inspect, shared, options.volumes)],
    containers: [
      ...(access.web ? [webContainer(options, shared)] : []),
      ...(access.ssh ? [sshContainer(options, shared)] : []),
    ],
    volumes: [
      ...shared.volumes.map(({ volume }) => volume),
      ...options.volumes.map(({ claimName, claimUid }) => ({
        name: `pvc-${claimUid}`,
        persistentVolumeClaim: { claimName, readOnly: true },
      })),
      ...(access.web ? [secretVolume("web", options.webSecret), tlsVolume(owner)] : []),
      ...(access.ssh ? [sshVolume(options.sshSecret), hostKeyVolume(owner)] : []),
    ],
  };
}

interface SharedVolume {
  readonly volume: Volume;
  readonly mount: VolumeMount;
}

interface Shared {
  readonly volumes: readonly SharedVolume[];
  readonly environment: readonly { readonly name: string; readonly value: string }[];
}

function sharedVolumes(owner: RestoreOwner, { bucketSecret }: PodOptions): SharedVolume[] {
  const directory = (file: string): string => file.slice(0, file.lastIndexOf("/"));
  return [
    {
      volume: { name: "plan", configMap: { name: childNames.plan(owner) } },
      mount: { name: "plan", mountPath: directory(podLayout.plan), readOnly: true },
    },
    {
      volume: { name: "run", emptyDir: { sizeLimit: "64Mi" } },
      mount: { name: "run", mountPath: podLayout.runDirectory },
    },
    ...(bucketSecret === undefined
      ? []
      : [
          {
            volume: secretVolume("bucket", bucketSecret),
            mount: { name: "bucket", mountPath: podLayout.bucket, readOnly: true },
          },
        ]),
  ];
}

/** The AWS SDK's own way to be told where its credentials are; everything else is in the plan. */
function environment({ bucketSecret }: PodOptions): Shared["environment"] {
  if (bucketSecret === undefined) return [];
  return [
    { name: "AWS_SHARED_CREDENTIALS_FILE", value: `${podLayout.bucket}/${bucketAccessKeys.credentials}` },
    // No question to the cloud's metadata service: credentials are those of the Secret or none.
    { name: "AWS_EC2_METADATA_DISABLED", value: "true" },
  ];
}

function webContainer(options: PodOptions, shared: Shared): Container {
  return {
    ...container("web", options.images.web, shared, options.volumes, [
      { name: "web", mountPath: podLayout.webCredentials, readOnly: true },
      { name: "tls", mountPath: podLayout.certificate, readOnly: true },
    ]),
    ports: [{ name: "https", containerPort: podPorts.https, protocol: "TCP" }],
    ...probes(podPorts.webHealth),
  };
}

function sshContainer(options: PodOptions, shared: Shared): Container {
  return {
    ...container("ssh", options.images.ssh, shared, options.volumes, [
      { name: "ssh", mountPath: podLayout.sshCredentials, readOnly: true },
      { name: "host-key", mountPath: podLayout.hostKey, readOnly: true },
    ]),
    ports: [{ name: "ssh", containerPort: podPorts.ssh, protocol: "TCP" }],
    ...probes(podPorts.sshHealth),
  };
}

function container(
  name: "inspect" | "web" | "ssh",
  image: string,
  shared: Shared,
  volumes: readonly PodVolume[],
  mounts: readonly VolumeMount[] = [],
): Container {
  const devices = volumes.filter(({ volumeMode }) => volumeMode === "Block");
  const directories = volumes.filter(({ volumeMode }) => volumeMode === "Filesystem");
  return {
    name,
    image,
    command: ["vmfr"],
    args: ["fileserver", name],
    env: [...shared.environment],
    securityContext: RESTRICTED,
    resources: { requests: { cpu: "50m", memory: "128Mi" }, limits: { memory: "1Gi" } },
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: [
      ...shared.volumes.map(({ mount }) => mount),
      ...mounts,
      ...directories.map((volume) => ({
        name: `pvc-${volume.claimUid}`,
        mountPath: volumePath(volume),
        readOnly: true,
      })),
    ],
    volumeDevices: devices.map((volume) => ({ name: `pvc-${volume.claimUid}`, devicePath: volumePath(volume) })),
  };
}

const RESTRICTED: SecurityContext = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
  runAsNonRoot: true,
  seccompProfile: { type: "RuntimeDefault" },
};

/** Ready means that a file can be read; alive means that the process answers, whatever its disks do. */
function probes(port: number): Pick<Container, "readinessProbe" | "livenessProbe"> {
  return {
    readinessProbe: { httpGet: { path: "/readyz", port }, periodSeconds: 2, failureThreshold: 3, timeoutSeconds: 5 },
    livenessProbe: {
      httpGet: { path: "/healthz", port },
      initialDelaySeconds: 30,
      periodSeconds: 20,
      failureThreshold: 6,
      timeoutSeconds: 10,
    },
  };
}

/** Readable for the pod's group. */
const SECRET_MODE = 0o440;

function secretVolume(name: string, secretName: string | undefined): Volume {
  return { name, secret: { secretName: secretName ?? "", defaultMode: SECRET_MODE } };
}

function tlsVolume(owner: RestoreOwner): Volume {
  return secretVolume("tls", childNames.certificate(owner));
}

/** The user's private key stays out of the pod. */
function sshVolume(secretName: string | undefined): Volume {
  const item = (key: string) => ({ key, path: key });
  return {
    name: "ssh",
    secret: {
      secretName: secretName ?? "",
      defaultMode: SECRET_MODE,
      items: [item(secretKeys.authorizedKeys), item(secretKeys.username)],
    },
  };
}

function hostKeyVolume(owner: RestoreOwner): Volume {
  return {
    name: "host-key",
    secret: {
      secretName: childNames.hostKey(owner),
      defaultMode: SECRET_MODE,
      items: [{ key: HOST_KEY_FILE, path: HOST_KEY_FILE }],
    },
  };
}
