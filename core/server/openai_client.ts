/** A client of a server with OpenAI's API: it repeats requests, and its errors do not show the key. @module */
import type { OpenAI } from "openai";
import { UserError } from "../error.ts";
import { BodyError, boundedResponse } from "./bounded_body.ts";
import { causes, innermost } from "./error_causes.ts";
import { retryAfter, withRetries } from "./retry_pause.ts";

/** The server's address, key and limits. */
export interface ServerOptions {
  /** Address up to and including the version: `https://api.openai.com/v1`. */
  url: string;
  /** Its API key; null if it needs none. */
  apiKey: string | null;
  /** The most seconds that a request may take. */
  timeout: number;
  /** The most bytes of an answer (default 16 MiB). */
  maxBytes?: number;
  /** The most times that a request is repeated. */
  maxRetries: number;
  /** Called with a line about each failure after which the request is repeated. */
  onRetry?: (line: string) => void;
  /** The first pause before a repetition, in milliseconds (default 500). */
  firstPause?: number;
}

/** Thrown for a request that failed for good, or after all repetitions. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  /** The HTTP status; null if there was no answer. */
  readonly status: number | null;
  /** What the server said, in one line, without the key. */
  readonly detail: string;
  /** The milliseconds that the server asks to wait; undefined if it does not say. */
  readonly retryAfter: number | undefined;

  /** Describes a failure of the server at `url`. */
  constructor(
    url: string,
    { status, detail, retryAfter }: { status: number | null; detail: string; retryAfter?: number | undefined },
  ) {
    super(`${url} ${status === null ? detail : `answers ${status}${detail === "" ? "" : `: ${detail}`}`}`);
    this.status = status;
    this.detail = detail;
    this.retryAfter = retryAfter;
  }

  /** Whether the server refused the request itself, so that it may accept another form of it. */
  get refusesRequest(): boolean {
    return this.status === 400 || this.status === 413 || this.status === 422 || this.status === 501;
  }
}

const MAX_BYTES = 1 << 24;
/** Stands for the API key in what a server says. */
const MASK = "(key)";

/** Statuses below 500 after which the same request may succeed. */
const PASSING = [408, 409, 425, 429];
/** The longest wait that a server may ask for, in milliseconds; whether to wait longer is up to the user. */
const LONGEST_WAIT = 10 * 60_000;

/** A client of one server. */
export class Server {
  /** The server's address. */
  readonly url: string;
  readonly #client: OpenAI;
  readonly #options: ServerOptions;

  private constructor(client: OpenAI, options: ServerOptions) {
    this.url = options.url;
    this.#client = client;
    this.#options = options;
  }

  /** Makes a client, without sending anything. */
  static async open(options: ServerOptions): Promise<Server> {
    // The package is loaded here, because most commands never ask a server.
    const { OpenAI } = await import("openai");
    const { url, apiKey, timeout, maxBytes = MAX_BYTES } = options;
    const milliseconds = Math.ceil(timeout * 1000);
    const client = new OpenAI({
      // The package insists on a key; if there is none, its header is removed again.
      apiKey: apiKey ?? "none",
      ...(apiKey === null && { defaultHeaders: { Authorization: null } }),
      baseURL: url.replace(/\/+$/, ""),
      timeout: milliseconds,
      // The package's own limit ends with the headers, and its bodies have none.
      fetch: async (input, init) => {
        const bounds = { maxBytes, milliseconds, signal: init?.signal ?? null };
        // A redirect would take the questions to where nobody named, so none is followed.
        const response = await fetch(input, { ...init, redirect: "manual" });
        return await withoutKey(await boundedResponse(response, bounds), apiKey);
      },
      // This class repeats requests itself, so that pauses can be ended and reported.
      maxRetries: 0,
      organization: null,
      project: null,
      logLevel: "off",
    });
    return new Server(client, options);
  }

  /**
   * Sends a request, repeats it if that may help, and returns the JSON of the answer. The signal ends the repeating,
   * and with `cut` also a request that is under way. Throws ServerError.
   */
  post(
    path: string,
    body: Readonly<Record<string, unknown>>,
    { signal, cut = false }: { signal: AbortSignal; cut?: boolean },
  ): Promise<unknown> {
    return this.#repeat(() => this.#client.post(path, { body, ...(cut && { signal }) }), signal);
  }

  /** The models that the server offers, with the paths of their weights if it says them; null if it has no list. */
  async models(signal: AbortSignal): Promise<{ id: string; root: string | null }[] | null> {
    let answer: unknown;
    try {
      // A server that is missing at the start is waited for less long than one that is lost later.
      answer = await this.#repeat(() => this.#client.get("/models"), signal, Math.min(2, this.#options.maxRetries));
    } catch (error) {
      if (error instanceof ServerError && (error.status === 404 || error.status === 405 || error.status === 501)) {
        return null;
      }
      throw error;
    }
    const { data } = (answer ?? {}) as { data?: unknown };
    if (!Array.isArray(data)) return null;
    return data.filter((entry) => typeof entry?.id === "string").map(({ id, root }) => ({
      id,
      root: typeof root === "string" ? root : null,
    }));
  }

  async #repeat(
    send: () => Promise<unknown>,
    signal: AbortSignal,
    maxRetries: number = this.#options.maxRetries,
  ): Promise<unknown> {
    const { onRetry, firstPause } = this.#options;
    return await withRetries(async () => {
      try {
        return await send();
      } catch (error) {
        throw this.#explain(error);
      }
    }, {
      maxRetries,
      signal,
      pauseAfter: (error) => {
        if (!(error instanceof ServerError)) return null;
        const { status, retryAfter } = error;
        if (status !== null && status < 500 && !PASSING.includes(status)) return null;
        // 501 refuses the form of the request, which waiting does not change.
        if (status === 501) return null;
        return retryAfter !== undefined && retryAfter > LONGEST_WAIT ? null : retryAfter;
      },
      onRetry: (error, milliseconds) => {
        onRetry?.(`${(error as Error).message}; again in ${(milliseconds / 1000).toFixed(1)} s`);
      },
      ...(firstPause !== undefined && { firstPause }),
    });
  }

  /** Turns anything that the package throws into a ServerError. */
  #explain(error: unknown): ServerError {
    const { url, timeout } = this.#options;
    const { name, message, status, headers, error: body } = error as {
      name?: string;
      message?: string;
      status?: number;
      headers?: Headers;
      error?: unknown;
    };
    if (typeof status === "number") {
      const says = (body as { message?: unknown } | undefined)?.message ??
        (body as { detail?: unknown } | undefined)?.detail ?? body;
      const detail = typeof says === "string" ? says : says === undefined ? "" : JSON.stringify(says);
      if (status >= 300 && status < 400) {
        // The rest of the address may be a secret.
        const { origin, pathname } = URL.parse(headers?.get("location") ?? "", url) ?? {};
        const where = origin === undefined ? "nowhere" : this.#clean(origin === "null" ? "no http" : origin + pathname);
        const detail = `it redirects to ${where}, expected an address that answers itself`;
        return new ServerError(url, { status, detail });
      }
      // The answer to a wrong key quotes it, partly masked, so it is not shown.
      const shown = status === 401 || status === 403 ? this.#aboutKey() : this.#clean(detail);
      return new ServerError(url, { status, detail: shown, retryAfter: retryAfter(headers) });
    }
    const bounds = causes(error).find((cause) => cause instanceof BodyError);
    if (bounds !== undefined) {
      const { message: detail, isTooLong } = bounds as BodyError;
      // A pause beyond the longest wait keeps it from being asked again.
      return new ServerError(url, { status: null, detail, ...(isTooLong && { retryAfter: Infinity }) });
    }
    if (error instanceof SyntaxError) {
      return new ServerError(url, { status: null, detail: "answers what is no JSON" });
    }
    if (/timed? ?out/i.test(`${name} ${message}`)) {
      return new ServerError(url, { status: null, detail: `gives no answer within ${timeout} s` });
    }
    return new ServerError(url, { status: null, detail: `cannot be reached: ${this.#clean(innermost(error))}` });
  }

  #aboutKey(): string {
    return this.#options.apiKey === null
      ? "it wants an API key; name its variable by api_key_env, or its file by api_key_file"
      : "it does not accept the API key";
  }

  #clean(text: string): string {
    const { apiKey } = this.#options;
    const safe = apiKey === null ? text : text.replaceAll(apiKey, MASK);
    const line = safe.slice(0, 1000).replace(/[\s\p{Cc}]+/gu, " ").trim();
    return line.length > 300 ? `${line.slice(0, 299)}…` : line;
  }
}

/** The same answer, with the key masked where the server repeats it: what a server says is printed and written. */
async function withoutKey(response: Response, apiKey: string | null): Promise<Response> {
  if (apiKey === null || response.body === null) return response;
  const { status, statusText, headers } = response;
  return new Response((await response.text()).replaceAll(apiKey, MASK), { status, statusText, headers });
}

/** Turns a ServerError into a UserError that ends the stage: `action` begins the line, `kept` says what is not lost. */
export function fatal(error: unknown, action: string, kept: string): unknown {
  return error instanceof ServerError ? new UserError(`${action}: ${error.message}${kept}`) : error;
}
