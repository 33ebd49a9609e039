/** Tokens as a tree of their UTF-16 units, to find those that a text begins with. @module */
import { UserError } from "../../error.ts";
import { shortQuote } from "../formats/data_problems.ts";
import { PairTable } from "./pair_table.ts";

/** The longest token, in characters: a search may walk so far at each character of a text. */
const MAX_TOKEN = 1024;

/** A tree of tokens with their ids. Walks begin at the node 0. */
export class TokenTree {
  /** Nodes by node and unit. */
  readonly #children: PairTable;
  /** The id of the token that ends at each node; −1 if none does. */
  readonly #ids: number[] = [-1];

  /** `expected` is about the number of tokens. */
  constructor(expected: number) {
    this.#children = new PairTable(2 * expected);
  }

  /** Adds a token; one that is there gets the new id. Throws a UserError for one that is too long. */
  add(token: string, id: number): void {
    if (token.length > MAX_TOKEN) {
      throw new UserError(`the token ${shortQuote(token)} is longer than ${MAX_TOKEN} characters`);
    }
    let node = 0;
    for (let i = 0; i < token.length; i++) {
      const unit = token.charCodeAt(i);
      let child = this.#children.get(node, unit);
      if (child === -1) {
        child = this.#ids.push(-1) - 1;
        this.#children.set(node, unit, child);
      }
      node = child;
    }
    this.#ids[node] = id;
  }

  /** The node after `node` by a unit; −1 if no token goes on so. */
  next(node: number, unit: number): number {
    return this.#children.get(node, unit);
  }

  /** The id of the token that ends at a node; −1 if none does. */
  idAt(node: number): number {
    return this.#ids[node]!;
  }

  /** The id of the longest token at a place of a text, and where it ends; −1 if there is none. */
  longestAt(text: string, at: number): { id: number; end: number } {
    let id = -1;
    let end = at;
    let node = 0;
    for (let i = at; i < text.length;) {
      node = this.next(node, text.charCodeAt(i++));
      if (node === -1) break;
      const found = this.idAt(node);
      if (found === -1) continue;
      id = found;
      end = i;
    }
    return { id, end };
  }
}
