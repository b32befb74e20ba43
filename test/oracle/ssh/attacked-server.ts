import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { onTestFinished } from "vitest";
import { runTool } from "../../setup/run-tool.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { clientConfig } from "../../setup/ssh-client.ts";
import { walk } from "./awkward-tree.ts";

const root = path.resolve(import.meta.dirname, "../../..");

/** What lies on this machine, beside the server, and must never be seen by a client. */
export const CANARY = "bytes of the host that no client may see";
/** What the guest has where attackers look. */
export const GUEST_PASSWD = "guest:x:0:0\n";

export interface AttackedServer {
  readonly port: number;
  readonly user: string;
  readonly keyFile: string;
  /** For `-F` of OpenSSH's clients: host `vmfr` is the server. */
  readonly configFile: string;
  /** A place for what clients fetch. */
  readonly downloads: string;
  /** Absolute path of the file that holds the canary. */
  readonly canaryFile: string;
  /** Everything an attack could change: the image, the server's folders, the processes it started. */
  state(): unknown;
}

/** The program itself in a process and folders of its own, serving a guest made of traps as `/web`. */
export async function startAttackedServer(): Promise<AttackedServer> {
  const base = scratchDirectory();
  const folder = (name: string) => {
    const directory = path.join(base, name);
    mkdirSync(directory);
    return directory;
  };
  const [work, temporary, home, downloads] = [folder("cwd"), folder("tmp"), folder("home"), folder("downloads")];
  const canaryFile = path.join(base, "canary");
  writeFileSync(canaryFile, CANARY);
  const image = await makeTrapImage(base, folder("guest"), canaryFile);
  const loader = pathToFileURL(path.join(root, "node_modules/tsx/dist/loader.mjs")).href;
  const program = ["--import", loader, path.join(root, "src/bin/vmfr.ts"), "serve", "--json", "--disk", `web=${image}`];
  const environment = { TMPDIR: temporary, HOME: home, TSX_DISABLE_CACHE: "1", XDG_RUNTIME_DIR: temporary };
  const child = spawn(process.execPath, [...program, "--https-port", "0", "--ssh-port", "0"], {
    cwd: work,
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, ...environment },
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  onTestFinished(async () => {
    child.kill("SIGTERM");
    await exited;
  });
  const line = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).once("line", resolve);
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  });
  const { ssh } = JSON.parse(line) as {
    ssh: { port: number; user: string; privateKeyFile: string; knownHostsLine: string };
  };
  const [keyFile, knownHostsFile, configFile] = ["id", "known_hosts", "config"].map((name) =>
    path.join(base, name),
  ) as [string, string, string];
  copyFileSync(ssh.privateKeyFile, keyFile);
  chmodSync(keyFile, 0o600);
  writeFileSync(knownHostsFile, `${ssh.knownHostsLine}\n`);
  writeFileSync(configFile, clientConfig({ port: ssh.port, user: ssh.user, keyFile, knownHostsFile }));
  const state = () => ({
    image: createHash("sha256").update(readFileSync(image)).digest("hex"),
    modified: statSync(image).mtimeMs,
    files: [work, temporary, home].flatMap((directory) =>
      [...walk(directory)].map(({ path: file }) => file.toString()),
    ),
    beside: readdirSync(base).sort(),
    canary: readFileSync(canaryFile, "utf8"),
    children: readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8"),
    isRunning: child.exitCode === null,
  });
  return { port: ssh.port, user: ssh.user, keyFile, configFile, downloads, canaryFile, state };
}

/** Links that lead out of the guest in every way, and an `/etc` of its own. */
async function makeTrapImage(base: string, guest: string, canaryFile: string): Promise<string> {
  mkdirSync(path.join(guest, "etc"));
  writeFileSync(path.join(guest, "etc/passwd"), GUEST_PASSWD);
  mkdirSync(path.join(guest, "traps"));
  const targets = [
    canaryFile,
    "/etc/passwd",
    `${"../".repeat(40)}etc/passwd`,
    `${"../".repeat(40)}${canaryFile}`,
    "/proc/self/environ",
    "/proc/self/root/etc/passwd",
    "/dev/stdin",
    "/",
    "../..",
    `//${canaryFile}`,
    `.//..//../.${canaryFile}`,
  ];
  for (const [index, target] of targets.entries()) symlinkSync(target, path.join(guest, "traps", `link-${index}`));
  symlinkSync(path.dirname(canaryFile), path.join(guest, "outside"));
  const image = path.join(base, "web.img");
  writeFileSync(image, "");
  await runTool("truncate", ["-s", "16M", image]);
  await runTool("mkfs.ext4", ["-q", "-F", "-d", guest, image]);
  return image;
}
