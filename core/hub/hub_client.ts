/** Requests to the hub: the token for it alone, retries with back-off, errors in one line. @module */
import { setTimeout } from "node:timers/promises";
import { UserError } from "../error.ts";
import { retryAfter } from "../server/retry_pause.ts";
import { type About, describeNetworkError, refusal } from "./hub_errors.ts";
import type { HubSettings } from "./hub_settings.ts";

/** How a caller is told what happens, and stops it. */
export interface ClientOptions {
  /** A line worth reading. */
  onNote?: (line: string) => void;
  /** Aborted where the work is to stop; its reason is thrown then. */
  signal?: AbortSignal;
  /** First wait before a request is tried again, in milliseconds; each further one is twice as long (default 500). */
  retryMs?: number;
  /** After so many milliseconds without a byte a connection counts as broken (default 30000). */
  stallMs?: number;
}

/** What a request is and what may come back. */
export interface RequestOptions {
  /** What it is for. */
  about: About;
  init?: RequestInit;
  /** Statuses that are answers here, and no errors. */
  accept?: readonly number[];
}

/** Tries of one request. */
const ATTEMPTS = 5;
const RETRIED = new Set([408, 429, 500, 502, 503, 504]);
const REDIRECTED = new Set([301, 302, 303, 307, 308]);
const MAX_REDIRECTS = 10;
/** The hub counts requests in windows of five minutes: who is to wait longer is told so instead. */
const MAX_WAIT_MS = 310_000;
/** Shorter waits are not worth a line. */
const NOTED_WAIT_MS = 5000;

/** Speaks to one hub. */
export class HubClient {
  readonly settings: HubSettings;
  readonly signal: AbortSignal;
  readonly stallMs: number;
  readonly onNote: (line: string) => void;
  readonly #retryMs: number;
  readonly #origin: string;

  constructor(settings: HubSettings, options: ClientOptions = {}) {
    this.settings = settings;
    this.signal = options.signal ?? new AbortController().signal;
    this.onNote = options.onNote ?? (() => {});
    this.stallMs = options.stallMs ?? 30_000;
    this.#retryMs = options.retryMs ?? 500;
    this.#origin = new URL(settings.endpoint).origin;
  }

  /** The same client with another signal. */
  withSignal(signal: AbortSignal): HubClient {
    const { settings, onNote, stallMs } = this;
    return new HubClient(settings, { onNote, stallMs, signal, retryMs: this.#retryMs });
  }

  /** `fetch` for the library, whose errors are then this client's. */
  fetchFor(about: About): typeof fetch {
    return (input, init) => {
      const url = input instanceof Request ? input.url : String(input);
      return this.request(url, { about, ...(init && { init }) });
    };
  }

  /**
   * Sends a request until it succeeds: 408, 429, 5xx and broken connections are tried again, as long as `Retry-After`
   * says. Throws a UserError for any other failure.
   */
  async request(url: string, { about, init = {}, accept = [] }: RequestOptions): Promise<Response> {
    for (let attempt = 1;; attempt++) {
      const { response, failure } = await this.#try(url, { about, init });
      if (response !== undefined && (response.ok || accept.includes(response.status))) return response;
      const error = failure ?? await refusal(response!, about, this.settings);
      // A signed address on another host ends: the hub gives a new one.
      const expired = response?.status === 403 && response.url !== "" && !this.#isHub(new URL(response.url));
      const again = failure !== undefined || RETRIED.has(response!.status) || expired;
      await response?.body?.cancel().catch(() => {});
      if (!again || attempt === ATTEMPTS) throw error;
      const asked = retryAfter(response?.headers);
      if (asked !== undefined && asked > MAX_WAIT_MS) {
        throw new UserError(`${error.message}; it asks to wait ${Math.ceil(asked / 1000)} s`);
      }
      await this.wait(attempt, asked, error.message);
    }
  }

  /** Waits before try `attempt + 1`: so many milliseconds, or else ever longer. */
  async wait(attempt: number, milliseconds: number | undefined, why: string): Promise<void> {
    // Spread, so that many clients do not come back at once.
    const backOff = this.#retryMs * 2 ** (attempt - 1) * (0.75 + 0.5 * Math.random());
    const time = milliseconds ?? backOff;
    if (time >= NOTED_WAIT_MS) this.onNote(`${why}; next try in ${Math.ceil(time / 1000)} s`);
    await setTimeout(time, undefined, { signal: this.signal }).catch(() => {});
    this.signal.throwIfAborted();
  }

  async #try(
    url: string,
    { about, init }: { about: About; init: RequestInit },
  ): Promise<{ response?: Response; failure?: UserError }> {
    this.signal.throwIfAborted();
    try {
      return { response: await this.#follow(new URL(url), init) };
    } catch (error) {
      this.signal.throwIfAborted();
      const failure = describeNetworkError(error, about);
      if (failure === null) throw error;
      return { failure };
    }
  }

  /** Redirects are followed here, so that the token goes to the hub and nowhere else. */
  async #follow(url: URL, init: RequestInit): Promise<Response> {
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const response = await this.#send(url, init);
      const location = response.headers.get("location");
      if (!REDIRECTED.has(response.status) || location === null) return response;
      await response.body?.cancel();
      url = new URL(location, url);
      if (response.status === 303) init = { ...init, method: "GET", body: null };
    }
    throw new UserError(`Cannot reach ${url.host}: it redirects more than ${MAX_REDIRECTS} times`);
  }

  async #send(url: URL, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set("user-agent", "dnpo");
    const token = this.settings.token();
    if (token !== null && this.#isHub(url)) headers.set("authorization", `Bearer ${token}`);
    // Sizes and ranges are those of the files.
    headers.set("accept-encoding", "identity");
    const controller = new AbortController();
    const signals = [this.signal, controller.signal, ...(init.signal ? [init.signal] : [])];
    // What is sent takes its time before an answer can come.
    const sends = init.body !== undefined && init.body !== null;
    const timer = sends ? undefined : globalThis.setTimeout(() => controller.abort(STALLED), this.stallMs);
    try {
      return await fetch(url, { ...init, headers, redirect: "manual", signal: AbortSignal.any(signals) });
    } finally {
      clearTimeout(timer);
    }
  }

  #isHub(url: URL): boolean {
    return url.origin === this.#origin;
  }
}

/** Why a connection that says nothing is given up. */
export const STALLED: Error = new DOMException("no answer in time", "TimeoutError");
