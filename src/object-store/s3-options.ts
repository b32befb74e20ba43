/** How to reach a bucket. What is absent is found the way every AWS tool finds it: environment, profile, web identity, instance. */
export interface S3Options {
  readonly bucket: string;
  /** Folder of the bucket that keys are relative to: "" or ending in a slash. */
  readonly prefix: string;
  readonly region?: string;
  /** URL of a store that is not Amazon's. */
  readonly endpoint?: string;
  /** `endpoint/bucket/key` instead of `bucket.endpoint/key`. */
  readonly pathStyle?: boolean;
  /** PEM file with the certificate authorities to trust instead of the built-in ones. */
  readonly caFile?: string;
  /** PEM of certificate authorities to trust beside the built-in ones; `caFile` wins. */
  readonly authority?: string;
  readonly insecureSkipTLSVerify?: boolean;
  /** Profile of the shared AWS configuration. */
  readonly profile?: string;
  readonly credentials?: S3Credentials;
}

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}
