/** Keys of `generation`, and those of any section that names a server. @module */
import { z } from "zod";
import { DTYPE_NAMES } from "../../dtype.ts";
import { count, key, named, seed, text } from "./key.ts";

/** Keys for reaching a server, for a judge or for generation. */
export const serverKeys = {
  api_key_env: key(
    text.exactOptional(),
    "Environment variable that holds the server's API key; default: OPENAI_API_KEY for api.openai.com, no key for " +
      "other servers.",
    { of: ["llm"], mayDiffer: true },
  ),
  api_key_file: key(text.exactOptional(), "File that holds the server's API key, instead of api_key_env.", {
    of: ["llm"],
    mayDiffer: true,
  }),
  max_retries: key(
    z.int().min(0).exactOptional(),
    "Times a request is repeated after a connection error, 429 or 5xx, with growing pauses or after Retry-After.",
    { of: ["llm"], filledIn: 6, mayDiffer: true },
  ),
};

const servers = named("string | string[]", z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]));

/** Keys of `generation`. */
export const generationKeys = {
  temperature: key(
    z.number().min(0).default(1),
    "Divisor of the logits, from 0 on; 0 always takes the likeliest token.",
    {
      hf: ["GenerationConfig", "GRPOConfig"],
    },
  ),
  top_p: key(z.number().gt(0).max(1).default(1), "Probability mass that sampling keeps, above 0; 1 keeps all.", {
    hf: ["GenerationConfig", "GRPOConfig"],
  }),
  top_k: key(z.int().min(0).default(0), "Number of tokens that sampling keeps; 0 keeps all.", {
    hf: ["GenerationConfig", "GRPOConfig"],
  }),
  max_new_tokens: key(count.default(256), "Tokens of a generated response, at most.", {
    hf: ["GenerationConfig", "GRPOConfig.max_completion_length"],
  }),
  batch_size: key(count.default(32), "Rows that are sampled at a time; their number changes the speed alone.", {
    mayDiffer: true,
  }),
  seed: key(seed.default(42), "Seed of sampling, below 2^32."),
  kv_cache_dtype: key(
    named("DtypeName", z.enum(DTYPE_NAMES)).default("float32"),
    "Storage type of the keys and values that our own engine keeps of earlier tokens: bfloat16 and float16 take half " +
      "the memory, and round each of them.",
  ),
  server: key(
    servers.exactOptional(),
    "Address of an OpenAI-compatible server that samples instead of our own engine, such as " +
      "http://127.0.0.1:8000/v1; a list is used in rotation. It has to serve the weights of the iteration at hand.",
    { hf: ["GRPOConfig.vllm_server_base_url"], mayDiffer: true },
  ),
  server_model: key(
    text.exactOptional(),
    "Name of the model on the server; {iteration} in it becomes the iteration's number. Default: the only one that " +
      "it offers.",
  ),
  ...serverKeys,
  concurrency: key(
    count.exactOptional(),
    "Requests at a time, of generation.server; their number changes the speed alone.",
    { filledIn: 32, mayDiffer: true },
  ),
  timeout: key(z.number().gt(0).exactOptional(), "Seconds after which a request is given up and repeated.", {
    filledIn: 600,
    mayDiffer: true,
  }),
};
