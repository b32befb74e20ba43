/** The password of Kopia's repositories unless somebody changed Velero's Secret; see docs/formats/velero.md. */
export const DEFAULT_REPOSITORY_PASSWORD = "static-passw0rd";
