import type { Deployment } from "kubernetes-types/apps/v1.js";
import type { Complete } from "../../kube/resource-type.ts";
import type { NetworkPolicy, Service, ServiceAccount } from "../../kube/resources.ts";
import { type Installation, installed, NAME_PREFIX, SERVICE_ACCOUNT } from "./installation.ts";

const PORTS = { health: 8081, metrics: 8443 } as const;
const SELECTOR = { "control-plane": `${NAME_PREFIX}-controller` };

export function operatorServiceAccount({ namespace }: Installation): ServiceAccount {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: installed("controller-manager", namespace) };
}

/** Satisfies Pod Security "restricted". */
export function operatorDeployment({ namespace, image }: Installation): Complete<Deployment> {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: installed("controller-manager", namespace, SELECTOR),
    spec: {
      replicas: 1,
      selector: { matchLabels: SELECTOR },
      template: {
        metadata: {
          labels: { ...SELECTOR, "app.kubernetes.io/name": NAME_PREFIX },
          annotations: { "kubectl.kubernetes.io/default-container": "manager" },
        },
        spec: {
          serviceAccountName: SERVICE_ACCOUNT,
          terminationGracePeriodSeconds: 10,
          securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
          containers: [container(image)],
        },
      },
    },
  };
}

function container(image: string) {
  const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  const probe = (path: string, initialDelaySeconds: number, periodSeconds: number) => ({
    httpGet: { path, port: PORTS.health },
    initialDelaySeconds,
    periodSeconds,
  });
  return {
    name: "manager",
    image,
    command: ["vmfr"],
    args: [
      "operator",
      "--leader-elect",
      `--health-probe-bind-address=:${PORTS.health}`,
      `--metrics-bind-address=:${PORTS.metrics}`,
    ],
    env: [
      field("WATCH_NAMESPACE", "metadata.namespace"),
      field("POD_NAMESPACE", "metadata.namespace"),
      field("POD_NAME", "metadata.name"),
      { name: "VMFR_IMAGE", value: image },
    ],
    ports: [{ name: "https", containerPort: PORTS.metrics, protocol: "TCP" }],
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    livenessProbe: probe("/healthz", 15, 20),
    readinessProbe: probe("/readyz", 5, 10),
    resources: { limits: { cpu: "500m", memory: "384Mi" }, requests: { cpu: "10m", memory: "128Mi" } },
    terminationMessagePolicy: "FallbackToLogsOnError",
  };
}

export function metricsService({ namespace }: Installation): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: installed("controller-manager-metrics-service", namespace, SELECTOR),
    spec: {
      selector: SELECTOR,
      ports: [{ name: "https", port: PORTS.metrics, targetPort: PORTS.metrics, protocol: "TCP" }],
    },
  };
}

/** Nobody talks to the operator but Prometheus and the kubelet; it talks to the API, to buckets and to its pods. */
export function operatorNetworkPolicy({ namespace }: Installation): NetworkPolicy {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: installed("controller", namespace),
    spec: {
      podSelector: { matchLabels: SELECTOR },
      policyTypes: ["Ingress"],
      ingress: [
        {
          ports: [
            { port: PORTS.metrics, protocol: "TCP" },
            { port: PORTS.health, protocol: "TCP" },
          ],
        },
      ],
    },
  };
}
