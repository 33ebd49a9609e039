/** Checks what a run reads back of its own files, and that its models are those that it began with. @module */
import { filesWithBase } from "../checkpoint/adapted_files.ts";
import {
  checkSameModel,
  type FileDigests,
  folderDigests,
  type ModelParts,
  quickIdentity,
  short,
} from "../checkpoint/folder_identity.ts";
import { openModelFolder } from "../checkpoint/model_folder.ts";
import { openWeights } from "../checkpoint/stored_weights.ts";
import { changedFiles, writtenFacts } from "../checkpoint/written_model.ts";
import { UserError } from "../error.ts";
import { exists } from "../files/io.ts";
import { folderFiles, type ModelFiles, oneFile } from "../files/model_files.ts";
import { join } from "../files/path.ts";
import type { FolderWatch } from "../files/replace_folder.ts";
import { digestFile, StreamDigest } from "../files/stream_digest.ts";
import { type ChecksumRecord, noChecksums, readChecksums, writeChecksums } from "./checksum_record.ts";
import { runPaths } from "./run_paths.ts";
import { isTrainRun, retrainAdvice } from "./run_work.ts";

/** The key of the run as a whole. */
const WHOLE = ".";

type FilesIn = (folder: string) => Promise<ModelFiles>;

/** How a run's checksums are kept. */
export interface ChecksumOptions {
  onNote?: (line: string) => void;
  /** Finds the files of a model; of an adapter, with those of its base. By default the base is a path. */
  filesIn?: FilesIn;
}

/** The checksums of the run in a folder. What is written is recorded just before it takes its place. */
export class RunChecksums {
  readonly #folder: string;
  /** Null if nothing is kept. */
  readonly #path: string | null;
  readonly #record: ChecksumRecord;
  readonly #onNote: (line: string) => void;
  /** Finds the files of a model; of an adapter, with those of its base. */
  readonly #filesIn: FilesIn;
  /** Whether the folder is a run of `train`, which makes all of its files itself. */
  readonly #makesAll: boolean;
  /** The sizes and times of the models that this process has checked. */
  readonly #checked = new Map<string, string>();
  /** Files of rows that were noted as changed; an empty path stands for files without a checksum. */
  readonly #noted = new Set<string>();
  /** The model that the run as a whole began with, and what to do about another one. */
  #base: { folder: string; what: string; advice: string } | null = null;
  /** The run that judges, and what to do about another judge; null before that is known. */
  #judging: { what: string; advice: string } | null = null;

  private constructor(
    folder: string | null,
    { record, onNote, filesIn, makesAll }: Required<ChecksumOptions> & { record: ChecksumRecord; makesAll: boolean },
  ) {
    this.#folder = folder ?? "";
    this.#path = folder === null ? null : runPaths(folder).checksums;
    this.#record = record;
    this.#onNote = onNote;
    this.#filesIn = filesIn;
    this.#makesAll = makesAll;
  }

  /** Opens the checksums of the run in `folder`; null keeps none. Throws a UserError if they are malformed. */
  static async open(
    folder: string | null,
    { onNote = () => {}, filesIn = filesWithBase }: ChecksumOptions = {},
  ): Promise<RunChecksums> {
    if (folder === null) return new RunChecksums(null, { record: noChecksums(), onNote, filesIn, makesAll: false });
    const record = await readChecksums(runPaths(folder).checksums) ?? noChecksums();
    const makesAll = await isTrainRun(folder);
    return new RunChecksums(folder, { record, onNote, filesIn, makesAll });
  }

  /** Runs `place`, which writes or renames a file to `path`, whose bytes have the digest. */
  async placeFile(path: string, digest: string, place: () => Promise<void>): Promise<void> {
    const key = this.#keyOf(path);
    const { files, edited } = this.#record;
    const [before] = files[key] ?? [];
    const replaces = before !== undefined && before !== digest && await exists(path);
    files[key] = replaces ? [digest, before] : [digest];
    delete edited[key];
    await this.#write();
    await place();
    if (!replaces) return;
    files[key] = [digest];
    await this.#write();
  }

  /** Throws a UserError if a result, which nobody edits, is not as it was written; `advice` says what to do then. */
  async checkResult(path: string, advice: string): Promise<void> {
    const known = this.#record.files[this.#keyOf(path)];
    if (known === undefined) return this.noteUnchecked(path);
    const { files, file } = oneFile(path);
    const is = await digestFile(files, file);
    if (known.includes(is)) return;
    throw new UserError(
      `Cannot use ${path}: it has SHA-256 ${short(is)}, expected ${short(known[0]!)} as it was written; ${advice}`,
    );
  }

  /**
   * Notes a file of rows that was changed since it was written, and records that: rows may be edited by hand. A file
   * that has no checksum is noted in a run of `train`.
   */
  async checkRows(path: string): Promise<void> {
    if (!await exists(path)) return;
    const known = this.#record.files[this.#keyOf(path)];
    if (known === undefined) return this.#makesAll ? this.noteUnchecked(path) : undefined;
    const { files, file } = oneFile(path);
    const is = await digestFile(files, file);
    if (!known.includes(is)) await this.noteEdited(path, { is, was: known[0]! });
  }

  /** Notes a file of rows, or line `line` of it, that `is` no more what it `was`, and records that. */
  async noteEdited(
    path: string,
    { is, was, line }: { is: string; was: string | null; line?: number },
  ): Promise<void> {
    if (!this.#noted.has(path)) {
      const before = was === null ? "had none" : `then ${short(was)}`;
      this.#onNote(
        `${path}${line === undefined ? "" : `:${line}`} was changed since it was written (SHA-256 ${short(is)}, ` +
          `${before}): the run goes on with it as it is, and records it as edited`,
      );
    }
    this.#noted.add(path);
    this.#record.edited[this.#keyOf(path)] = is;
    await this.#write();
  }

  /** Forgets that a file of rows was changed: it is written anew. */
  async forgetEdit(path: string): Promise<void> {
    const key = this.#keyOf(path);
    if (!Object.hasOwn(this.#record.edited, key)) return;
    delete this.#record.edited[key];
    await this.#write();
  }

  /** Notes, once for all, that a file or folder cannot be checked. */
  noteUnchecked(path: string): void {
    if (this.#noted.has("")) return;
    this.#noted.add("");
    this.#onNote(
      `${path} has no checksum, as the run began before there were any, or as it is from elsewhere: it cannot be checked, ` +
        "nor can what else is like it",
    );
  }

  /** Watches how a model is written to `dir`, and records the digests of its files before the folder takes its place. */
  watchModel(dir: string): FolderWatch {
    const digests = new Map<string, StreamDigest>();
    return {
      onPiece: (name, piece) => {
        const digest = digests.get(name) ?? new StreamDigest();
        digests.set(name, digest);
        digest.update(piece);
      },
      onWritten: async () => {
        this.#record.models[this.#keyOf(dir)] = Object.fromEntries(
          [...digests].map(([name, digest]) => [name, digest.hex()]),
        );
        await this.#write();
      },
    };
  }

  /** The digests of a model's files as the run wrote them; undefined if they are not known. */
  writtenIn(dir: string): FileDigests | undefined {
    return this.#record.models[this.#keyOf(dir)];
  }

  /** Records that the model in `dir` is handed out from the one that an iteration has made in `made`. */
  async handOutFrom(dir: string, made: string): Promise<void> {
    const files = this.writtenIn(made);
    if (files === undefined) return;
    this.#record.began[this.#keyOf(dir)] = { folder: made, files };
    await this.#write();
  }

  /** Whether the model in `dir` was handed out from the one in `made`, as that is now. */
  isFrom(dir: string, made: string): boolean {
    const [was, is] = [this.#record.began[this.#keyOf(dir)]?.files, this.writtenIn(made)];
    if (was === undefined || is === undefined) return false;
    const names = Object.keys(is);
    return names.length === Object.keys(was).length && names.every((name) => was[name] === is[name]);
  }

  /** Throws a UserError if a file of a model that the run made is not as it was written. */
  async checkModel(dir: string): Promise<void> {
    const was = this.#record.models[this.#keyOf(dir)];
    if (was === undefined) return this.#makesAll ? this.noteUnchecked(dir) : undefined;
    const facts = await writtenFacts(await folderFiles(dir), was);
    if (this.#checked.get(dir) === facts) return;
    for await (const { problem } of changedFiles(dir, was)) {
      throw new UserError(
        `Cannot use a model of the run: ${dir}/${problem} as it was written; ${await retrainAdvice(dir)}`,
      );
    }
    this.#checked.set(dir, facts);
  }

  /**
   * The digests of a model's files, of an adapter with those of its base; what the run made is checked. Throws a
   * UserError.
   */
  async identityOf(dir: string): Promise<FileDigests> {
    const made = this.#record.models[this.#keyOf(dir)];
    if (made !== undefined) {
      await this.checkModel(dir);
      return made;
    }
    return await this.#digestsOf(dir, await openModelFolder(await this.#filesIn(dir)));
  }

  /** The digests of a model's files, computed again only where they may have changed. */
  async #digestsOf(dir: string, parts: ModelParts): Promise<FileDigests> {
    const quick = await quickIdentity(parts);
    const known = this.#record.known[dir];
    if (known?.quick === quick) return known.files;
    const files = await folderDigests(parts);
    this.#record.known[dir] = { quick, files };
    await this.#write();
    return files;
  }

  /**
   * Records that work in the folder `of` of the run begins with the model in `dir`. If the work `isBegun` already, throws
   * a UserError if it began with another one.
   */
  async beginWith(
    dir: string,
    { of, isBegun, what, advice }: { of: string; isBegun: boolean; what: string; advice: string },
  ): Promise<void> {
    const key = this.#keyOf(of);
    const files = await this.identityOf(dir);
    const was = this.#record.began[key];
    if (isBegun && was !== undefined) checkSameModel({ folder: dir, files }, was, { what, advice });
    else if (isBegun) this.noteUnchecked(dir);
    if (key === WHOLE) this.#base = { folder: dir, what, advice };
    if (isBegun && was?.folder === dir) return;
    this.#record.began[key] = { folder: dir, files };
    await this.#write();
  }

  /** Throws a UserError if the model that the run as a whole began with is another one by now. */
  async checkBase(dir: string): Promise<void> {
    if (this.#base?.folder !== dir) return;
    checkSameModel({ folder: dir, files: await this.identityOf(dir) }, this.#record.began[WHOLE]!, this.#base);
  }

  /**
   * Records that the run judges with the model in `dir`, which the config calls `name`. If the run `isBegun` already,
   * throws a UserError if it judged with another one.
   */
  async judgeWith(
    name: string,
    dir: string,
    { isBegun, what, advice }: { isBegun: boolean; what: string; advice: string },
  ): Promise<void> {
    this.#judging = { what, advice };
    if (isBegun) await this.checkJudge(name, dir);
    this.#record.judges[name] = { folder: dir, files: await this.judgeIdentityOf(dir) };
    await this.#write();
  }

  /** Throws a UserError if a model that a run of `train` judges with is another one by now. */
  async checkJudge(name: string, dir: string): Promise<void> {
    const was = this.#record.judges[name];
    if (was === undefined || this.#judging === null) return;
    const is = { folder: dir, files: await this.judgeIdentityOf(dir) };
    checkSameModel(is, was, { ...this.#judging, as: "judge" });
  }

  /** As {@linkcode RunChecksums.identityOf}, also for a reward model, none of which the run makes. */
  async judgeIdentityOf(dir: string): Promise<FileDigests> {
    const files = await this.#filesIn(dir);
    // A reward model has no LM head, so that it cannot be opened as one that answers.
    return await this.#digestsOf(dir, { files, weights: await openWeights(files) });
  }

  /** A path relative to the run's folder; one that is elsewhere stays as it is. */
  #keyOf(path: string): string {
    const [root, plain] = [join(this.#folder), join(path)];
    if (plain === root) return WHOLE;
    return plain.startsWith(`${root}/`) ? plain.slice(root.length + 1) : plain;
  }

  async #write(): Promise<void> {
    if (this.#path !== null) await writeChecksums(this.#path, this.#record);
  }
}
