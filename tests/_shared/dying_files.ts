/** A file system that dies at its n-th change, as where the process is killed there: nothing is written after it. @module */
import { type FileSystem, useFileSystem } from "../../core/files/file_system.ts";

/** Thrown by every change once the file system is dead. */
export class Killed extends Error {}

/** A file system over Deno's, in which changes are counted. */
export class DyingFiles {
  /** What was changed, in order. */
  readonly changes: string[] = [];
  #dead = false;
  readonly #last: number;

  /** Installs a file system that dies at the change `last`, from 0, of which a write is half done; of the rest nothing. */
  constructor(last = Infinity) {
    this.#last = last;
    useFileSystem(this.#system());
  }

  /** Puts Deno's functions back. */
  [Symbol.dispose](): void {
    useFileSystem(Deno);
  }

  /** Counts a change; whether it is the last, which is done by half. */
  #change(what: string): boolean {
    if (this.#dead) throw new Killed(what);
    this.changes.push(what);
    if (this.changes.length <= this.#last) return false;
    this.#dead = true;
    return true;
  }

  #before(what: string): void {
    if (this.#change(what)) throw new Killed(what);
  }

  #system(): FileSystem {
    return {
      mkdir: (path, options) => {
        this.#before(`mkdir ${path}`);
        return Deno.mkdir(path, options);
      },
      remove: (path, options) => {
        this.#before(`remove ${path}`);
        return Deno.remove(path, options);
      },
      rename: (from, to) => {
        this.#before(`rename ${from} to ${to}`);
        return Deno.rename(from, to);
      },
      open: async (path, options) => {
        const writes = options?.write || options?.append || options?.create;
        if (writes) this.#before(`open ${path}`);
        return this.#watched(await Deno.open(path, options), String(path));
      },
      readDir: Deno.readDir,
      readFile: Deno.readFile,
      realPath: Deno.realPath,
      stat: Deno.stat,
    };
  }

  #watched(file: Deno.FsFile, path: string): Deno.FsFile {
    const write = async (data: Uint8Array): Promise<number> => {
      if (!this.#change(`write ${path}`)) return await file.write(data);
      await file.write(data.subarray(0, data.length >> 1));
      throw new Killed(path);
    };
    return new Proxy(file, {
      get: (target, key) => {
        if (key === "write") return write;
        const value = Reflect.get(target, key, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }
}
