/** Reads the hub's address, cache and token from the environment variables that Python's client uses. @module */
import { join, resolve } from "node:path";
import { UserError } from "../error.ts";
import { readOptionalText } from "../files/io.ts";

/** How the hub is reached. */
export interface HubSettings {
  /** The hub's address: `HF_ENDPOINT`, without a slash at the end; default: https://huggingface.co. */
  readonly endpoint: string;
  /** The cache's folder: `HF_HUB_CACHE`, or `hub` in `HF_HOME`, whose default is `~/.cache/huggingface`. */
  readonly cache: string;
  /** Whether only the cache is used, as `HF_HUB_OFFLINE` says. */
  readonly offline: boolean;
  /** Returns the token of `HF_TOKEN` or the token file. It is a function so that printed settings do not show it. */
  readonly token: () => string | null;
}

/** Reads a variable of the environment. */
export type Environment = (name: string) => string | undefined;

const ENDPOINT = "https://huggingface.co";

/** Reads the settings from the environment and the token file. Throws a UserError if they cannot be used. */
export async function readHubSettings(env: Environment = (name) => Deno.env.get(name)): Promise<HubSettings> {
  // As in Python's client, an empty variable counts as not set.
  const get = (name: string): string | undefined => env(name)?.trim() || undefined;
  const home = get("HOME") ?? get("USERPROFILE");
  const expand = (path: string): string => resolve(home !== undefined ? path.replace(/^~(?=$|[\\/])/, home) : path);
  const xdg = get("XDG_CACHE_HOME") ?? (home !== undefined ? join(home, ".cache") : undefined);
  const hubHome = get("HF_HOME") ?? (xdg !== undefined ? join(xdg, "huggingface") : undefined);
  const cache = get("HF_HUB_CACHE") ?? get("HUGGINGFACE_HUB_CACHE") ??
    (hubHome !== undefined ? join(hubHome, "hub") : undefined);
  if (cache === undefined) {
    throw new UserError("Cannot find the hub's cache: neither HF_HOME nor HOME is set, expected one of them");
  }
  const tokenPath = get("HF_TOKEN_PATH") ?? (hubHome !== undefined ? join(hubHome, "token") : undefined);
  const token = cleanToken(get("HF_TOKEN") ?? get("HUGGING_FACE_HUB_TOKEN")) ??
    (tokenPath !== undefined ? cleanToken(await readText(expand(tokenPath))) : null);
  return {
    endpoint: parseEndpoint(get("HF_ENDPOINT") ?? ENDPOINT),
    cache: expand(cache),
    offline: isTrue(get("HF_HUB_OFFLINE") ?? get("TRANSFORMERS_OFFLINE")),
    token: () => token,
  };
}

function isTrue(value: string | undefined): boolean {
  return ["1", "ON", "YES", "TRUE"].includes(value?.toUpperCase() ?? "");
}

function parseEndpoint(text: string): string {
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw new UserError(`Cannot use HF_ENDPOINT: it is ${JSON.stringify(text)}, expected a URL such as ${ENDPOINT}`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new UserError("Cannot use HF_ENDPOINT: it holds a name or password, expected none; the token is HF_TOKEN's");
  }
  return (url.origin + url.pathname).replace(/\/+$/, "");
}

function cleanToken(text: string | undefined): string | null {
  const token = text?.trim();
  if (!token) return null;
  // The message must not show the token.
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new UserError("Cannot use the hub's token: it holds a space or a character outside ASCII, expected hf_…");
  }
  return token;
}

async function readText(path: string): Promise<string | undefined> {
  // Without the file, or the right to read it, there is no token; a request that needs one reports that.
  return await readOptionalText(path).catch(() => null) ?? undefined;
}
