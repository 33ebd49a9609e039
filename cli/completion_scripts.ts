/** Completion scripts for shells, made from the commands: static text that runs no program at a key press. @module */
import type { CommandEntry, OptionEntry } from "./command_entry.ts";
import { helpOption, rankOptions, versionOption } from "./program_entry.ts";

/** The shells that have a script. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** A shell that has a script. */
export type Shell = typeof SHELLS[number];

/** What the scripts complete. */
export interface CompletionTable {
  commands: readonly CommandEntry[];
  /** Keys that `--set` takes. */
  keys: readonly string[];
  /** The words that some of them take. */
  words?: Readonly<Record<string, readonly string[]>>;
}

/** The script of a shell. */
export function completionScript(shell: Shell, table: CompletionTable): string {
  const choices = table.commands.map(({ name }) => name);
  const commands = table.commands.map((entry): CommandEntry => {
    const { argument } = entry;
    return argument?.isCommand ? { ...entry, argument: { ...argument, choices } } : entry;
  });
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell]({ ...table, commands });
}

/** Options that go before the command, or take its place. */
const PROGRAM_OPTIONS = [helpOption, versionOption, ...rankOptions].map(flagsOf);

/** An option as the shells need it. */
interface Flags {
  names: string[];
  /** Null if the option takes no value. */
  value: { name: string; words?: readonly string[]; path?: "file" | "folder"; keys?: true } | null;
  summary: string;
  repeat: boolean;
}

function flagsOf({ flags, summary, choices, path, repeat }: OptionEntry): Flags {
  const [, value] = /[<[](.+?)[>\]]/.exec(flags) ?? [];
  return {
    names: [...flags.matchAll(/(?:^|[ ,])(--?[\w-]+)/g)].map((match) => match[1]!),
    value: value === undefined ? null : {
      name: value,
      ...(choices && { words: choices }),
      ...(path && { path }),
      ...(value === "key=value" && { keys: true }),
    },
    summary,
    repeat: repeat ?? false,
  };
}

function optionsOf(entry: CommandEntry): Flags[] {
  return [...entry.options, helpOption].map(flagsOf);
}

const indent = (lines: readonly string[], by: string): string => lines.map((line) => by + line).join("\n");

function bashScript({ commands, keys, words: wordsOfKeys = {} }: CompletionTable): string {
  const files = (kind: "file" | "folder" | undefined): string =>
    `_dnpo_paths ${kind === "folder" ? "-d" : "-f"}; return`;
  const words = (list: readonly string[]): string => `_dnpo_words "${list.join(" ")}"; return`;
  const options = commands.flatMap((entry) =>
    optionsOf(entry).flatMap(({ names, value }) => {
      if (!value) return [];
      const action = value.keys
        ? "_dnpo_keys; return"
        : value.words
        ? words(value.words)
        : value.path
        ? files(value.path)
        : "return";
      return [`${names.map((name) => `"${entry.name} ${name}"`).join("|")}) ${action} ;;`];
    })
  );
  const rest = commands.map((entry) => {
    const { argument } = entry;
    const action = argument?.choices ? words(argument.choices) : argument?.path ? files(argument.path) : "return";
    return `${entry.name}) if [[ $cur == -* ]]; then ${
      words(optionsOf(entry).flatMap(({ names }) => names))
    }; fi; ${action} ;;`;
  });
  const names = commands.map(({ name }) => name);
  // `return 0`: after a key with words, no file is completed, even if no word fits.
  const values = Object.entries(wordsOfKeys).map(([key, list]) => `${key}) ${words(list)} 0 ;;`);
  return `# bash completion for dnpo: source this, or put it into ~/.local/share/bash-completion/completions/dnpo
_dnpo_words() { COMPREPLY=($(compgen -W "$1" -- "$cur")); }
_dnpo_paths() {
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen "$1" -- "$cur"))
}
_dnpo_keys() {
  compopt -o nospace 2>/dev/null
  _dnpo_words "${keys.map((key) => `${key}=`).join(" ")}"
}
_dnpo_values() {
  case $1 in
${indent(values, "    ")}
  esac
  return 1
}
_dnpo() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command= i
  COMPREPLY=()
  # An = is a word by itself: the value of --set key=value stands behind it.
  if [[ $cur == = ]]; then
    cur=
    _dnpo_values "$prev" && return
  elif [[ $prev == = ]]; then
    _dnpo_values "\${COMP_WORDS[COMP_CWORD-2]}" && return
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${names.join("|")}) command=\${COMP_WORDS[i]}; break ;;
    esac
  done
  case "$command $prev" in
${indent(options, "    ")}
  esac
  case $command in
${indent(rest, "    ")}
  esac
  _dnpo_words "${[...names, ...PROGRAM_OPTIONS.map(({ names }) => names.at(-1)!)].join(" ")}"
}
complete -F _dnpo dnpo
`;
}

function zshScript({ commands, keys, words: wordsOfKeys = {} }: CompletionTable): string {
  // Escapes within single quotes, and within the brackets and colons of a specification.
  const quoted = (text: string): string => text.replaceAll("'", `'\\''`);
  const spec = (text: string): string => quoted(text).replace(/[[\]:]/g, "\\$&");
  const action = (value: { words?: readonly string[]; path?: "file" | "folder"; keys?: true }): string =>
    value.keys
      ? "_dnpo_keys"
      : value.words
      ? `(${value.words.join(" ")})`
      : value.path === "folder"
      ? "_files -/"
      : value.path
      ? "_files"
      : " ";
  const option = ({ names, value, summary, repeat }: Flags): string => {
    const head = repeat ? "'*'" : names.length > 1 ? `'(${names.join(" ")})'` : "";
    const name = names.length > 1 ? `{${names.join(",")}}` : names[0];
    return `${head}${name}'[${spec(summary)}]${value ? `:${spec(value.name)}:${action(value)}` : ""}'`;
  };
  const cases = commands.map((entry) => {
    const { argument } = entry;
    const last = argument
      ? [
        `'${argument.repeat ? "*:" : argument.required ? "1:" : "1::"}${spec(argument.name)}:${
          action({ ...argument, ...(argument.choices && { words: argument.choices }) })
        }'`,
      ]
      : [];
    return `${entry.name}) _arguments ${[...optionsOf(entry).map(option), ...last].join(" ")} ;;`;
  });
  return `#compdef dnpo
# zsh completion for dnpo: put this into a folder of $fpath, as _dnpo
_dnpo_keys() {
  local -a keys=(${keys.join(" ")})
  local -A words=(${Object.entries(wordsOfKeys).map(([key, list]) => `${key} '${list.join(" ")}'`).join(" ")})
  if [[ $PREFIX == *=* ]]; then
    local key=\${PREFIX%%=*}
    compset -P '*='
    compadd -- \${=words[$key]}
  else
    compadd -S = -- $keys
  fi
}
_dnpo() {
  local curcontext=$curcontext state line
  typeset -A opt_args
  local -a commands=(
${indent(commands.map(({ name, summary }) => `'${name}:${quoted(summary)}'`), "    ")}
  )
  _arguments -C ${PROGRAM_OPTIONS.map(option).join(" ")} \\
    '1:command:->command' '*::argument:->arguments'
  case $state in
    command) _describe -t commands command commands ;;
    arguments)
      case $words[1] in
${indent(cases, "        ")}
      esac ;;
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _dnpo "$@"; else compdef _dnpo dnpo; fi
`;
}

function fishScript({ commands, keys, words: wordsOfKeys = {} }: CompletionTable): string {
  const quoted = (text: string): string => `'${text.replace(/[\\']/g, "\\$&")}'`;
  const settings = keys.flatMap((key) => (wordsOfKeys[key] ?? [""]).map((word) => `${key}=${word}`));
  const flagsIn = (names: readonly string[]): string[] =>
    names.map((name) => name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`);
  const own = ({ names, summary }: Flags): string =>
    ["complete -c dnpo -n __fish_use_subcommand", ...flagsIn(names), "-d", quoted(summary)].join(" ");
  const lines = commands.flatMap((entry) => {
    const seen = `complete -c dnpo -n '__fish_seen_subcommand_from ${entry.name}'`;
    const options = optionsOf(entry).map(({ names, value, summary }) => {
      const words = value?.keys ? settings : value?.words;
      const takes = !value
        ? []
        : words
        ? [`-x -a ${quoted(words.join(" "))}`]
        : value.path === "folder"
        ? ["-x -a '(__fish_complete_directories)'"]
        : [value.path ? "-r -F" : "-x"];
      return [seen, ...flagsIn(names), ...takes, `-d ${quoted(summary)}`].join(" ");
    });
    const { argument } = entry;
    const path = argument?.path === "folder" ? ["-x -a '(__fish_complete_directories)'"] : argument?.path ? ["-F"] : [];
    const argumentOf = argument?.choices ? [`-a ${quoted(argument.choices.join(" "))}`] : path;
    return [
      `complete -c dnpo -n __fish_use_subcommand -a ${entry.name} -d ${quoted(entry.summary)}`,
      ...options,
      ...argumentOf.map((takes) => `${seen} ${takes}`),
    ];
  });
  return `# fish completion for dnpo: put this into ~/.config/fish/completions/dnpo.fish
complete -c dnpo -f
${PROGRAM_OPTIONS.map(own).join("\n")}
${lines.join("\n")}
`;
}
