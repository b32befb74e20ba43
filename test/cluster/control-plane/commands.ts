import path from "node:path";
import type { BackgroundCommand } from "../../setup/background-process.ts";
import type { ControlPlaneBinaries } from "./binaries.ts";
import type { ClusterCredentials } from "./credentials.ts";

/** Where a control plane keeps its files and listens. */
export interface ControlPlanePlan {
  readonly directory: string;
  readonly logDirectory: string;
  readonly binaries: ControlPlaneBinaries;
  readonly credentials: ClusterCredentials;
  readonly etcdPort: number;
  readonly etcdPeerPort: number;
  readonly apiServerPort: number;
  readonly controllerManagerPort: number;
  readonly controllerManagerKubeconfig: string;
}

export function etcdCommand(plan: ControlPlanePlan): BackgroundCommand {
  const client = `http://127.0.0.1:${plan.etcdPort}`;
  const peer = `http://127.0.0.1:${plan.etcdPeerPort}`;
  return {
    name: "etcd",
    command: plan.binaries.etcd,
    args: [
      `--data-dir=${path.join(plan.directory, "etcd")}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      // The data lives as long as the test: syncing it to the disk would only make it slow.
      "--unsafe-no-fsync",
      "--log-level=warn",
    ],
    logDirectory: plan.logDirectory,
  };
}

export function apiServerCommand(plan: ControlPlanePlan): BackgroundCommand {
  const { credentials } = plan;
  return {
    name: "kube-apiserver",
    command: plan.binaries.apiServer,
    args: [
      `--etcd-servers=http://127.0.0.1:${plan.etcdPort}`,
      "--bind-address=127.0.0.1",
      `--secure-port=${plan.apiServerPort}`,
      `--tls-cert-file=${credentials.servingCertificateFile}`,
      `--tls-private-key-file=${credentials.servingKeyFile}`,
      `--token-auth-file=${credentials.tokenFile}`,
      "--authorization-mode=RBAC",
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${credentials.serviceAccountPublicKeyFile}`,
      `--service-account-signing-key-file=${credentials.serviceAccountKeyFile}`,
      "--service-cluster-ip-range=10.96.0.0/16",
      // Endpoints may not be loopback addresses; nothing here reaches the API by its Service.
      "--endpoint-reconciler-type=none",
      "--allow-privileged=true",
      "--shutdown-delay-duration=0s",
    ],
    logDirectory: plan.logDirectory,
  };
}

/** What the garbage of a test needs collected and what a workload needs; no node, no cloud, no autoscaling. */
const CONTROLLERS = [
  "clusterrole-aggregation-controller",
  "daemonset-controller",
  "deployment-controller",
  "endpoints-controller",
  "endpointslice-controller",
  "garbage-collector-controller",
  "job-controller",
  "namespace-controller",
  "persistentvolume-binder-controller",
  "persistentvolume-protection-controller",
  "persistentvolumeclaim-protection-controller",
  "replicaset-controller",
  "resourcequota-controller",
  "root-ca-certificate-publisher-controller",
  "serviceaccount-controller",
  "serviceaccount-token-controller",
  "ttl-after-finished-controller",
];

export function controllerManagerCommand(plan: ControlPlanePlan): BackgroundCommand {
  const { credentials } = plan;
  return {
    name: "kube-controller-manager",
    command: plan.binaries.controllerManager,
    args: [
      `--kubeconfig=${plan.controllerManagerKubeconfig}`,
      `--authentication-kubeconfig=${plan.controllerManagerKubeconfig}`,
      `--authorization-kubeconfig=${plan.controllerManagerKubeconfig}`,
      "--bind-address=127.0.0.1",
      `--secure-port=${plan.controllerManagerPort}`,
      `--cert-dir=${path.join(plan.directory, "controller-manager-certificates")}`,
      `--controllers=${CONTROLLERS.join(",")}`,
      `--root-ca-file=${credentials.certificateAuthorityFile}`,
      `--service-account-private-key-file=${credentials.serviceAccountKeyFile}`,
      "--use-service-account-credentials=true",
      "--leader-elect=false",
      "--pvclaimbinder-sync-period=2s",
    ],
    logDirectory: plan.logDirectory,
  };
}
