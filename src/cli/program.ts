import { type Command, Option } from "commander";
import { podLayout, podPorts } from "../operator/file-serving/pod-layout.ts";
import type { CommandContext } from "./context.ts";
import { type MakeAction, runCommandLine } from "./run-command-line.ts";
import { addBucketOptions, addSourceOptions } from "./source-options.ts";

/** `vmfr`. @param args what follows the program's name */
export function runProgram(args: readonly string[], context: CommandContext): Promise<number> {
  const description = "Single files out of KubeVirt VM backups, without restoring the VM.";
  return runCommandLine({ name: "vmfr", description, addCommands }, args, context);
}

function addCommands(program: Command, action: MakeAction): void {
  addBackupCommands(program, action);
  addFileCommands(program, action);
  addComparingCommands(program, action);
  addOperatorCommand(program, action);
  addFileServerCommands(program, action);
}

/** Whole backups and whole disks. */
function addBackupCommands(program: Command, action: MakeAction): void {
  addBucketOptions(program.command("discover"))
    .description("which backups contain the VM, and why others do not")
    .option("--include-partially-failed", "judge PartiallyFailed backups volume by volume")
    .option("--json", "the VirtualMachineBackupsDiscovery status as JSON")
    .action(action(async () => (await import("./commands/discover.ts")).discover));

  addSourceOptions(program.command("serve"))
    .description("serve the files over HTTPS and SFTP, read-only")
    .option("--listen <ADDRESS>", "address to listen on", "127.0.0.1")
    .option("--https-port <PORT>", "0 takes any free one (default: 8443, or any free one if it is taken)")
    .option("--ssh-port <PORT>", "0 takes any free one (default: 2222, or any free one if it is taken)")
    .option("--ttl <DURATION>", "end by itself after this time: 90m, 8h, 2d", "8h")
    .option("--open", "open the browser")
    .option("--json", "print one line of JSON when ready, then log to stderr only")
    .option("--verbose", "log every request to stderr")
    .action(action(async () => (await import("./commands/serve.ts")).serve));

  addSourceOptions(program.command("image").argument("<DISK>", "BACKUP/DISK, or only DISK where that is clear"))
    .description("write a whole disk as a raw image")
    .option("-o, --output <FILE>", "a new file, written sparsely (default: stdout)")
    .option("--force", "overwrite FILE")
    .action(action(async () => (await import("./commands/image.ts")).image));

  addSourceOptions(
    program.command("inspect").argument("[DISK...]", "image files; with --store: BACKUP/DISK (default: all)"),
  )
    .description("image, partitions, file systems and their consistency")
    .option("--json", "as JSON")
    .action(action(async () => (await import("./commands/inspect.ts")).inspect));
}

/** Files of a backup. */
function addFileCommands(program: Command, action: MakeAction): void {
  addSourceOptions(program.command("ls").argument("[PATH...]", "paths in the tree", ["/"]))
    .description("list directories")
    .option("-l, --long", "with mode, owner, size and time")
    .option("-R, --recursive", "and everything below")
    .option("--json", "as JSON")
    .action(action(async () => (await import("./commands/ls.ts")).ls));

  addSourceOptions(program.command("stat").argument("<PATH...>", "paths in the tree"))
    .description("everything that is known about a file")
    .option("--json", "as JSON")
    .action(action(async () => (await import("./commands/stat.ts")).stat));

  addSourceOptions(program.command("cat").argument("<PATH...>", "files in the tree"))
    .description("write files to stdout")
    .action(action(async () => (await import("./commands/cat.ts")).cat));

  addSourceOptions(program.command("get").argument("<PATH...>", "files and directories in the tree"))
    .description("copy files and directories out")
    .option("-o, --output <DEST>", "where to; with --format a file, or - for stdout")
    .addOption(new Option("--format <FORMAT>", "as one archive").choices(["tar", "tar.gz", "tar.zst", "zip"]))
    .option("--force", "overwrite files that are already there")
    .action(action(async () => (await import("./commands/get.ts")).get));
}

/** Files across backups. */
function addComparingCommands(program: Command, action: MakeAction): void {
  addSourceOptions(program.command("find").argument("[PATH...]", "where to start", ["/"]))
    .description("paths whose last name matches")
    .option("--name <GLOB>", "as the shell matches: * ? [abc]")
    .option("--ignore-case", "take upper and lower case as equal")
    .addOption(new Option("--type <TYPE>", "only these").choices(["file", "directory", "symlink"]))
    .action(action(async () => (await import("./commands/find.ts")).find));

  addSourceOptions(program.command("history").argument("<PATH>", "DISK/PATH in the guest, or a tree path"))
    .description("one file through all backups: same, changed, absent")
    .option("--json", "as JSON")
    .action(action(async () => (await import("./commands/history.ts")).history));

  addSourceOptions(program.command("diff").argument("<PATH...>", "two files or two directories in the tree"))
    .description("what differs between two places, usually in two backups")
    .option("--metadata", "modes, owners and times too")
    .option("--json", "as JSON")
    .action(action(async () => (await import("./commands/diff.ts")).diff));
}

/** The containers of a file-serving pod; the defaults are where the operator mounts things. */
function addFileServerCommands(program: Command, action: MakeAction): void {
  const fileserver = program.command("fileserver").description("what the containers of a file-serving pod run");
  const container = (name: string, description: string): Command =>
    fileserver
      .command(name)
      .description(description)
      .option("--plan <FILE>", "what to serve, JSON", podLayout.plan)
      .option("--inventory <FILE>", "what `inspect` writes down", podLayout.inventory);
  const server = (name: string, description: string, port: number, healthPort: number): Command =>
    container(name, description)
      .option("--listen <ADDRESS>", "address to listen on (default: all)")
      .option("--port <PORT>", "0 takes any free one", String(port))
      .option("--health-port <PORT>", "plain HTTP for probes, inventory and metrics", String(healthPort));

  container("inspect", "open every disk once and write down what is on it").action(
    action(async () => (await import("./commands/fileserver.ts")).inspect),
  );
  server("web", "serve the web app, downloads and the API over HTTPS", podPorts.https, podPorts.webHealth)
    .option("--credentials <DIRECTORY>", "Secret with password and username", podLayout.webCredentials)
    .option("--certificate <DIRECTORY>", "Secret with tls.crt and tls.key", podLayout.certificate)
    .action(action(async () => (await import("./commands/fileserver.ts")).web));
  server("ssh", "serve sftp, scp and rsync", podPorts.ssh, podPorts.sshHealth)
    .option("--credentials <DIRECTORY>", "Secret with authorized_keys and username", podLayout.sshCredentials)
    .option("--host-key <DIRECTORY>", "Secret with the host key", podLayout.hostKey)
    .action(action(async () => (await import("./commands/fileserver.ts")).ssh));
}

/** The flags of the manager it replaces come first; those it no longer needs are accepted and ignored. */
function addOperatorCommand(program: Command, action: MakeAction): void {
  const command = program
    .command("operator")
    .description("reconcile VirtualMachineBackupsDiscoveries and VirtualMachineFileRestores in a cluster")
    .option("--metrics-bind-address <ADDRESS>", "such as :8443; 0 for none", "0")
    .option("--health-probe-bind-address <ADDRESS>", "/healthz and /readyz", ":8081")
    .option("--leader-elect [BOOL]", "let one of several replicas work at a time")
    .option("--metrics-secure [BOOL]", "HTTPS, for tokens that may get /metrics (default: true)")
    .option("--metrics-cert-path <DIRECTORY>", "certificate of the metrics (default: one is made)")
    .option("--metrics-cert-name <FILE>", "in that directory", "tls.crt")
    .option("--metrics-cert-key <FILE>", "in that directory", "tls.key")
    .option("--kubeconfig <FILE>", "(default: the pod's service account, else as kubectl finds it)")
    .option("--data-path <PATH>", "for restores that do not say: Restore, Direct or Auto", "Restore")
    .option("--default-ttl <DURATION>", "for restores that do not say (default: none)")
    .option("--external-domain <DOMAIN>", "restores get a name below it where there are no Routes")
    .option("--ingress-class <NAME>", "of the Ingresses for it")
    .option("--gateway <NAMESPACE/NAME>", "HTTPRoutes at this Gateway instead of Ingresses")
    .option("--gateway-passthrough [BOOL]", "TLSRoutes instead of HTTPRoutes: the Gateway hands TLS through")
    .option(
      "--cluster-issuer <NAME>",
      "of cert-manager, for the pods' certificates (default: the cluster's or our own)",
    )
    .option(
      "--certificate-timeout <DURATION>",
      "until we make a certificate that the cluster has not made (default: 2m)",
    )
    .option("--restore-timeout <DURATION>", "for one Velero Restore (default: 4h)")
    .option("--pod-timeout <DURATION>", "until files can be read (default: 15m)");
  for (const flag of ["webhook-cert-path", "webhook-cert-name", "webhook-cert-key", "enable-http2"]) {
    command.addOption(new Option(`--${flag} [VALUE]`).hideHelp());
  }
  command.action(action(async () => (await import("./commands/operator.ts")).operator));

  program
    .command("manifests")
    .description("print CRDs, roles, admission policies and Deployment of the operator")
    .option("--namespace <NAME>", "of OADP (default: openshift-adp)")
    .option("--image <IMAGE>", "of the operator and its pods")
    .action(action(async () => (await import("./commands/manifests.ts")).manifests));
}
