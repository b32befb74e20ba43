import type { Image } from "./image.ts";
import type { Container, Pod } from "./pod-objects.ts";

/** What a container runtime leaves to a container that is not privileged and says nothing. */
const DEFAULT_CAPABILITIES = [
  "audit_write",
  "chown",
  "dac_override",
  "fowner",
  "fsetid",
  "kill",
  "mknod",
  "net_bind_service",
  "net_raw",
  "setfcap",
  "setgid",
  "setpcap",
  "setuid",
  "sys_chroot",
];

/** As whom a container runs; undefined stands for root with every capability. */
export interface ProcessCredentials {
  readonly user: number;
  readonly group: number;
  readonly groups: readonly number[];
  /** Every capability when undefined. */
  readonly capabilities: readonly string[] | undefined;
  readonly noNewPrivileges: boolean;
}

/** Throws, as a kubelet does, when the container must not be root and would be. */
export function credentialsOf(pod: Pod, container: Container, image: Image): ProcessCredentials {
  const own = container.securityContext ?? {};
  const shared = pod.spec.securityContext ?? {};
  const user = own.runAsUser ?? shared.runAsUser ?? image.user ?? 0;
  if ((own.runAsNonRoot ?? shared.runAsNonRoot ?? false) && user === 0) {
    throw new Error("container has runAsNonRoot and image will run as root");
  }
  const groups = [...(shared.supplementalGroups ?? []), ...(shared.fsGroup === undefined ? [] : [shared.fsGroup])];
  return {
    user,
    group: own.runAsGroup ?? shared.runAsGroup ?? 0,
    groups,
    capabilities: own.privileged === true ? undefined : capabilitiesOf(container),
    noNewPrivileges: own.allowPrivilegeEscalation === false,
  };
}

function capabilitiesOf(container: Container): string[] {
  const { add = [], drop = [] } = container.securityContext?.capabilities ?? {};
  const lower = (names: readonly string[]) => names.map((name) => name.toLowerCase());
  const dropped = lower(drop);
  const kept = dropped.includes("all") ? [] : DEFAULT_CAPABILITIES.filter((name) => !dropped.includes(name));
  return [...new Set([...kept, ...lower(add)])];
}

/** The command before a program that runs as these. */
export function setprivCommand(credentials: ProcessCredentials): string[] {
  const { user, group, groups, capabilities, noNewPrivileges } = credentials;
  const bounding = ["-all", ...(capabilities ?? []).map((name) => `+${name}`)].join(",");
  return [
    "/usr/bin/setpriv",
    `--reuid=${user}`,
    `--regid=${group}`,
    groups.length === 0 ? "--clear-groups" : `--groups=${groups.join(",")}`,
    "--inh-caps=-all",
    ...(capabilities === undefined ? [] : [`--bounding-set=${bounding}`]),
    ...(noNewPrivileges ? ["--no-new-privs"] : []),
    "--",
  ];
}
