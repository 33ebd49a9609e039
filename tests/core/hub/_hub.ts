/** A hub, a cache and an environment for each test. @module */
import { rejects } from "node:assert/strict";
import { UserError } from "../../../core/error.ts";
import { HubClient } from "../../../core/hub/hub_client.ts";
import { readHubSettings } from "../../../core/hub/hub_settings.ts";
import type { ResolveOptions } from "../../../core/hub/resolve_name.ts";
import { withFolder } from "../../_shared/dnpo.ts";
import { type Files, HubServer } from "../../_shared/hub_server.ts";

/** What a test works with. */
export interface HubTest {
  hub: HubServer;
  /** An empty folder; `DIR/hf` is HF_HOME. */
  dir: string;
  /** The environment, to add to. */
  env: Record<string, string>;
  notes: string[];
  /** Reads `env`, waits 1 ms where others wait 500. */
  options: ResolveOptions;
  client(): Promise<HubClient>;
}

/** Runs `use` with a hub of its own. */
export function withHub(use: (test: HubTest) => Promise<void>): Promise<void> {
  return withFolder(async (dir) => {
    await using hub = new HubServer();
    const env: Record<string, string> = { HF_ENDPOINT: hub.url, HF_HOME: `${dir}/hf` };
    const notes: string[] = [];
    const options: ResolveOptions = { env: (name) => env[name], retryMs: 1, onNote: (line) => notes.push(line) };
    const client = async (): Promise<HubClient> => new HubClient(await readHubSettings((name) => env[name]), options);
    await use({ hub, dir, env, notes, options, client });
  });
}

/** Asserts that a promise is rejected with a UserError of one line that matches. */
export async function refuses(promise: Promise<unknown>, message: RegExp): Promise<void> {
  await rejects(promise, (error: unknown) => {
    if (!(error instanceof UserError)) throw error;
    if (!message.test(error.message) || error.message.includes("\n")) {
      throw new Error(`${JSON.stringify(error.message)} does not match ${message}`);
    }
    return true;
  });
}

/** Bytes that do not repeat, the same for the same length. */
export function bytesOf(length: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24);
}

/** The files of a model repository, with others that are not the model's. */
export const MODEL: Files = {
  ".gitattributes": "*.safetensors filter=lfs",
  "README.md": "---\nlicense: apache-2.0\n---\n# A model\n",
  "config.json": '{"model_type": "llama"}',
  "generation_config.json": "{}",
  "tokenizer.json": '{"tokens": []}',
  "tokenizer_config.json": "{}",
  "chat_template.jinja": "{{ messages }}",
  "model.safetensors": bytesOf(50_000),
  "pytorch_model.bin": bytesOf(60_000, 2),
  "onnx/model.onnx": "onnx",
  "training_args.bin": "args",
};
