import { type Command, Option } from "commander";
import type { CommandContext } from "../context.ts";
import { type MakeAction, runCommandLine } from "../run-command-line.ts";

/** `kubectl vmfr`. @param args what follows the plugin's name */
export function runKubectlProgram(args: readonly string[], context: CommandContext): Promise<number> {
  const description = "Single files out of backups of a virtual machine, by way of the vmfr operator in the cluster.";
  return runCommandLine({ name: "kubectl vmfr", description, addCommands }, args, context);
}

const collect = (value: string, previous: string[]): string[] => [...previous, value];

function addCommands(program: Command, action: MakeAction): void {
  addSelection(onCluster(program.command("discover").argument("<NS/VM>", "the virtual machine")))
    .description("find the backups that contain a virtual machine")
    .option("--name <NAME>", "of the VirtualMachineBackupsDiscovery (default: the VM's, and something unique)")
    .option("--include-partially-failed", "judge PartiallyFailed backups volume by volume")
    .option("--json", "the discovery as JSON")
    .addOption(timeout("10m"))
    .addOption(noWait("print its name and leave"))
    .action(action(async () => (await import("./discover.ts")).discover));

  addSelection(onCluster(program.command("restore").argument("[NS/VM]", "the virtual machine")))
    .description("serve the files of backups")
    .option("--discovery <NAME>", "a discovery there is already, instead of NS/VM")
    .option("--name <NAME>", "of the VirtualMachineFileRestore (default: the VM's, and something unique)")
    .option("--ssh", "by sftp, scp and rsync (default: both ways)")
    .option("--web", "by web browser and HTTPS (default: both ways)")
    .option("--expose", "the web browser from outside of the cluster too")
    .addOption(new Option("--data-path <PATH>", "how disks are read").choices(["Restore", "Direct", "Auto"]))
    .option("--ttl <DURATION>", "it deletes itself after this time: 90m, 8h, 2d")
    .option("--json", "the file restore as JSON")
    .addOption(timeout("4h"))
    .addOption(noWait("print its name and leave"))
    .action(action(async () => (await import("./restore.ts")).restore));

  onCluster(program.command("open").argument("<NAME>", "of the VirtualMachineFileRestore"))
    .description("reach the files from this machine: forwards ports until Ctrl+C")
    .option("--https-port <PORT>", "on this machine (default: any free one)", "0")
    .option("--ssh-port <PORT>", "on this machine (default: any free one)", "0")
    .option("--open", "open the browser")
    .option("--json", "print one line of JSON when ready")
    .addOption(timeout("10m"))
    .action(action(async () => (await import("./open.ts")).open));

  onCluster(program.command("get").argument("[NAME]", "only what has this name, with its details"))
    .description("list discoveries and file restores")
    .option("--json", "as JSON")
    .action(action(async () => (await import("./get.ts")).get));

  onCluster(program.command("delete").argument("<NAME>", "of the discovery, the file restore, or both"))
    .description("delete a file restore with all that was made for it, and the discovery of that name")
    .addOption(timeout("5m"))
    .addOption(noWait("leave while the operator still cleans up"))
    .action(action(async () => (await import("./delete.ts")).remove));
}

function onCluster(command: Command): Command {
  return command
    .option("-n, --namespace <NAME>", "of OADP (default: the one with a BackupStorageLocation)")
    .option("--kubeconfig <FILE>", "(default: as kubectl finds it)")
    .option("--context <NAME>", "of the kubeconfig");
}

function addSelection(command: Command): Command {
  return command
    .option("--backup <NAME>", "only this backup (repeatable)", collect, [])
    .option("--from <TIME>", "only backups from this time on (RFC 3339 or date)")
    .option("--to <TIME>", "only backups up to this time (a date means its whole day)");
}

function timeout(standard: string): Option {
  return new Option("--timeout <DURATION>", "wait no longer").default(standard);
}

function noWait(what: string): Option {
  return new Option("--no-wait", `do not wait: ${what}`);
}
