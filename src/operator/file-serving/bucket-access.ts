/** The Secret with which a pod reads Kopia's repositories from buckets: exactly what reading takes, nothing else. */
export const bucketAccessKeys = {
  /** AWS shared credentials file with a profile for each BackupStorageLocation, of its name. */
  credentials: "credentials",
  /** Key `repository-password` of Velero's Secret `velero-repo-credentials`. */
  repositoryPassword: "repository-password",
  /** PEM of the authorities to trust for a BackupStorageLocation; optional. */
  authority: (location: string) => `${location}.ca.crt`,
} as const;
