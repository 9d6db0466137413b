//! Completions of shells, made from the table of options.

use super::ALL;

/// The commands that are completed.
const COMMANDS: &str = "get head post put delete request replay timeline demo help completions";

/// Returns the script that makes a shell complete the program's options; `None` if the shell is
/// none of bash, zsh and fish.
pub(crate) fn completions(shell: &str) -> Option<String> {
    match shell {
        "bash" => Some(bash()),
        "zsh" => Some(zsh()),
        "fish" => Some(fish()),
        _ => None,
    }
}

/// Whether the value of an option is the name of a file or directory.
fn is_path(value: &str) -> bool {
    ["FILE", "DIR", "PATH"].iter().any(|word| value.starts_with(word))
}

fn bash() -> String {
    let mut words: Vec<_> = ALL.iter().map(|spec| format!("--{}", spec.name)).collect();
    words.extend(ALL.iter().filter(|it| it.letter != '\0').map(|it| format!("-{}", it.letter)));
    let others = ALL.iter().filter(|it| it.has_value() && !is_path(it.value));
    let others: Vec<_> = others.map(|it| format!("--{}", it.name)).collect();
    format!(
        "# Completion of httpool for bash: source it, or put it into bash-completion's directory.\n\
         _httpool() {{\n\
         \x20   local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}\n\
         \x20   COMPREPLY=()\n\
         \x20   case $before in\n\
         \x20       {}) return ;;\n\
         \x20   esac\n\
         \x20   case $word in\n\
         \x20       -*) COMPREPLY=($(compgen -W '{}' -- \"$word\")) ;;\n\
         \x20       *)  [ \"$COMP_CWORD\" = 1 ] &&\n\
         \x20           COMPREPLY=($(compgen -W '{COMMANDS}' -- \"$word\")) ;;\n\
         \x20   esac\n\
         }}\n\
         complete -o default -F _httpool httpool\n",
        others.join("|"),
        words.join(" "),
    )
}

/// Returns the first sentence of a text, without characters that shells act on.
fn first(text: &str) -> String {
    let end = text.find(['.', ';', ':']).unwrap_or(text.len());
    let plain = |c: &char| !matches!(c, '\'' | '[' | ']' | '\\' | '`' | '$' | '"');
    text[..end].chars().filter(plain).collect()
}

fn zsh() -> String {
    let mut text = "#compdef httpool\n# Put it into a directory of $fpath as _httpool.\n\
                    _arguments -s \\\n"
        .to_owned();
    for spec in ALL {
        let value = match spec.value {
            "" => "",
            path if is_path(path) => ":file:_files",
            _ => ":value:",
        };
        let help = first(spec.help);
        match spec.letter {
            '\0' => text.push_str(&format!("  '*--{}[{help}]{value}' \\\n", spec.name)),
            letter => {
                text.push_str(&format!("  '*'{{-{letter},--{}}}'[{help}]{value}' \\\n", spec.name))
            }
        }
    }
    text.push_str(&format!("  '1:command or URL:({COMMANDS})' '*:URL:_urls'\n"));
    text
}

fn fish() -> String {
    let mut text = format!(
        "# Completion of httpool for fish: ~/.config/fish/completions/httpool.fish\n\
         complete -c httpool -n __fish_use_subcommand -a '{COMMANDS}'\n"
    );
    for spec in ALL {
        let letter = match spec.letter {
            '\0' => String::new(),
            letter => format!(" -s '{letter}'"),
        };
        let value = match spec.value {
            "" => "",
            path if is_path(path) => " -r -F",
            _ => " -x",
        };
        text.push_str(&format!(
            "complete -c httpool{letter} -l {}{value} -d '{}'\n",
            spec.name,
            first(spec.help)
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn each_shell_gets_every_option() {
        for shell in ["bash", "zsh", "fish"] {
            let script = completions(shell).unwrap();
            for spec in ALL {
                assert!(script.contains(spec.name), "{shell}: {}", spec.name);
            }
        }
        assert_eq!(completions("csh"), None);
    }

    #[test]
    fn bash_completes_an_option_and_a_command() {
        let script = completions("bash").unwrap();
        let test = "COMP_WORDS=(httpool --remote-n); COMP_CWORD=1; _httpool; echo ${COMPREPLY[@]}; \
                    COMP_WORDS=(httpool ti); _httpool; echo ${COMPREPLY[@]}";
        let run = Command::new("bash").arg("-c").arg(format!("{script}\n{test}")).output();
        let Ok(output) = run else {
            return eprintln!("SKIPPED: there is no bash here");
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said, "--remote-name --remote-name-all\ntimeline\n", "{output:?}");
    }
}
