/** Runs both controllers until it is asked to end, loses the lease, or cannot go on. */
import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { readFile } from "node:fs/promises";
import { ConfigError, describeError } from "../../errors.ts";
import { inClusterCredentials, kubeconfigCredentials } from "../../kube/credentials.ts";
import { EventRecorder } from "../../kube/event-recorder.ts";
import { Informer } from "../../kube/informer.ts";
import { KubeClient } from "../../kube/kube-client.ts";
import { LeaderElection } from "../../kube/leader-election.ts";
import type { Logger } from "../../kube/log.ts";
import { API_GROUP } from "../../operator/api/v1alpha1/names.ts";
import { virtualMachineBackupsDiscoveries } from "../../operator/api/v1alpha1/virtual-machine-backups-discovery.ts";
import { virtualMachineFileRestores } from "../../operator/api/v1alpha1/virtual-machine-file-restore.ts";
import { backupInformer, createDiscoveryController } from "../../operator/discovery/discovery-controller.ts";
import { createFileRestoreController } from "../../operator/file-restore/file-restore-controller.ts";
import { healthHandler } from "../../operator/observability/health.ts";
import { type Listener, listen } from "../../operator/observability/http-listener.ts";
import { createMetrics, type OperatorMetrics } from "../../operator/observability/metrics.ts";
import { openMetricsHandler, reviewedMetricsHandler } from "../../operator/observability/metrics-access.ts";
import { createSessionCertificate } from "../../serve/tls/session-certificate.ts";
import type { CommandContext } from "../context.ts";
import { createOperatorLogger } from "../operator/operator-logger.ts";
import { type OperatorConfiguration, type OperatorFlags, operatorConfiguration } from "../operator/operator-options.ts";

/** Of the manager it replaces: during an upgrade only one of the two leads. */
const LEASE = "8f8d9561.openshift.io";

export async function operator(context: CommandContext, _args: undefined, flags: OperatorFlags): Promise<number> {
  const { environment } = context;
  const log = createOperatorLogger(environment["LOG_LEVEL"], environment["LOG_FORMAT"]);
  const configuration = operatorConfiguration(flags, environment);
  const { settings, leaderElect, identity } = configuration;
  const client = new KubeClient(await credentials(configuration.kubeconfig, environment));
  const metrics = createMetrics();
  const ending = new AbortController();
  void context.untilAskedToEnd().then(() => ending.abort());
  let synced = false;
  const listeners = await startListeners(configuration, client, metrics, log, () => synced);
  try {
    const lead = (signal: AbortSignal): Promise<void> =>
      runControllers({ configuration, client, metrics, log, onSynced: () => (synced = true) }, signal);
    if (leaderElect) {
      // A replica that waits for its turn is as ready as it can be.
      synced = true;
      const lease = { namespace: client.namespace ?? settings.operatorNamespace, name: LEASE };
      await new LeaderElection({ client, lease, identity: `${identity}_${randomUUID()}`, log }).run(
        lead,
        ending.signal,
      );
    } else {
      await lead(ending.signal);
    }
    return 0;
  } catch (error) {
    log.error({ reason: describeError(error) }, "The operator ends");
    return 1;
  } finally {
    await Promise.all(listeners.map((listener) => listener.close()));
    client.close();
  }
}

/** In a pod its own service account, which loads faster than the package that reads kubeconfigs. */
async function credentials(kubeconfig: string | undefined, environment: CommandContext["environment"]) {
  if (kubeconfig !== undefined) return kubeconfigCredentials({ file: kubeconfig });
  const host = environment["KUBERNETES_SERVICE_HOST"];
  if (host === undefined) return kubeconfigCredentials();
  return inClusterCredentials({ host, port: environment["KUBERNETES_SERVICE_PORT"] ?? "443" });
}

interface Running {
  readonly configuration: OperatorConfiguration;
  readonly client: KubeClient;
  readonly metrics: OperatorMetrics;
  readonly log: Logger;
  onSynced(): void;
}

async function runControllers({ configuration, client, metrics, log, onSynced }: Running, signal: AbortSignal) {
  const { settings, identity } = configuration;
  const { namespace } = settings;
  // Every watch, worker and pause ends with it.
  setMaxListeners(0, signal);
  await requireKinds(client, signal);
  const discoveries = new Informer({ client, type: virtualMachineBackupsDiscoveries, namespace, log });
  const fileRestores = new Informer({ client, type: virtualMachineFileRestores, namespace, log });
  const backups = backupInformer(client, namespace, log);
  const events = new EventRecorder({ client, controller: `${API_GROUP}/vmfr`, instance: identity, log });
  const shared = { client, discoveries, events, log, metrics };
  const controllers = [
    createDiscoveryController({ ...shared, backups }),
    createFileRestoreController({ ...shared, fileRestores, settings }),
  ];
  metrics.observePhases(() => {
    const phases = [discoveries, fileRestores].map((informer) => countPhases(informer.list()));
    return new Map([
      [virtualMachineBackupsDiscoveries.kind, phases[0] ?? new Map()],
      [virtualMachineFileRestores.kind, phases[1] ?? new Map()],
    ]);
  });
  for (const informer of [discoveries, fileRestores, backups]) informer.start(signal);
  await Promise.all([discoveries.synced, fileRestores.synced]);
  onSynced();
  log.info({ namespace }, "The operator works");
  await Promise.all(controllers.map((controller) => controller.run(signal)));
  await events.flush();
}

function countPhases(
  objects: readonly { readonly status?: { readonly phase?: string | undefined } }[],
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { status } of objects) counts.set(status?.phase ?? "", (counts.get(status?.phase ?? "") ?? 0) + 1);
  return counts;
}

async function requireKinds(client: KubeClient, signal: AbortSignal): Promise<void> {
  for (const type of [virtualMachineBackupsDiscoveries, virtualMachineFileRestores]) {
    if (await client.serves(type, { signal })) continue;
    throw new ConfigError(`the cluster has no ${type.kind}: install the CRDs that \`vmfr manifests\` prints`);
  }
}

async function startListeners(
  configuration: OperatorConfiguration,
  client: KubeClient,
  { registry }: OperatorMetrics,
  log: Logger,
  isReady: () => boolean,
): Promise<Listener[]> {
  const { health, metrics, metricsSecure, metricsCertificate } = configuration;
  const listeners: Listener[] = [];
  if (health !== undefined) listeners.push(await listen(health, healthHandler(isReady)));
  if (metrics === undefined) return listeners;
  if (!metricsSecure) return [...listeners, await listen(metrics, openMetricsHandler(registry))];
  const tls = await metricsTls(metricsCertificate);
  return [...listeners, await listen(metrics, reviewedMetricsHandler({ registry, client, log }), tls)];
}

async function metricsTls(files: OperatorConfiguration["metricsCertificate"]) {
  if (files === undefined) {
    const { certificateChain, privateKey } = await createSessionCertificate();
    return { cert: certificateChain, key: privateKey };
  }
  const [cert, key] = await Promise.all([readFile(files.cert, "utf8"), readFile(files.key, "utf8")]);
  return { cert, key };
}
