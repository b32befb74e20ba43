/** Where things are inside a file-serving pod: the operator mounts them there, `vmfr fileserver` looks there. */
export const podLayout = {
  /** ConfigMap with `plan.json`, see serving-plan.ts. */
  plan: "/etc/vmfr/plan/plan.json",
  /** Secret with `password` and perhaps `username`. */
  webCredentials: "/etc/vmfr/web",
  /** Secret with `tls.crt` and `tls.key`. */
  certificate: "/etc/vmfr/tls",
  /** Secret with `authorized_keys` and perhaps `username`; the private key stays outside. */
  sshCredentials: "/etc/vmfr/ssh",
  /** Secret with `ssh_host_ed25519_key`. */
  hostKey: "/etc/vmfr/host-key",
  /** Secret with what reading the bucket takes, see bucket-access.ts. */
  bucket: "/etc/vmfr/bucket",
  /** emptyDir shared by the containers; `inspect` leaves its findings here. */
  runDirectory: "/run/vmfr",
  inventory: "/run/vmfr/inventory.json",
} as const;

export const HOST_KEY_FILE = "ssh_host_ed25519_key";

/** Ports of the pod; the first two are also the Service's. */
export const podPorts = {
  ssh: 2222,
  https: 8443,
  /** Probes, inventory and metrics of the `web` container, plain HTTP, for the kubelet and the operator only. */
  webHealth: 8081,
  /** The same of the `ssh` container: both share the pod's network. */
  sshHealth: 8082,
} as const;
