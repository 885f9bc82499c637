//! Calls of tools in one form, whatever program makes them.
//!
//! The names are those that the programs use. A tool that is not known is of the kind Other; its arguments are
//! looked through for the usual names all the same.

use std::fmt::Write as _;

use serde_json::Value;

use super::json::{self, MESSAGE, line, member, text};
use super::said::{ToolCall, ToolKind};

/// Most files that a call names.
const PATHS: usize = 64;
/// Longest path in bytes that is one.
const PATH: usize = 4096;
/// Most lines of a diff.
const DIFF_LINES: usize = 40;

/// What a tool is about, by its name.
pub(super) fn kind(tool: &str) -> ToolKind {
    match tool.to_ascii_lowercase().as_str() {
        "read" | "read_file" | "read_many_files" | "readfile" | "notebookread" | "view"
        | "view_image" | "read_files" => ToolKind::Read,
        "write" | "edit" | "multiedit" | "multi_edit" | "notebookedit" | "patch"
        | "apply_patch" | "write_file" | "replace" | "editor" | "write_to_file"
        | "replace_in_file" | "new_rule" | "str_replace_editor" | "delete_file" => ToolKind::Edit,
        "glob"
        | "grep"
        | "ls"
        | "list"
        | "list_directory"
        | "search_file_content"
        | "grep_search"
        | "search_files"
        | "list_files"
        | "toolsearch"
        | "lsp"
        | "list_code_definition_names"
        | "search"
        | "codesearch"
        | "search_codebase" => ToolKind::Search,
        "bash" | "shell" | "exec_command" | "shell_command" | "run_shell_command"
        | "execute_command" | "run_commands" | "local_shell" | "write_stdin" | "bashoutput"
        | "killshell" | "powershell" => ToolKind::Run,
        "webfetch" | "websearch" | "web_fetch" | "web_search" | "google_web_search"
        | "browser_action" | "fetch_web_content" => ToolKind::Fetch,
        "task"
        | "agent"
        | "delegate_to_agent"
        | "codebase_investigator"
        | "spawn_agent"
        | "new_task"
        | "use_subagents"
        | "invoke_agent" => ToolKind::Delegate,
        _ => ToolKind::Other,
    }
}

/// A call from its name and arguments.
pub(super) fn call(id: &str, tool: &str, input: &Value) -> ToolCall {
    let kind = kind(tool);
    let paths = match kind {
        ToolKind::Read | ToolKind::Edit => paths(input),
        _ => Vec::new(),
    };
    ToolCall {
        id: json::cut(id, json::NAME),
        kind,
        tool: json::cut(tool, json::NAME),
        what: what(input),
        paths,
        diff: (kind == ToolKind::Edit).then(|| diff(input)).flatten(),
    }
}

/// What a call is made with, in one line: the first of the usual arguments that is there.
fn what(input: &Value) -> String {
    const NAMES: [&str; 15] = [
        "command",
        "cmd",
        "commands",
        "file_path",
        "filePath",
        "absolute_path",
        "notebook_path",
        "path",
        "pattern",
        "query",
        "url",
        "description",
        "subject",
        "prompt",
        "regex",
    ];
    for name in NAMES {
        match member(input, name) {
            Value::String(text) if !text.trim().is_empty() => return line(text),
            Value::Array(words) if !words.is_empty() => {
                let words: Vec<&str> = words.iter().take(64).filter_map(Value::as_str).collect();
                return line(&words.join(" "));
            }
            _ => {}
        }
    }
    String::new()
}

/// The files that a call names.
fn paths(input: &Value) -> Vec<String> {
    const ONE: [&str; 5] = [
        "file_path",
        "filePath",
        "absolute_path",
        "notebook_path",
        "path",
    ];
    let one = ONE.iter().map(|name| text(input, name));
    let many = ["paths", "include", "file_paths"];
    let many = many.iter().flat_map(|name| json::list(input, name));
    let mut all = Vec::new();
    for path in one.chain(many.filter_map(Value::as_str)) {
        add_path(&mut all, path);
    }
    // A patch names its files in lines of its own.
    for name in ["input", "patch", "patchText"] {
        for line in text(input, name).lines().take(100_000) {
            let file = ["Add", "Update", "Delete"].iter().find_map(|verb| {
                line.strip_prefix("*** ")?
                    .strip_prefix(verb)?
                    .strip_prefix(" File: ")
            });
            add_path(&mut all, file.unwrap_or_default().trim());
        }
    }
    all
}

/// Adds a path once, where there is room and it is one.
pub(super) fn add_path(all: &mut Vec<String>, path: &str) {
    if !path.is_empty() && path.len() <= PATH && all.len() < PATHS && !all.iter().any(|p| p == path)
    {
        all.push(path.to_owned());
    }
}

/// What a call changes in a file, as the lines of a diff without their places.
fn diff(input: &Value) -> Option<String> {
    let mut out = Diff::default();
    let edits = json::list(input, "edits");
    let edits = edits.iter().take(DIFF_LINES);
    for edit in std::iter::once(input).chain(edits) {
        for (sign, names) in [
            ('-', &["old_string", "oldString", "old_text", "old_str"][..]),
            (
                '+',
                &[
                    "new_string",
                    "newString",
                    "new_text",
                    "content",
                    "new_source",
                    "new_str",
                ],
            ),
        ] {
            for text in names.iter().map(|name| text(edit, name)) {
                out.add(sign, text);
            }
        }
    }
    for name in ["input", "patch", "patchText", "diff"] {
        out.plain(text(input, name));
    }
    out.finish()
}

/// A few lines of a diff.
#[derive(Default)]
struct Diff {
    text: String,
    lines: usize,
    more: usize,
}

impl Diff {
    fn add(&mut self, sign: char, text: &str) {
        for line in text.lines() {
            if self.lines >= DIFF_LINES || self.text.len() >= MESSAGE {
                self.more += 1;
                continue;
            }
            self.lines += 1;
            self.text.push(sign);
            self.text.push_str(&json::cut(line, 200));
            self.text.push('\n');
        }
    }

    /// Lines that have their signs.
    fn plain(&mut self, text: &str) {
        for line in text.lines() {
            let mut rest = line.chars();
            match rest.next() {
                Some(sign @ ('+' | '-')) => self.add(sign, rest.as_str()),
                _ if line.starts_with("***") || line.starts_with("@@") => {}
                _ => self.add(' ', line.get(1..).unwrap_or_default()),
            }
        }
    }

    fn finish(mut self) -> Option<String> {
        if self.more > 0 {
            let _ = writeln!(self.text, "… {} more lines", self.more);
        }
        self.text.pop();
        (!self.text.is_empty()).then_some(self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_edit_names_its_file_and_shows_its_lines() {
        let input = json!({"file_path": "a.rs", "old_string": "x\ny", "new_string": "z"});
        let call = call("1", "Edit", &input);
        assert_eq!((call.kind, call.what.as_str()), (ToolKind::Edit, "a.rs"));
        assert_eq!(call.paths, ["a.rs"]);
        assert_eq!(call.diff.as_deref(), Some("-x\n-y\n+z"));
    }

    #[test]
    fn a_patch_names_all_its_files() {
        let patch = "*** Begin Patch\n*** Add File: a\n+one\n*** Update File: b/c\n@@\n-x\n+y\n*** End Patch";
        let call = call("1", "apply_patch", &json!({ "input": patch }));
        assert_eq!(call.paths, ["a", "b/c"]);
        assert_eq!(call.diff.as_deref(), Some("+one\n-x\n+y"));
    }

    #[test]
    fn a_call_is_bounded_whatever_it_holds() {
        let many: Vec<String> = (0..500).map(|n| format!("file{n}")).collect();
        let text = "line\n".repeat(100_000);
        let input = json!({"paths": many, "content": text, "command": "x".repeat(1 << 20)});
        let call = call(&"i".repeat(5000), "write", &input);
        assert_eq!(call.paths.len(), PATHS);
        assert!(call.diff.as_ref().is_some_and(|d| d.len() < 2 * MESSAGE));
        assert!(
            call.diff
                .as_ref()
                .is_some_and(|d| d.ends_with("… 99960 more lines"))
        );
        assert!(call.what.len() < 600 && call.id.len() < 300);
    }

    #[test]
    fn a_command_of_several_words_is_one_line() {
        let input = json!({"command": ["bash", "-c", "a\nb"]});
        let call = call("", "shell", &input);
        assert_eq!(
            (call.kind, call.what.as_str()),
            (ToolKind::Run, "bash -c a b")
        );
        assert!(call.paths.is_empty() && call.diff.is_none());
    }
}
