import { shellWord } from "../shell-word.ts";
import type { AccessFiles } from "./access-files.ts";
import { printable } from "./printable.ts";

/** Ports of this machine. */
export interface OpenPorts {
  readonly https?: number;
  readonly ssh?: number;
}

/** Where, as whom, and lines to paste. */
export function openGreeting({ web, ssh }: AccessFiles, ports: OpenPorts): string {
  const lines = [""];
  const field = (title: string, value: string) => lines.push(`  ${title.padEnd(13)}${printable(value)}`);
  if (web !== undefined && ports.https !== undefined) {
    field("Browser", `https://127.0.0.1:${ports.https}/`);
    field("User", web.user);
    field("Password", web.password);
    if (web.caFile !== undefined) field("CA", web.caFile);
  }
  if (ssh?.hostKeyFingerprint !== undefined && ports.ssh !== undefined) field("SSH host key", ssh.hostKeyFingerprint);
  lines.push("");
  if (web !== undefined && ports.https !== undefined) {
    const words = [
      ...["curl", "--connect-to", `${web.host}:8443:127.0.0.1:${ports.https}`],
      // Without the authority curl refuses, and says so: better than to switch the check off.
      ...(web.caFile === undefined ? [] : ["--cacert", web.caFile]),
      ...["--user", `${web.user}:${web.password}`, `https://${web.host}:8443/files/METADATA.json`],
    ];
    lines.push(`  ${words.map(shellWord).join(" ")}`, "");
  }
  if (ssh !== undefined && ports.ssh !== undefined) {
    const words = [
      ...["sftp", "-P", String(ports.ssh)],
      ...(ssh.privateKeyFile === undefined ? [] : ["-i", ssh.privateKeyFile]),
      ...["-o", `UserKnownHostsFile=${ssh.knownHostsFile}`, `${ssh.user}@127.0.0.1:/backups`],
    ];
    lines.push(`  ${words.map(shellWord).join(" ")}`, "");
  }
  lines.push(
    "The browser warns: the certificate is for the name within the cluster.",
    "Ctrl+C ends the forwarding.",
    "",
  );
  return lines.join("\n");
}

/** The one line of `open --json`, with the fields of `vmfr serve --json`. */
export function openLine({ web, ssh }: AccessFiles, ports: OpenPorts): string {
  const line = {
    ...(web !== undefined && { https: { url: `https://127.0.0.1:${ports.https}`, ...web } }),
    ...(ssh !== undefined && { ssh: { host: "127.0.0.1", port: ports.ssh, ...ssh } }),
  };
  return `${JSON.stringify(line)}\n`;
}
