/** Shells that have a completion script. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/**
 * The completion script of a shell, for both names of the program. It asks the program that stands on the command line,
 * by `__complete -- <words before the cursor> <the cursor's word>`, and evaluates nothing of the line.
 */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}

const BASH = `# bash completion of dria-temporal; to load it: source <(dria-temporal completion bash)
_dria_temporal() {
  # Bash also parts words at = and :, and puts a candidate in the place of the last part only.
  local line=\${COMP_LINE:0:COMP_POINT} words=() joined='' i
  for ((i = 0; i < COMP_CWORD; i++)); do
    [[ -n $joined ]] || line=\${line#"\${line%%[![:space:]]*}"}
    line=\${line#"\${COMP_WORDS[i]}"}
    joined+=\${COMP_WORDS[i]}
    if [[ $line == [[:space:]]* ]]; then
      words+=("$joined")
      joined=''
    fi
  done
  [[ -n $joined ]] || line=\${line#"\${line%%[![:space:]]*}"}
  local current=$joined$line kept='' breaks=''
  [[ $COMP_WORDBREAKS == *=* ]] && breaks+='='
  [[ $COMP_WORDBREAKS == *:* ]] && breaks+=':'
  [[ -n $breaks ]] && kept=\${current%"\${current##*[$breaks]}"}
  local program=\${words[0]/#\\~\\//$HOME/} kind='' value description
  COMPREPLY=()
  while IFS=$'\\t' read -r value description; do
    if [[ -z $kind ]]; then
      kind=$value
    else
      value=\${value#"$kept"}
      [[ $value =~ ^[[:alnum:]_./:=,@%+-]+$ ]] || printf -v value %q "$value"
      COMPREPLY+=("$value")
    fi
  done < <("$program" __complete -- "\${words[@]:1}" "$current" 2>/dev/null)
  # Bash before 4 has no compopt.
  case $kind in
    files) compopt -o default 2>/dev/null ;;
    folders) compopt -o dirnames 2>/dev/null ;;
  esac
}
complete -F _dria_temporal dria-temporal temporal-dria
`;

const ZSH = `#compdef dria-temporal temporal-dria
# zsh completion of dria-temporal; to load it after compinit: source <(dria-temporal completion zsh)
_dria_temporal() {
  local program=\${~words[1]} line
  local -a lines described
  lines=("\${(@f)$("$program" __complete -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)}")
  case $lines[1] in
    files)
      compset -P '--*='
      _files
      ;;
    folders)
      compset -P '--*='
      _files -/
      ;;
    words)
      for line in "\${(@)lines[2,-1]}"; do
        # What stands before the first : is the word.
        described+=("\${\${line%%$'\\t'*}//:/\\\\:}\${\${(M)line%%$'\\t'*}:+:\${line#*$'\\t'}}")
      done
      (( $#described )) && _describe -V 'dria-temporal' described
      ;;
  esac
}
if [[ $funcstack[1] == _dria_temporal ]]; then
  _dria_temporal "$@"
else
  compdef _dria_temporal dria-temporal temporal-dria
fi
`;

const FISH = `# fish completion of dria-temporal; to load it: dria-temporal completion fish | source
function __dria_temporal_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
    set -e words[1]
    set -l lines ($program __complete -- $words "$current" 2>/dev/null)
    set -l kind $lines[1]
    set -e lines[1]
    set -l flag (string match -r '^--[^=]*=' -- "$current")
    set -l value (string replace -r '^--[^=]*=' '' -- "$current")
    switch "$kind"
        case files
            for path in (__fish_complete_path "$value")
                echo "$flag$path"
            end
        case folders
            for path in (__fish_complete_directories "$value" '')
                echo "$flag$path"
            end
        case words
            string join \\n -- $lines
    end
end
complete -c dria-temporal -f -k -a '(__dria_temporal_complete)'
complete -c temporal-dria -f -k -a '(__dria_temporal_complete)'
`;

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
