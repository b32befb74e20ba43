import { generateKeyPairSync, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { createTestCertificates } from "../../setup/s3-server/test-certificates.ts";

/** Files and tokens by which a control plane's parts and its administrator know each other. */
export interface ClusterCredentials {
  readonly certificateAuthority: string;
  readonly servingCertificateFile: string;
  readonly servingKeyFile: string;
  readonly certificateAuthorityFile: string;
  readonly serviceAccountKeyFile: string;
  readonly serviceAccountPublicKeyFile: string;
  readonly tokenFile: string;
  readonly adminToken: string;
  readonly controllerManagerToken: string;
}

/** The API server's name in its certificate for whoever does not reach it on loopback. */
export const API_SERVER_NAME = "kubernetes.default.svc";

/** Makes new ones in `directory`. */
export async function createCredentials(directory: string): Promise<ClusterCredentials> {
  const write = (name: string, content: string) => {
    const file = path.join(directory, name);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  };
  const { ca, certificate, key } = await createTestCertificates([API_SERVER_NAME]);
  const serviceAccountKeys = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const adminToken = randomBytes(24).toString("hex");
  const controllerManagerToken = randomBytes(24).toString("hex");
  const users = [
    `${adminToken},admin,admin,"system:masters"`,
    `${controllerManagerToken},system:kube-controller-manager,kube-controller-manager`,
  ];
  return {
    certificateAuthority: ca,
    certificateAuthorityFile: write("ca.crt", ca),
    servingCertificateFile: write("serving.crt", certificate),
    servingKeyFile: write("serving.key", key),
    serviceAccountKeyFile: write("service-account.key", serviceAccountKeys.privateKey),
    serviceAccountPublicKeyFile: write("service-account.pub", serviceAccountKeys.publicKey),
    tokenFile: write("tokens.csv", `${users.join("\n")}\n`),
    adminToken,
    controllerManagerToken,
  };
}

/** A kubeconfig with one user. */
export function kubeconfig(server: string, certificateAuthority: string, token: string): string {
  const name = "test";
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name,
        cluster: { server, "certificate-authority-data": Buffer.from(certificateAuthority).toString("base64") },
      },
    ],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  });
}
