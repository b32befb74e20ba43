/** The flags and variables of `vmfr operator`: those of the manager it replaces, and a few of its own. */
import { parseDuration } from "../../bytes/duration.ts";
import { ConfigError } from "../../errors.ts";
import { defaultTimeouts, type FileRestoreSettings } from "../../operator/file-restore/settings.ts";
import { type ListenAddress, parseListenAddress } from "../../operator/observability/http-listener.ts";
import { VERSION } from "../version.ts";

/** As commander gives them. */
export interface OperatorFlags {
  readonly metricsBindAddress: string;
  readonly healthProbeBindAddress: string;
  readonly leaderElect?: string | true;
  readonly metricsSecure?: string | true;
  readonly metricsCertPath?: string;
  readonly metricsCertName: string;
  readonly metricsCertKey: string;
  readonly kubeconfig?: string;
  readonly dataPath: string;
  readonly defaultTtl?: string;
  readonly externalDomain?: string;
  readonly ingressClass?: string;
  readonly gateway?: string;
  readonly gatewayPassthrough?: string | true;
  readonly clusterIssuer?: string;
  readonly certificateTimeout?: string;
  readonly restoreTimeout?: string;
  readonly podTimeout?: string;
}

export interface OperatorConfiguration {
  readonly settings: FileRestoreSettings;
  readonly kubeconfig: string | undefined;
  readonly metrics: ListenAddress | undefined;
  readonly health: ListenAddress | undefined;
  readonly leaderElect: boolean;
  readonly metricsSecure: boolean;
  /** PEM files; a certificate is made when there are none. */
  readonly metricsCertificate: { readonly cert: string; readonly key: string } | undefined;
  /** This process among its replicas. */
  readonly identity: string;
}

const DEFAULT_IMAGE = `quay.io/vmfr/vmfr:${VERSION}`;

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws ConfigError naming the flag or variable */
export function operatorConfiguration(flags: OperatorFlags, environment: Environment): OperatorConfiguration {
  const namespace = environment["WATCH_NAMESPACE"] ?? "";
  if (namespace === "") {
    throw new ConfigError("WATCH_NAMESPACE must name the namespace of OADP, where Velero's Backups are");
  }
  const { metricsCertPath, metricsCertName, metricsCertKey } = flags;
  const certificate =
    metricsCertPath === undefined || metricsCertPath === ""
      ? undefined
      : { cert: `${metricsCertPath}/${metricsCertName}`, key: `${metricsCertPath}/${metricsCertKey}` };
  return {
    settings: settings(flags, environment, namespace),
    kubeconfig: flags.kubeconfig,
    metrics: parseListenAddress(flags.metricsBindAddress),
    health: parseListenAddress(flags.healthProbeBindAddress),
    leaderElect: boolean("--leader-elect", flags.leaderElect, false),
    metricsSecure: boolean("--metrics-secure", flags.metricsSecure, true),
    metricsCertificate: certificate,
    identity: environment["POD_NAME"] ?? environment["HOSTNAME"] ?? "vmfr-operator",
  };
}

function settings(flags: OperatorFlags, environment: Environment, namespace: string): FileRestoreSettings {
  const { dataPath, defaultTtl, restoreTimeout, certificateTimeout, podTimeout } = flags;
  if (dataPath !== "Restore" && dataPath !== "Direct" && dataPath !== "Auto") {
    throw new ConfigError(`--data-path must be Restore, Direct or Auto, not "${dataPath}"`);
  }
  const image = environment["VMFR_IMAGE"] ?? DEFAULT_IMAGE;
  return {
    namespace,
    operatorNamespace: environment["POD_NAMESPACE"] ?? namespace,
    images: {
      inspect: environment["VMFR_ACCESS_IMAGE"] ?? image,
      web: environment["VMFR_BROWSER_IMAGE"] ?? image,
      ssh: environment["VMFR_SSH_IMAGE"] ?? image,
    },
    dataPath,
    ...(defaultTtl !== undefined && { ttlMs: parseDuration(defaultTtl) }),
    ...exposure(flags),
    timeouts: {
      ...defaultTimeouts,
      ...(restoreTimeout !== undefined && { restoreMs: parseDuration(restoreTimeout) }),
      ...(certificateTimeout !== undefined && { certificateMs: parseDuration(certificateTimeout) }),
      ...(podTimeout !== undefined && { podMs: parseDuration(podTimeout) }),
    },
  };
}

function exposure({ externalDomain, ingressClass, gateway, gatewayPassthrough, clusterIssuer }: OperatorFlags) {
  return {
    ...(externalDomain !== undefined && { externalDomain }),
    ...(ingressClass !== undefined && { ingressClass }),
    ...(gateway !== undefined && { gateway: parseGateway(gateway) }),
    gatewayPassthrough: boolean("--gateway-passthrough", gatewayPassthrough, false),
    ...(clusterIssuer !== undefined && { clusterIssuer }),
  };
}

function parseGateway(text: string): { namespace: string; name: string } {
  const [namespace, name, ...rest] = text.split("/");
  if (!namespace || !name || rest.length > 0) throw new ConfigError("--gateway must be NAMESPACE/NAME");
  return { namespace, name };
}

/** Go's flags: `--x`, `--x=true`, `--x=false`. */
function boolean(name: string, value: string | true | undefined, absent: boolean): boolean {
  if (value === undefined) return absent;
  if (value === true || value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw new ConfigError(`${name} must be true or false, not "${value}"`);
}
