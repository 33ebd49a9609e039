/** An MPI library, opened by Deno's FFI: its kind is told by its symbols, a failed call becomes an error with its text. @module */
import { UserError } from "../error.ts";
import { safeLine } from "../safe_text.ts";
import { type MpiHandles, type MpiTable, tableFor } from "./mpi_tables.ts";

/** A handle as Deno's FFI passes it. */
type Handle = Deno.PointerValue | number | bigint;

/** Room for any text of a library; the longest is MPI_MAX_LIBRARY_VERSION_STRING. */
const TEXT_BYTES = 8192;

/** The functions that are used; buffers are pointers to their first byte, results are error codes. */
interface MpiFunctions {
  MPI_Init_thread(argc: null, argv: null, wanted: number, granted: Int32Array): Promise<number>;
  MPI_Comm_set_errhandler(world: Handle, handler: Handle): number;
  MPI_Comm_rank(world: Handle, rank: Int32Array): number;
  MPI_Comm_size(world: Handle, size: Int32Array): number;
  MPI_Get_processor_name(text: Uint8Array, length: Int32Array): number;
  MPI_Get_library_version(text: Uint8Array, length: Int32Array): number;
  MPI_Error_string(code: number, text: Uint8Array, length: Int32Array): number;
  MPI_Get_count(status: Uint8Array, type: Handle, count: Int32Array): number;
  MPI_Send(bytes: Uint8Array, count: number, type: Handle, to: number, tag: number, world: Handle): Promise<number>;
  // deno-fmt-ignore
  MPI_Recv(bytes: Uint8Array, count: number, type: Handle, from: number, tag: number, world: Handle, status: Uint8Array): Promise<number>;
  // deno-fmt-ignore
  MPI_Sendrecv(
    sent: Uint8Array, count: number, type: Handle, to: number, tag: number,
    received: Uint8Array, count2: number, type2: Handle, from: number, tag2: number, world: Handle, status: Uint8Array,
  ): Promise<number>;
  MPI_Abort(world: Handle, code: number): Promise<number>;
  MPI_Finalize(): Promise<number>;
}

/** Names of the functions. */
export type MpiFunctionName = keyof MpiFunctions;

/** An opened library. */
export interface MpiLibrary {
  readonly path: string;
  readonly table: MpiTable;
  readonly handles: MpiHandles<Handle>;
  readonly functions: MpiFunctions;
}

/**
 * Opens the library in a file. It stays open until the process ends: its threads would not outlive it. Throws a UserError
 * where the permission is missing, or the file is no MPI library.
 */
export function openMpiLibrary(path: string): MpiLibrary {
  const table = dlopen(path, () => {
    const { symbols } = Deno.dlopen(path, {
      MPI_Init_thread: { type: "pointer", optional: true },
      MPI_Abi_get_version: { parameters: ["buffer", "buffer"], result: "i32", optional: true },
      ompi_mpi_comm_world: { type: "pointer", optional: true },
    });
    const major = new Int32Array(1);
    return tableFor({
      abiMajor: symbols.MPI_Abi_get_version?.(major, new Int32Array(1)) === 0 ? major[0]! : null,
      hasOpenMpiWorld: symbols.ompi_mpi_comm_world !== null,
      hasInit: symbols.MPI_Init_thread !== null,
    });
  });
  if (table === null) throw new UserError(`Cannot open MPI: ${path} has no MPI_Init_thread, expected an MPI library`);
  const { symbols } = dlopen(path, () => Deno.dlopen(path, functionsFor(table.handle)));
  return { path, table, handles: handlesOf(path, table), functions: symbols as unknown as MpiFunctions };
}

/** Opens by `open`, and explains what is missing. */
function dlopen<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    const { name, message } = error as Error;
    if (name === "NotCapable") {
      throw new UserError(
        `Cannot open MPI: ${path} may not be loaded, expected the permission that \`deno task dnpo:mpi\` gives, or --allow-ffi=${path}`,
      );
    }
    throw new UserError(`Cannot open MPI: ${path} cannot be loaded (${safeLine(message)}), expected an MPI library`);
  }
}

/** The functions' signatures. What may wait for other ranks runs in a thread beside JavaScript. */
function functionsFor(handle: MpiTable["handle"]): Deno.ForeignLibraryInterface {
  const short = (...parameters: Deno.NativeType[]): Deno.ForeignFunction => ({ parameters, result: "i32" });
  const long = (...parameters: Deno.NativeType[]): Deno.ForeignFunction => ({
    ...short(...parameters),
    nonblocking: true,
  });
  const end = ["buffer", "i32", handle, "i32", "i32"] as const;
  return {
    MPI_Init_thread: long("pointer", "pointer", "i32", "buffer"),
    MPI_Comm_set_errhandler: short(handle, handle),
    MPI_Comm_rank: short(handle, "buffer"),
    MPI_Comm_size: short(handle, "buffer"),
    MPI_Get_processor_name: short("buffer", "buffer"),
    MPI_Get_library_version: short("buffer", "buffer"),
    MPI_Error_string: short("i32", "buffer", "buffer"),
    MPI_Get_count: short("buffer", handle, "buffer"),
    MPI_Send: long(...end, handle),
    MPI_Recv: long(...end, handle, "buffer"),
    MPI_Sendrecv: long(...end, ...end, handle, "buffer"),
    MPI_Abort: long(handle, "i32"),
    MPI_Finalize: long(),
  };
}

/** The table's handles; names become the addresses of the library's objects. */
function handlesOf(path: string, { handles }: MpiTable): MpiHandles<Handle> {
  const resolved = Object.entries(handles).map(([key, value]: [string, number | bigint | string]): [string, Handle] => {
    if (typeof value !== "string") return [key, value];
    const { symbols } = dlopen(path, () => Deno.dlopen(path, { [value]: { type: "pointer" } }));
    return [key, symbols[value] as Deno.PointerValue];
  });
  return Object.fromEntries(resolved) as unknown as MpiHandles<Handle>;
}

/** What a function that writes a text and its length has written; an empty text where it fails. */
export function mpiText(write: (text: Uint8Array, length: Int32Array) => number): string {
  const text = new Uint8Array(TEXT_BYTES);
  const length = new Int32Array(1);
  if (write(text, length) !== 0) return "";
  return new TextDecoder().decode(text.subarray(0, length[0])).replace(/\0.*/s, "").trim();
}

/** Throws an Error with the library's text where a function has failed. */
export function checkCode({ functions }: MpiLibrary, name: MpiFunctionName, code: number): void {
  if (code === 0) return;
  const text = mpiText((bytes, length) => functions.MPI_Error_string(code, bytes, length));
  throw new Error(`${name} failed: ${safeLine(text) || `error ${code}`}`);
}
