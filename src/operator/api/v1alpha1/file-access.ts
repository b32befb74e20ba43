/** How users reach the files of a VirtualMachineFileRestore. */
import { z } from "zod";

const secretReference = z.object({
  name: z.string().min(1).describe("Name of the Secret."),
  namespace: z.string().optional().describe("Namespace of the Secret. That of OADP when none is given."),
});

const credentialsSecretRef = secretReference.optional();

const ssh = z
  .object({
    username: z.string().optional().describe("Name to log in with. oadp when none is given."),
    publicKey: z.string().optional().describe("The user's public key, a line as in authorized_keys."),
    credentialsSecretRef: credentialsSecretRef.describe(
      "A Secret with authorized_keys, and username if it is not oadp. Wins over username and publicKey.",
    ),
  })
  .describe("Access by sftp, scp and rsync. A key pair is made when none is given.");

const fileBrowser = z
  .object({
    credentialsSecretRef: credentialsSecretRef.describe(
      "A Secret with password, of at least 12 bytes, and username if it is not oadp. Made when none is given.",
    ),
    exposeExternally: z.boolean().optional().describe("Also reachable from outside of the cluster."),
  })
  .describe("Access by web browser.");

export const fileAccess = z
  .object({ ssh: ssh.optional(), fileBrowser: fileBrowser.optional() })
  .meta({
    "x-kubernetes-validations": [
      {
        rule: "has(self.ssh) || has(self.fileBrowser)",
        message: "At least one of ssh or fileBrowser must be specified",
      },
    ],
  })
  .describe("The ways to the files. The web browser when none is given.");

const clusterAccess = z.string().optional();

export const fileServingInfo = z
  .object({
    podName: z.string().optional().describe("The pod that serves the files."),
    ssh: z
      .object({
        clusterAccess: clusterAccess.describe("Within the cluster: ssh://<service>.<namespace>.svc.cluster.local:2222"),
        credentialsSecretRef: credentialsSecretRef.describe("The Secret with the user's name and key."),
        hostKeyFingerprint: z
          .string()
          .optional()
          .describe("Fingerprint of the server's host key as ssh shows it: SHA256:…"),
      })
      .optional(),
    fileBrowser: z
      .object({
        clusterAccess: clusterAccess.describe(
          "Within the cluster: https://<service>.<namespace>.svc.cluster.local:8443",
        ),
        certificateAuthority: z
          .string()
          .optional()
          .describe("PEM of the authority that made the server's certificate, where the cluster's own did not."),
        publicAccess: z.string().optional().describe("From outside of the cluster: https://<host>"),
        credentialsSecretRef: credentialsSecretRef.describe("The Secret with the user's name and password."),
      })
      .optional(),
  })
  .describe("Where the files are served.");

export type SecretReference = z.infer<typeof secretReference>;
export type FileAccess = z.infer<typeof fileAccess>;
export type FileServingInfo = z.infer<typeof fileServingInfo>;
