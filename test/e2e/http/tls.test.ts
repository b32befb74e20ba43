import { X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { connect } from "node:tls";
import { beforeAll, expect, test } from "vitest";
import { loadServerCertificate } from "../../../src/serve/tls/server-certificate.ts";
import { createSessionCertificate } from "../../../src/serve/tls/session-certificate.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { run } from "./support/clients.ts";
import { startTestServer } from "./support/test-server.ts";

beforeAll(() => requireDebianPackages("curl", "openssl"));

test("curl trusts the server by its authority or its key, and not without", async () => {
  const server = await startTestServer();
  const health = `${server.url}/healthz`;
  expect((await run("curl", ["-s", "--cacert", server.caFile, health])).stdout.toString()).toBe("ok\n");
  expect((await run("curl", ["-s", "--cacert", server.caFile, health.replace("127.0.0.1", "localhost")])).code).toBe(0);
  expect((await run("curl", ["-sk", "--pinnedpubkey", `sha256//${server.publicKeySha256}`, health])).code).toBe(0);
  expect((await run("curl", ["-s", health])).code).toBe(60);
  const other = await startTestServer();
  expect((await run("curl", ["-s", "--cacert", other.caFile, health])).code).toBe(60);
});

test("OpenSSL's strict checks find nothing to complain about, and the names are those asked for", async () => {
  const expiresAt = new Date(Date.now() + 3_600_000);
  const made = await createSessionCertificate({ hosts: ["vmfr.example", "10.1.2.3", "0.0.0.0"], expiresAt });
  const directory = scratchDirectory();
  const [ca, leaf] = [path.join(directory, "ca.pem"), path.join(directory, "leaf.pem")];
  writeFileSync(ca, made.authority ?? "");
  writeFileSync(leaf, made.certificateChain);
  const verify = ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", ca];
  for (const name of [
    ["-verify_hostname", "vmfr.example"],
    ["-verify_ip", "10.1.2.3"],
    ["-verify_ip", "::1"],
    ["-verify_hostname", "localhost"],
  ]) {
    expect(await run("openssl", [...verify, ...name, leaf])).toMatchObject({ code: 0 });
  }
  expect((await run("openssl", [...verify, "-verify_ip", "0.0.0.0", leaf])).code).not.toBe(0);
  const { validTo, validFrom } = new X509Certificate(made.certificateChain);
  const hours = (Date.parse(validTo) - Date.now()) / 3_600_000;
  expect(hours).toBeGreaterThan(23.9);
  expect(hours).toBeLessThan(24.1);
  expect(Date.parse(validFrom)).toBeLessThan(Date.now());
});

test("TLS 1.1 is refused, 1.2 and 1.3 are spoken", async () => {
  const server = await startTestServer();
  const speak = (version: "TLSv1.1" | "TLSv1.2" | "TLSv1.3"): Promise<string | null> =>
    new Promise((resolve) => {
      const socket = connect({
        host: "127.0.0.1",
        port: server.port,
        rejectUnauthorized: false,
        minVersion: version,
        maxVersion: version,
        // OpenSSL's default level refuses TLS 1.1 on the client's side already.
        ciphers: "DEFAULT@SECLEVEL=0",
      });
      socket.once("secureConnect", () => resolve(socket.getProtocol()));
      socket.once("secureConnect", () => socket.end());
      socket.once("error", () => resolve(null));
    });
  expect(await speak("TLSv1.1")).toBeNull();
  expect(await speak("TLSv1.2")).toBe("TLSv1.2");
  expect(await speak("TLSv1.3")).toBe("TLSv1.3");
});

test("a certificate brought by the user must fit its key and be valid", async () => {
  const [one, other] = [await createSessionCertificate(), await createSessionCertificate()];
  expect(loadServerCertificate(one.certificateChain, one.privateKey).publicKeySha256).toBe(one.publicKeySha256);
  expect(() => loadServerCertificate(one.certificateChain, other.privateKey)).toThrow("does not belong");
  expect(() => loadServerCertificate("nonsense", one.privateKey)).toThrow("the TLS certificate cannot be read");
  expect(() => loadServerCertificate(one.certificateChain, "nonsense")).toThrow("the TLS private key cannot be read");
  expect(() => loadServerCertificate(one.certificateChain, one.privateKey, new Date("2099-01-01"))).toThrow("expired");
});
