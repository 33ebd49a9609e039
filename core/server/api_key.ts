/** Reads API keys; no message shows one. @module */
import { UserError } from "../error.ts";
import { readOptionalText } from "../files/io.ts";

/** The place of a server's API key. */
export interface KeySource {
  /** Name of an environment variable. */
  api_key_env?: string;
  /** Path of a file. */
  api_key_file?: string;
}

/** OpenAI's own variable. Unless the config names it, its key is sent only to OpenAI's own server. */
const DEFAULT_ENV = "OPENAI_API_KEY";
const OPENAI_HOST = "api.openai.com";

/**
 * Reads the key for the server at `url`; null if the server is asked without one. Throws a UserError if a key is needed
 * and missing.
 */
export async function readApiKey(
  { api_key_env: env, api_key_file: file }: KeySource,
  url: string,
): Promise<string | null> {
  if (file !== undefined) return await readKeyFile(file);
  const wanted = env !== undefined || URL.parse(url)?.hostname === OPENAI_HOST;
  if (!wanted) return null;
  const name = env ?? DEFAULT_ENV;
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  if (state !== "granted") {
    throw new UserError(
      `Cannot ask ${url}: the environment variable ${name} is not among those that dnpo may read; put the key into a file and name it by api_key_file, or use ${DEFAULT_ENV} or DNPO_API_KEY`,
    );
  }
  const key = Deno.env.get(name)?.trim() ?? "";
  if (key === "") {
    throw new UserError(
      `Cannot ask ${url}: the environment variable ${name} is not set, expected the API key in it (or in a file that api_key_file names)`,
    );
  }
  return checkKey(key, `the environment variable ${name}`);
}

async function readKeyFile(path: string): Promise<string> {
  const read = await readOptionalText(path).catch(() => {
    throw new UserError(`Cannot read the API key in ${path}: it cannot be read`);
  });
  if (read === null) throw new UserError(`Cannot read the API key in ${path}: there is no such file`);
  const text = read.trim();
  if (text === "") throw new UserError(`Cannot read the API key in ${path}: the file is empty`);
  return checkKey(text, path);
}

/** Checks that a key can go into a header, as printable ASCII: the package's own error would show the key. */
function checkKey(key: string, where: string): string {
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new UserError(`Cannot use the API key in ${where}: it has spaces, line breaks or other characters no key has`);
}
