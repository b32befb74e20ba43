import { Agent, request } from "node:https";

/** A Kubernetes object as the API writes it. */
export interface KubernetesObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMetadata;
}

export interface ObjectMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
}

/** The API server's refusal. */
export class KubernetesApiError extends Error {
  readonly status: number;

  constructor(method: string, path: string, status: number, body: string) {
    super(`${method} ${path}: ${status} ${body}`);
    this.status = status;
  }
}

export interface KubernetesApiOptions {
  readonly server: string;
  readonly certificateAuthority: string;
  readonly token: string;
}

/** Plain requests to the API by path, such as `/api/v1/namespaces/default/pods`, answered with parsed JSON. */
export class KubernetesApi {
  readonly #options: KubernetesApiOptions;
  readonly #agent: Agent;

  constructor(options: KubernetesApiOptions) {
    this.#options = options;
    this.#agent = new Agent({ keepAlive: true, ca: options.certificateAuthority });
  }

  get<Answer = KubernetesObject>(path: string): Promise<Answer> {
    return this.#send<Answer>("GET", path);
  }

  /** Undefined when it does not exist. */
  async find<Answer = KubernetesObject>(path: string): Promise<Answer | undefined> {
    try {
      return await this.get<Answer>(path);
    } catch (error) {
      if (error instanceof KubernetesApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  async list<Item = KubernetesObject>(path: string): Promise<Item[]> {
    return (await this.get<{ items: Item[] }>(path)).items;
  }

  create<Answer = KubernetesObject>(path: string, object: object): Promise<Answer> {
    return this.#send<Answer>("POST", path, object);
  }

  /** JSON merge patch (RFC 7396). */
  patch<Answer = KubernetesObject>(path: string, patch: object): Promise<Answer> {
    return this.#send<Answer>("PATCH", path, patch);
  }

  /** Nothing happens when it is gone already. */
  async delete(path: string, options: object = {}): Promise<void> {
    try {
      await this.#send("DELETE", path, options);
    } catch (error) {
      if (!(error instanceof KubernetesApiError && error.status === 404)) throw error;
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #send<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const content = body === undefined ? "" : JSON.stringify(body);
    const headers = {
      // Node gives a DELETE with a body no length of its own accord.
      "content-length": Buffer.byteLength(content),
      authorization: `Bearer ${this.#options.token}`,
      "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json",
    };
    return new Promise((resolve, reject) => {
      const sent = request(`${this.#options.server}${path}`, { method, headers, agent: this.#agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("error", reject);
        response.once("end", () => {
          const text = Buffer.concat(chunks).toString();
          const status = response.statusCode ?? 0;
          if (status < 300) resolve(JSON.parse(text) as Answer);
          else reject(new KubernetesApiError(method, path, status, text));
        });
      });
      sent.once("error", reject);
      sent.end(content);
    });
  }
}
