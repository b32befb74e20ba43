import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createTestCertificates } from "../../test/setup/s3-server/test-certificates.ts";
import { freePort } from "./free-port.ts";

/** nginx on loopback serving one plain file over HTTPS; `url` is the file's. */
export async function withNginx<Result>(file: string, work: (url: string) => Promise<Result>): Promise<Result> {
  const directory = mkdtempSync(path.join(tmpdir(), "vmfr-bench-"));
  const port = await freePort();
  const { certificate, key } = await createTestCertificates();
  writeFileSync(path.join(directory, "certificate.pem"), certificate);
  writeFileSync(path.join(directory, "key.pem"), key);
  symlinkSync(file, path.join(directory, "file"));
  const configuration = path.join(directory, "nginx.conf");
  writeFileSync(configuration, nginxConfiguration(directory, port));
  const nginx = spawn("nginx", ["-c", configuration, "-p", directory], { stdio: ["ignore", "ignore", "inherit"] });
  const ended = new Promise((resolve) => nginx.once("exit", resolve));
  try {
    await untilListening(port);
    return await work(`https://127.0.0.1:${port}/file`);
  } finally {
    nginx.kill("SIGTERM");
    await ended;
    rmSync(directory, { recursive: true });
  }
}

/** One worker, as vmfr has one process; sendfile as everybody sets it. */
function nginxConfiguration(directory: string, port: number): string {
  return `daemon off;
user root;
worker_processes 1;
pid ${directory}/pid;
error_log ${directory}/error.log;
events {}
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${directory}/certificate.pem;
    ssl_certificate_key ${directory}/key.pem;
    ssl_protocols TLSv1.3;
    root ${directory};
  }
}
`;
}

/** Resolves once something listens; gives up after ten seconds. */
export async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const connected = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (connected) return;
    await sleep(20);
  }
  throw new Error(`nothing listens on port ${port}`);
}
