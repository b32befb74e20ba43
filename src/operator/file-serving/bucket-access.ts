/** The Secret with which a pod reads Kopia's repository from the bucket: exactly what reading takes, nothing else. */
export const bucketAccessKeys = {
  /** AWS shared credentials file with one profile, `default`. */
  credentials: "credentials",
  /** Key `repository-password` of Velero's Secret `velero-repo-credentials`. */
  repositoryPassword: "repository-password",
  /** PEM of the authorities to trust; optional. */
  authority: "ca.crt",
} as const;
