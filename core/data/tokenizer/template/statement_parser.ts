/** Parses a whole template, as jinja2's parser does. @module */
import { isConstant, parseExpression, parseFilter, parseTuple } from "./expression_parser.ts";
import { tokenize } from "./template_lexer.ts";
import type { FilterNode, MacroNode, Parameters, Statement, Target } from "./template_nodes.ts";
import { type KnownNames, TokenStream } from "./token_stream.ts";

/** Tags that Jinja has and that are not supported: other templates cannot be read, and nothing is escaped. */
const UNSUPPORTED = ["extends", "include", "import", "from", "autoescape", "do", "trans", "debug"];

/** Parses a template; `isPlain` as in {@linkcode tokenize}. Throws a TemplateError that names the line. */
export function parseTemplate(
  source: string,
  known: KnownNames,
  options: { isPlain?: boolean } = {},
): Statement[] {
  const tokens = new TokenStream(tokenize(source, options), known);
  return new StatementParser(tokens).parse();
}

class StatementParser {
  readonly #tokens: TokenStream;
  readonly #blocks = new Set<string>();
  /** How many loops are around, those around a macro included. */
  #loops = 0;
  /** Whether `break` and `continue` have a loop to end. */
  #isInLoop = false;

  constructor(tokens: TokenStream) {
    this.#tokens = tokens;
  }

  parse(): Statement[] {
    return this.#statements([], 1);
  }

  /** The statements up to a tag of those names, which is left to be read; or to the end if there are none. */
  #statements(end: readonly string[], line: number): Statement[] {
    const tokens = this.#tokens;
    const found: Statement[] = [];
    for (;;) {
      if (tokens.is("eof")) {
        if (end.length > 0) tokens.fail(`the end of the template, expected {% ${end.at(-1)} %} for line ${line}`);
        return found;
      }
      const token = tokens.next();
      if (token.type === "data") found.push({ type: "data", text: token.value, line: token.line });
      else if (token.value === "{{") {
        found.push({ type: "print", value: parseTuple(tokens), line: token.line });
        tokens.expect("end", "{{");
      } else {
        if (end.length > 0 && tokens.is("name", ...end)) return found;
        found.push(tokens.nest(() => this.#statement(token.line)));
        tokens.expect("end", "{%");
      }
    }
  }

  /** The body of a tag up to one that ends it; that one's name is returned and stepped over. */
  #body(
    end: readonly string[],
    { line, isConditional = false, isInLoop = false }: { line: number; isConditional?: boolean; isInLoop?: boolean },
  ): { body: Statement[]; ended: string } {
    const tokens = this.#tokens;
    tokens.skip("operator", ":");
    tokens.expect("end", "{%");
    const before = this.#isInLoop;
    this.#isInLoop = isInLoop;
    const body = tokens.under(isConditional, () => this.#statements(end, line));
    this.#isInLoop = before;
    return { body, ended: tokens.next().value };
  }

  #statement(line: number): Statement {
    const tokens = this.#tokens;
    if (!tokens.is("name")) tokens.fail(`expected a tag's name, got ${tokens.describe()}`);
    const { value: tag } = tokens.next();
    switch (tag) {
      case "if":
        return this.#if(line);
      case "for":
        return this.#for(line);
      case "set":
        return this.#set(line);
      case "with":
        return this.#with(line);
      case "macro":
        return this.#macro(line);
      case "call":
        return this.#call(line);
      case "filter": {
        const filters = this.#filters(parseFilter(tokens));
        return {
          type: "filterBlock",
          line,
          filters,
          body: this.#body(["endfilter"], { line, isInLoop: this.#isInLoop }).body,
        };
      }
      case "block":
        return this.#block(line);
      case "generation":
        return { type: "generation", line, body: this.#body(["endgeneration"], { line }).body };
      case "break":
      case "continue":
        if (!this.#isInLoop) tokens.fail(`'${tag}' outside loop`, line);
        return { type: tag, line };
      case "print":
        return this.#print(line);
    }
    if (UNSUPPORTED.includes(tag)) return tokens.fail(`the tag '${tag}' is not supported`, line);
    return tokens.fail(`unknown tag '${tag.slice(0, 40)}'`, line);
  }

  #print(line: number): Statement {
    const value = parseExpression(this.#tokens);
    if (this.#tokens.is("operator", ",")) this.#tokens.fail("the tag 'print' with several values is not supported");
    return { type: "print", line, value };
  }

  #if(line: number): Statement {
    const tokens = this.#tokens;
    const branches: [ReturnType<typeof parseTuple>, Statement[]][] = [];
    const isInLoop = this.#isInLoop;
    for (;;) {
      const test = tokens.under(true, () => parseTuple(tokens, { canChoose: false }));
      const { body, ended } = this.#body(["elif", "else", "endif"], { line, isConditional: true, isInLoop });
      branches.push([test, body]);
      if (ended === "elif") continue;
      const otherwise = ended === "else" ? this.#body(["endif"], { line, isConditional: true, isInLoop }).body : [];
      return { type: "if", line, branches, otherwise };
    }
  }

  #for(line: number): Statement {
    const tokens = this.#tokens;
    this.#loops++;
    const target = this.#target();
    tokens.expect("name", "in");
    const items = parseTuple(tokens, { canChoose: false });
    const test = tokens.skip("name", "if") ? parseExpression(tokens) : null;
    const isRecursive = tokens.skip("name", "recursive");
    const { body, ended } = this.#body(["endfor", "else"], { line, isInLoop: true });
    const otherwise = ended === "else" ? this.#body(["endfor"], { line, isInLoop: this.#isInLoop }).body : [];
    this.#loops--;
    return { type: "for", line, target, items, test, isRecursive, body, otherwise };
  }

  #set(line: number): Statement {
    const tokens = this.#tokens;
    const target = this.#target({ canBeMember: true });
    if (tokens.skip("operator", "=")) return { type: "set", line, target, value: parseTuple(tokens) };
    const filters = tokens.skip("operator", "|") ? this.#filters(parseFilter(tokens)) : [];
    return {
      type: "setBlock",
      line,
      target,
      filters,
      body: this.#body(["endset"], { line, isInLoop: this.#isInLoop }).body,
    };
  }

  #filters(first: FilterNode): FilterNode[] {
    const filters = [first];
    while (this.#tokens.skip("operator", "|")) filters.push(parseFilter(this.#tokens));
    return filters;
  }

  #with(line: number): Statement {
    const tokens = this.#tokens;
    const targets: Target[] = [];
    const values: ReturnType<typeof parseExpression>[] = [];
    while (!tokens.is("end")) {
      if (targets.length > 0) tokens.expect("operator", ",");
      targets.push(this.#oneTarget({ canBeLoop: true }));
      tokens.expect("operator", "=");
      values.push(parseExpression(tokens));
    }
    return {
      type: "with",
      line,
      targets,
      values,
      body: this.#body(["endwith"], { line, isInLoop: this.#isInLoop }).body,
    };
  }

  #parameters(): Parameters {
    const tokens = this.#tokens;
    const names: string[] = [];
    const defaults: ReturnType<typeof parseExpression>[] = [];
    tokens.expect("operator", "(");
    while (!tokens.skip("operator", ")")) {
      if (names.length > 0) tokens.expect("operator", ",");
      const name = this.#name();
      if (names.includes(name)) tokens.fail(`the parameter '${name.slice(0, 40)}' stands twice`);
      names.push(name);
      if (tokens.skip("operator", "=")) defaults.push(parseExpression(tokens));
      else if (defaults.length > 0) tokens.fail("non-default argument follows default argument");
    }
    return { names, defaults };
  }

  #macro(line: number): MacroNode {
    return this.#macroBody(this.#name(), this.#parameters(), { line, end: "endmacro" });
  }

  #macroBody(name: string, parameters: Parameters, { line, end }: { line: number; end: string }): MacroNode {
    const tokens = this.#tokens;
    const from = tokens.names.length;
    const { body } = this.#body([end], { line });
    const special = ["caller", "varargs", "kwargs"];
    const mentions = new Set(tokens.names.slice(from).filter((name) => special.includes(name)));
    // A parameter of one of these names is an ordinary one; only `caller` is both.
    for (const parameter of parameters.names) if (parameter !== "caller") mentions.delete(parameter);
    const required = parameters.names.slice(0, parameters.names.length - parameters.defaults.length);
    if (mentions.has("caller") && required.includes("caller")) {
      tokens.fail("the parameter 'caller' has no default, expected one", line);
    }
    return { type: "macro", line, name, parameters, body, mentions };
  }

  #call(line: number): Statement {
    const tokens = this.#tokens;
    const parameters = tokens.is("operator", "(") ? this.#parameters() : { names: [], defaults: [] };
    const call = parseExpression(tokens);
    if (call.type !== "call") return tokens.fail("expected a call", line);
    return { type: "callBlock", line, call, caller: this.#macroBody("caller", parameters, { line, end: "endcall" }) };
  }

  #block(line: number): Statement {
    const tokens = this.#tokens;
    const name = tokens.expect("name").value;
    if (this.#blocks.has(name)) tokens.fail(`block '${name}' defined twice`, line);
    this.#blocks.add(name);
    const isScoped = tokens.skip("name", "scoped");
    if (tokens.is("name", "required")) tokens.fail("a required block is not supported", line);
    const { body } = this.#body(["endblock"], { line });
    tokens.skip("name", name);
    return { type: "block", line, name, isScoped, body };
  }

  #name(): string {
    const { value } = this.#tokens.expect("name");
    if (isConstant(value)) this.#tokens.fail(`can't assign to '${value}'`);
    return value;
  }

  /** One or several targets. */
  #target({ canBeMember = false }: { canBeMember?: boolean } = {}): Target {
    const tokens = this.#tokens;
    const targets: Target[] = [];
    let isTuple = false;
    for (;;) {
      if (targets.length > 0) tokens.expect("operator", ",");
      if (tokens.is("end") || tokens.is("operator", ")")) break;
      targets.push(this.#oneTarget({ canBeMember }));
      if (!tokens.is("operator", ",")) break;
      isTuple = true;
    }
    if (isTuple) return { type: "several", targets };
    return targets[0] ?? tokens.fail(`expected a name, got ${tokens.describe()}`);
  }

  #oneTarget({ canBeMember = false, canBeLoop = false }: { canBeMember?: boolean; canBeLoop?: boolean }): Target {
    const tokens = this.#tokens;
    if (tokens.skip("operator", "(")) {
      const target = tokens.nest(() => this.#target({ canBeMember }));
      tokens.expect("operator", ")");
      return target;
    }
    if (!tokens.is("name")) tokens.fail(`can't assign to ${tokens.describe()}`);
    const name = this.#name();
    if (!canBeMember || !tokens.skip("operator", ".")) {
      if (name === "loop" && this.#loops > 0 && !canBeLoop) tokens.fail("can't assign to 'loop' within a loop");
      return { type: "name", name };
    }
    return { type: "member", name, attribute: tokens.expect("name").value };
  }
}
