/** `completion bash|zsh|fish`: a small script for the shell, which asks this program at each TAB. */
import type { Call } from './command.ts';

const bash = String.raw`# Completion of tollgate for bash. Now: source <(tollgate completion bash). For good: put that line into ~/.bashrc.
_tollgate() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      compopt -o default 2>/dev/null
    else
      COMPREPLY+=("${'${line%%$\'\\t\'*}'}")
    fi
  done < <("${'${COMP_WORDS[0]}'}" completion words -- "${'${COMP_WORDS[@]:1:COMP_CWORD}'}" 2>/dev/null </dev/null)
}
complete -F _tollgate tollgate
`;
const zsh = String.raw`#compdef tollgate
# Completion of tollgate for zsh. Now: source <(tollgate completion zsh). For good: put that line into ~/.zshrc, after compinit.
_tollgate() {
  local line
  local -a offered
  for line in "${'${(@f)$("${words[1]}" completion words -- "${(@)words[2,CURRENT]}" 2>/dev/null </dev/null)}'}"; do
    if [[ $line == :files ]]; then
      _files
      return
    elif [[ -n $line ]]; then
      offered+=("${'${${line%%$\'\\t\'*}//:/\\\\:}'}:${'${line#*$\'\\t\'}'}")
    fi
  done
  _describe -t words tollgate offered
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -D }
compdef _tollgate tollgate
`;
const fish = String.raw`# Completion of tollgate for fish. Now: tollgate completion fish | source. For good: tollgate completion fish > ~/.config/fish/completions/tollgate.fish
function __tollgate_words
  set -l words (commandline -opc) (commandline -ct)
  set -l offered ($words[1] completion words -- $words[2..-1] 2>/dev/null </dev/null)
  if contains -- :files $offered
    __fish_complete_path (commandline -ct)
  else
    printf '%s\n' $offered
  end
end
complete -c tollgate -f -a '(__tollgate_words)'
`;
export const scripts = { bash, zsh, fish };

const printed = (shell: keyof typeof scripts) => ({ out }: Call): Promise<void> => out.result({ shell, script: scripts[shell] }, () => out.data(scripts[shell].trimEnd()));
export const completionBash = printed('bash');
export const completionZsh = printed('zsh');
export const completionFish = printed('fish');
