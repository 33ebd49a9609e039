/** A client of an MLflow tracking server: the calls of its REST API that log a run. @module */
import { parseJsonObject } from "../files/io.ts";
import { safeLine } from "../safe_text.ts";
import { isRecord } from "../values.ts";
import { readBounded } from "./bounded_body.ts";
import { innermost } from "./error_causes.ts";

/**
 * How long a request may take, in milliseconds, and how many bytes its answer may have. An answer may wait for a long
 * step of training to end before it is seen.
 */
const REQUEST_MILLISECONDS = 30_000;
const MAX_BYTES = 16 * 2 ** 20;

/** How many values of a metric are asked for at a time, and at most. */
const [PAGE, MAX_HISTORY] = [10_000, 1_000_000];

/** The longest part of a server's own words in an error. */
const DETAIL_LENGTH = 200;

/** A name with a value, as params and tags are sent. */
export interface MlflowEntry {
  key: string;
  value: string;
}

/** A value of a metric. */
export interface MlflowMetric {
  key: string;
  value: number;
  /** Milliseconds since 1970. */
  timestamp: number;
  step: number;
}

/** What a server that keeps its runs to users asks for; no message shows it. */
export interface MlflowLogin {
  token?: string | undefined;
  username?: string | undefined;
  password?: string | undefined;
}

/** Thrown for a request that the server did not carry out. The message, one line, has no header and no login. */
export class MlflowError extends Error {
  override readonly name = "MlflowError";
  /** MLflow's word for the error, such as `RESOURCE_DOES_NOT_EXIST`; empty if it gave none. */
  readonly code: string;

  constructor(message: string, { code = "" }: { code?: string } = {}) {
    super(message);
    this.code = code;
  }
}

/** The variables that MLflow's own clients read a login from, as far as the process may read them. */
export function mlflowLogin(): MlflowLogin {
  const read = (variable: string): string | undefined => {
    const { state } = Deno.permissions.querySync({ name: "env", variable });
    return state === "granted" ? Deno.env.get(variable)?.trim() || undefined : undefined;
  };
  return {
    token: read("MLFLOW_TRACKING_TOKEN"),
    username: read("MLFLOW_TRACKING_USERNAME"),
    password: read("MLFLOW_TRACKING_PASSWORD"),
  };
}

/** A client of the server at an address. Each method throws an MlflowError. */
export class MlflowClient {
  readonly #base: string;
  readonly #authorization: string | null;
  readonly #secrets: readonly string[];
  readonly #milliseconds: number;
  readonly #closed = new AbortController();

  /** Makes a client, without sending anything. A request may take so many `milliseconds`, 30 s by default. */
  constructor(
    url: string,
    { token, username, password, milliseconds = REQUEST_MILLISECONDS }: MlflowLogin & { milliseconds?: number } = {},
  ) {
    this.#milliseconds = milliseconds;
    this.#base = `${url.replace(/\/+$/, "")}/api/2.0/mlflow/`;
    const basic = username === undefined ? null : base64(`${username}:${password ?? ""}`);
    // As MLflow's own clients do: a user name goes before a token.
    this.#authorization = basic !== null ? `Basic ${basic}` : token !== undefined ? `Bearer ${token}` : null;
    this.#secrets = [token, password, basic].filter((secret) =>
      typeof secret === "string" && secret !== ""
    ) as string[];
  }

  /** Gives up what is under way, and all that is asked later. */
  close(): void {
    this.#closed.abort();
  }

  /** The id of the experiment of this name, which is made if it is missing. */
  async experiment(name: string): Promise<string> {
    const find = async (): Promise<string | null> => {
      try {
        const found = await this.#ask("GET", "experiments/get-by-name", { experiment_name: name });
        return isRecord(found.experiment) ? text(found.experiment.experiment_id) : null;
      } catch (error) {
        if (error instanceof MlflowError && error.code === "RESOURCE_DOES_NOT_EXIST") return null;
        throw error;
      }
    };
    const found = await find();
    if (found !== null) return found;
    try {
      return this.#id(await this.#ask("POST", "experiments/create", { name }), "experiment_id");
    } catch (error) {
      // Another run made it at the same time.
      const made = error instanceof MlflowError && error.code === "RESOURCE_ALREADY_EXISTS" ? await find() : null;
      if (made === null) throw error;
      return made;
    }
  }

  /** Whether the server has a run that is not deleted. */
  async hasRun(run: string): Promise<boolean> {
    try {
      const { run: found } = await this.#ask("GET", "runs/get", { run_id: run });
      return isRecord(found) && isRecord(found.info) && found.info.lifecycle_stage !== "deleted";
    } catch (error) {
      if (error instanceof MlflowError && error.code === "RESOURCE_DOES_NOT_EXIST") return false;
      throw error;
    }
  }

  /** Makes a run and returns its id. */
  async createRun(
    { experiment, name, start, tags }: { experiment: string; name: string; start: number; tags: MlflowEntry[] },
  ): Promise<string> {
    const body = { experiment_id: experiment, run_name: name, start_time: start, tags };
    const { run } = await this.#ask("POST", "runs/create", body);
    return this.#id(isRecord(run) && isRecord(run.info) ? run.info : {}, "run_id");
  }

  /** Logs metrics and params: at most 1000 and 100 a call, which are MLflow's limits. */
  async logBatch(run: string, batch: { metrics?: MlflowMetric[]; params?: MlflowEntry[] }): Promise<void> {
    await this.#ask("POST", "runs/log-batch", { run_id: run, ...batch });
  }

  /** The values of a metric that the server has. */
  async history(run: string, metric: string): Promise<{ step: number; value: number }[]> {
    const found: { step: number; value: number }[] = [];
    let page: string | null = null;
    do {
      // Without max_results, MLflow 3 gives none.
      const query = { run_id: run, metric_key: metric, max_results: String(PAGE) };
      const answer: Record<string, unknown> = await this.#ask("GET", "metrics/get-history", {
        ...query,
        ...(page !== null && { page_token: page }),
      });
      const { metrics } = answer;
      // JSON of protocol buffers has 64-bit integers as texts, and leaves out a 0.
      for (const { step, value } of Array.isArray(metrics) ? metrics.filter(isRecord) : []) {
        found.push({ step: Number(step ?? 0), value: Number(value ?? 0) });
      }
      page = text(answer.next_page_token);
    } while (page !== null && found.length < MAX_HISTORY);
    return found;
  }

  /** Says how a run stands, in MLflow's words. */
  async updateRun(run: string, { status, end }: { status: string; end: number | null }): Promise<void> {
    await this.#ask("POST", "runs/update", { run_id: run, status, ...(end !== null && { end_time: end }) });
  }

  #id(of: Record<string, unknown>, key: string): string {
    const id = text(of[key]);
    if (id === null) throw new MlflowError(`${this.#base} answers without ${key}, expected an MLflow tracking server`);
    return id;
  }

  async #ask(method: "GET" | "POST", path: string, input: object): Promise<Record<string, unknown>> {
    const url = new URL(this.#base + path);
    if (method === "GET") url.search = new URLSearchParams(input as Record<string, string>).toString();
    const where = this.#base + path;
    const milliseconds = this.#milliseconds;
    try {
      const response = await fetch(url, {
        method,
        headers: {
          ...(method === "POST" && { "content-type": "application/json" }),
          ...(this.#authorization !== null && { authorization: this.#authorization }),
        },
        body: method === "POST" ? JSON.stringify(input) : null,
        // A redirection would send the login elsewhere.
        redirect: "manual",
        signal: AbortSignal.any([AbortSignal.timeout(milliseconds), this.#closed.signal]),
      });
      const { signal } = this.#closed;
      const bytes = await readBounded(response, { maxBytes: MAX_BYTES, milliseconds, signal });
      if (response.ok) return bytes.length === 0 ? {} : parseJsonObject(bytes, "its answer");
      throw this.#refusal(`${where} answers ${response.status}`, new TextDecoder().decode(bytes));
    } catch (error) {
      if (error instanceof MlflowError) throw error;
      const isLate = error instanceof DOMException && error.name === "TimeoutError";
      const why = isLate
        ? `gives no answer within ${milliseconds / 1000} s`
        : `gives no usable answer: ${innermost(error)}`;
      throw new MlflowError(this.#safe(`${where} ${why}`));
    }
  }

  #refusal(start: string, body: string): MlflowError {
    let code = "";
    let detail = body;
    try {
      const { error_code, message } = JSON.parse(body);
      code = String(error_code ?? "");
      detail = [error_code, message].filter((part) => part !== undefined).join(": ");
    } catch {
      // A proxy's page is not JSON.
    }
    const said = this.#safe(detail).trim();
    const shown = said.length > DETAIL_LENGTH ? `${said.slice(0, DETAIL_LENGTH)}…` : said;
    return new MlflowError(this.#safe(start) + (shown === "" ? "" : `: ${shown}`), { code });
  }

  #safe(message: string): string {
    return safeLine(this.#secrets.reduce((text, secret) => text.replaceAll(secret, "(key)"), message));
  }
}

function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function base64(value: string): string {
  return new TextEncoder().encode(value).toBase64();
}
