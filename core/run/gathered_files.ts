/** Files of models that the run has made, sent to machines that do not see the run's folder (`distributed.gather`). @module */
import type { FileDigests } from "../checkpoint/folder_identity.ts";
import { bytesOf } from "../cluster/bytes_of.ts";
import type { Crew } from "../cluster/crew.ts";
import { gatherBytes } from "../cluster/gather_texts.ts";
import type { Transport } from "../cluster/transport.ts";
import { UserError } from "../error.ts";
import { makeFolder, replaceFileAtomic } from "../files/atomic.ts";
import { folderFiles } from "../files/model_files.ts";
import { dirname, join } from "../files/path.ts";

/** What the other ranks are told. */
export interface FilesTask {
  readonly task: "files";
  /** The folder, which machines that lack it will have at the same path. */
  readonly dir: string;
  /** The digests of its files. */
  readonly files: FileDigests;
}

/** Bytes of a file that are sent at once. */
const PIECE_BYTES = 16 * 2 ** 20;

/** The files that each crew was given last, by their folder. */
const given = new WeakMap<Crew, Map<string, string>>();

/** Sends the files of a folder to the machines that lack them. */
export async function giveFiles(crew: Crew, { dir, files }: Omit<FilesTask, "task">): Promise<void> {
  const known = given.get(crew) ?? new Map<string, string>();
  given.set(crew, known);
  const key = JSON.stringify(files);
  if (known.get(dir) === key) return;
  const { transport } = crew;
  const task: FilesTask = { task: "files", dir, files };
  await crew.together({ ...task }, async () => {
    if ((await lackingRanks(transport, false)).length === 0) return;
    const folder = await folderFiles(dir);
    for (const name of Object.keys(files)) {
      const { size } = await folder.stat(name) ?? {};
      if (size === undefined) throw new UserError(`Cannot send ${folder.pathOf(name)} to other ranks: it is not there`);
      await transport.broadcast(bytesOf(Float64Array.of(size)), 0);
      for (let start = 0; start < size; start += PIECE_BYTES) {
        await transport.broadcast(await folder.read(name, { start, length: Math.min(PIECE_BYTES, size - start) }), 0);
      }
    }
    await transport.barrier();
  });
  known.set(dir, key);
}

/** Takes the files of a folder; of the ranks of a machine that lack them, the first writes them. */
export async function takeFiles(
  transport: Transport,
  { dir, files }: Omit<FilesTask, "task">,
  { lacks }: { lacks: boolean },
): Promise<void> {
  const lacking = await lackingRanks(transport, lacks);
  if (lacking.length === 0) return;
  const { hosts, rank } = transport;
  const writes = rank === lacking.find((one) => hosts[one] === hosts[rank]);
  for (const name of Object.keys(files)) {
    const size = new Float64Array(1);
    await transport.broadcast(bytesOf(size), 0);
    const pieces = receivePieces(transport, size[0]!);
    if (!writes) { for await (const _ of pieces); }
    else {
      const path = join(dir, name);
      await makeFolder(dirname(path));
      await replaceFileAtomic(path, async (write) => {
        for await (const piece of pieces) await write(piece);
      });
    }
  }
  await transport.barrier();
}

async function* receivePieces(transport: Transport, size: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let start = 0; start < size; start += PIECE_BYTES) {
    const bytes = new Uint8Array(Math.min(PIECE_BYTES, size - start));
    await transport.broadcast(bytes, 0);
    yield bytes;
  }
}

async function lackingRanks(transport: Transport, lacks: boolean): Promise<number[]> {
  const told = await gatherBytes(transport, Uint8Array.of(lacks ? 1 : 0));
  return told.flatMap(([one], rank) => one === 1 ? [rank] : []);
}
