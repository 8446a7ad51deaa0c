//! Finds the uses between the files of a crate, from the tokens of the source. An item belongs to the file that defines it,
//! also if it is re-exported.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The path of a module, starting with the crate.
type Module = Vec<String>;

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    Mark(char),
    Text(String),
}

struct Import {
    path: Vec<String>,
    name: String,
    exported: bool,
}

/// One file without its tests, documentation and comments.
pub struct File {
    tokens: Vec<Token>,
    imports: BTreeMap<Module, Vec<Import>>,
    paths: Vec<(Module, Vec<String>)>,
    words: BTreeSet<String>,
}

#[derive(Default)]
pub struct Graph {
    pub files: BTreeMap<String, File>,
    /// Each file that uses others, with these.
    pub uses: BTreeMap<String, BTreeSet<String>>,
    modules: BTreeMap<Module, String>,
}

impl Graph {
    /// `roots`: the name of each crate and its first file. `read` gives a file's text, if there is one.
    pub fn read(roots: &[(&str, &str)], read: &dyn Fn(&str) -> Option<String>) -> Graph {
        let mut graph = Graph::default();
        for (name, root) in roots {
            graph.add(vec![(*name).to_owned()], root, read);
        }
        let modules: Vec<_> = graph.modules.iter().map(|(m, f)| (m.clone(), f.clone())).collect();
        for (_, file) in modules {
            let used = graph.used_by(&file);
            graph.uses.insert(file, used);
        }
        graph
    }

    fn add(&mut self, module: Module, path: &str, read: &dyn Fn(&str) -> Option<String>) {
        let text = read(path).unwrap_or_else(|| panic!("{path} is missing"));
        let stream: TokenStream = text.parse().unwrap_or_else(|e| panic!("{path}: {e}"));
        let mut file = File::new(stream);
        let children = file.look(&module);
        self.modules.insert(module.clone(), path.to_owned());
        self.files.insert(path.to_owned(), file);
        let (folder, name) = path.rsplit_once('/').unwrap();
        let inside = match name {
            "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
            name => format!("{folder}/{}", name.trim_end_matches(".rs")),
        };
        for child in children {
            let flat = format!("{inside}/{child}.rs");
            let path = if read(&flat).is_some() { flat } else { format!("{inside}/{child}/mod.rs") };
            self.add([&module[..], &[child]].concat(), &path, read);
        }
    }

    /// A module inside a file belongs to that file.
    fn file_of(&self, module: &[String]) -> &str {
        let known = (1..=module.len()).rev().find_map(|n| self.modules.get(&module[..n]));
        known.expect("a crate's root")
    }

    fn imports(&self, module: &[String]) -> impl Iterator<Item = &Import> {
        self.files[self.file_of(module)].imports.get(module).into_iter().flatten()
    }

    /// The module that defines the item of a path; `None` for a module, and for items of other crates.
    fn find(&self, from: &[String], path: &[String], deep: usize) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        if deep > 20 {
            return None;
        }
        let root = vec![first.clone()];
        let begin = match first.as_str() {
            "crate" => vec![from[0].clone()],
            "self" => from.to_vec(),
            "super" => from[..from.len() - 1].to_vec(),
            _ if self.modules.contains_key(&[from, &root].concat()) => return self.walk(from, path, deep),
            _ if self.imports(from).any(|import| import.name == *first && import.path[0] != *first) => {
                return self.walk(from, path, deep);
            }
            _ if self.modules.contains_key(&root) => root,
            _ => return None,
        };
        match rest.first() {
            Some(again) if again == "super" => self.find(&begin, rest, deep),
            _ => self.walk(&begin, rest, deep),
        }
    }

    fn walk(&self, from: &[String], path: &[String], deep: usize) -> Option<Module> {
        let (next, rest) = path.split_first()?;
        let inner = [from, std::slice::from_ref(next)].concat();
        let imported = || {
            let import = self.imports(from).find(|import| import.name == *next)?;
            self.find(from, &[&import.path[..], rest].concat(), deep + 1)
        };
        if !self.modules.contains_key(&inner) {
            let known = self.imports(from).any(|import| import.name == *next);
            return if known { imported() } else { Some(from.to_vec()) };
        }
        // A function may have the name of its module.
        rest.is_empty().then(imported).flatten().or_else(|| self.walk(&inner, rest, deep))
    }

    fn used_by(&self, name: &str) -> BTreeSet<String> {
        let file = &self.files[name];
        let imports = file.imports.iter().flat_map(|(module, imports)| {
            let used = imports.iter().filter(|import| !import.exported || file.words.contains(&import.name));
            used.map(move |import| (module, &import.path))
        });
        let paths = file.paths.iter().map(|(module, path)| (module, path));
        let found = imports.chain(paths).filter_map(|(module, path)| self.find(module, path, 0));
        let found = found.map(|module| self.file_of(&module).to_owned());
        found.filter(|used| used != name).collect()
    }

    /// The uses that are part of a circle, without those in `left_out`.
    pub fn circles(&self, left_out: &BTreeSet<(String, String)>) -> BTreeSet<(String, String)> {
        let next = |file: &String| {
            let used = self.uses[file].iter();
            used.filter(|to| !left_out.contains(&(file.clone(), (*to).clone()))).collect::<Vec<_>>()
        };
        let reaches = |from: &String, to: &String| {
            let (mut seen, mut left) = (BTreeSet::new(), vec![from]);
            while let Some(file) = left.pop() {
                if file == to {
                    return true;
                }
                if seen.insert(file) {
                    left.extend(next(file));
                }
            }
            false
        };
        let uses = self.uses.keys().flat_map(|from| next(from).into_iter().map(move |to| (from, to)));
        uses.filter(|(from, to)| reaches(to, from)).map(|(a, b)| (a.clone(), b.clone())).collect()
    }
}

impl File {
    fn new(stream: TokenStream) -> File {
        let mut tokens = vec![];
        flatten(stream, &mut tokens);
        File { tokens, imports: BTreeMap::new(), paths: vec![], words: BTreeSet::new() }
    }

    /// The texts between quotation marks.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// Whether `name` occurs: `word`, `a::b`, `macro!` or `function(`; a method or a definition does not count as a function.
    pub fn names(&self, name: &str) -> bool {
        let stream: TokenStream = name.trim_end_matches('(').parse().unwrap();
        let mut wanted = vec![];
        flatten(stream, &mut wanted);
        if name.ends_with('(') {
            wanted.push(Token::Mark('('));
        }
        let before = |at: usize| at.checked_sub(1).map(|at| &self.tokens[at]);
        let hits = self.tokens.windows(wanted.len()).enumerate().filter(|(_, window)| *window == wanted);
        hits.map(|(at, _)| before(at)).any(|before| {
            !name.ends_with('(')
                || !(before == Some(&Token::Mark('.')) || before == Some(&Token::Word("fn".to_owned())))
        })
    }

    fn word(&self, at: usize) -> Option<&str> {
        match self.tokens.get(at)? {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }

    fn mark(&self, at: usize) -> Option<char> {
        match self.tokens.get(at)? {
            Token::Mark(mark) => Some(*mark),
            _ => None,
        }
    }

    fn colons(&self, at: usize) -> bool {
        self.mark(at) == Some(':') && self.mark(at + 1) == Some(':')
    }

    /// Collects imports and paths; gives the modules that have a file of their own.
    fn look(&mut self, module: &Module) -> Vec<String> {
        let (mut children, mut inside, mut depth) = (vec![], vec![], 0_usize);
        let mut module = module.clone();
        let mut at = 0;
        while at < self.tokens.len() {
            match (self.mark(at), self.word(at)) {
                (Some('{'), _) => depth += 1,
                (Some('}'), _) => {
                    depth -= 1;
                    if inside.last() == Some(&depth) {
                        inside.pop();
                        module.pop();
                    }
                }
                (_, Some("mod")) if self.mark(at + 2) == Some(';') => {
                    children.push(self.word(at + 1).unwrap().to_owned());
                    at += 1;
                }
                (_, Some("mod")) if self.mark(at + 2) == Some('{') => {
                    module.push(self.word(at + 1).unwrap().to_owned());
                    inside.push(depth);
                    at += 1;
                }
                (_, Some("use")) if self.mark(at + 1) != Some('<') => {
                    let exported =
                        at > 0 && (self.word(at - 1) == Some("pub") || self.mark(at - 1) == Some(')'));
                    let mut imports = vec![];
                    at = self.use_tree(at + 1, &[], &mut imports);
                    let imports = imports.into_iter().map(|(path, name)| Import { path, name, exported });
                    self.imports.entry(module.clone()).or_default().extend(imports);
                }
                (_, Some(word)) => {
                    let mut path = vec![word.to_owned()];
                    self.words.insert(word.to_owned());
                    while let (true, Some(next)) = (self.colons(at + 1), self.word(at + 3)) {
                        path.push(next.to_owned());
                        at += 3;
                    }
                    if path.len() > 1 {
                        self.paths.push((module.clone(), path));
                    }
                }
                _ => {}
            }
            at += 1;
        }
        children
    }

    /// Reads what is imported from `at` on: the path and the name of each; returns the position after it.
    fn use_tree(&self, mut at: usize, before: &[String], all: &mut Vec<(Vec<String>, String)>) -> usize {
        let mut path = before.to_vec();
        if self.colons(at) {
            at += 2;
        }
        loop {
            if self.mark(at) == Some('{') {
                at += 1;
                while self.mark(at) != Some('}') {
                    at = self.use_tree(at, &path, all);
                    at += usize::from(self.mark(at) == Some(','));
                }
                return at + 1;
            }
            let Some(word) = self.word(at) else { return at + 1 };
            if word != "self" || path.is_empty() {
                path.push(word.to_owned());
            }
            at += 1;
            if !self.colons(at) {
                break;
            }
            at += 2;
        }
        let mut name = path.last().cloned().unwrap_or_default();
        if self.word(at) == Some("as") {
            // `as _` imports a trait without a name.
            name = self.word(at + 1).unwrap_or("_").to_owned();
            at += 2;
        }
        all.push((path, name));
        at
    }
}

/// The tokens one after the other, without tests and documentation.
fn flatten(stream: TokenStream, out: &mut Vec<Token>) {
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        match tree {
            TokenTree::Punct(mark) if mark.as_char() == '#' => {
                trees.next_if(|tree| matches!(tree, TokenTree::Punct(mark) if mark.as_char() == '!'));
                let Some(TokenTree::Group(attribute)) = trees.next() else { continue };
                let text = attribute.stream().to_string().replace(' ', "");
                if text.starts_with("cfg(test)") || text.starts_with("cfg(all(test,") {
                    // The item ends with its braces or a semicolon.
                    let ends = |tree: &TokenTree| match tree {
                        TokenTree::Punct(mark) => mark.as_char() == ';',
                        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                        _ => false,
                    };
                    trees.by_ref().find(ends);
                } else if !text.starts_with("doc=") {
                    flatten(attribute.stream(), out);
                }
            }
            TokenTree::Punct(mark) => out.push(Token::Mark(mark.as_char())),
            TokenTree::Ident(word) => out.push(Token::Word(word.to_string())),
            TokenTree::Literal(literal) => out.push(Token::Text(literal.to_string())),
            TokenTree::Group(group) => {
                let marks = match group.delimiter() {
                    Delimiter::Brace => ['{', '}'],
                    Delimiter::Parenthesis => ['(', ')'],
                    Delimiter::Bracket => ['[', ']'],
                    Delimiter::None => [' ', ' '],
                };
                out.push(Token::Mark(marks[0]));
                flatten(group.stream(), out);
                out.push(Token::Mark(marks[1]));
            }
        }
    }
}
