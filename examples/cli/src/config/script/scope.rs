//! What a script declares and changes, in the file itself and in each of its functions.

use std::cell::RefCell;
use std::rc::Rc;

use oxc_ast::AstKind;
use oxc_ast::ast::{
    Argument, ArrowFunctionExpression, AssignmentExpression, AssignmentOperator, AssignmentTarget, BindingPattern,
    Declaration, Expression, ForStatementLeft, Function, FunctionBody, MemberExpression, Program, PropertyKey,
    SimpleAssignmentTarget, Statement, VariableDeclaration,
};
use oxc_ast_visit::Visit;
use oxc_span::Span;

use super::value::Value;

/// Calls of these do not change their arguments.
const READERS: [&str; 12] = [
    "log",
    "debug",
    "info",
    "warn",
    "error",
    "dir",
    "stringify",
    "freeze",
    "keys",
    "values",
    "entries",
    "structuredClone",
];

/// The names that are declared in one place, and what happens to them.
pub(super) struct Scope<'a> {
    declared: Vec<(&'a str, Declared<'a>)>,
    /// The parameters of a function, with the arguments of a call.
    pub(super) parameters: Vec<(&'a str, Value)>,
    pub(super) facts: Facts<'a>,
    pub(super) outer: Option<Rc<Scope<'a>>>,
    /// The names that are being evaluated, each with what is known of it so far.
    pub(super) pending: RefCell<Vec<(String, Option<Value>)>>,
}

/// A declaration at the top level of a file or function.
#[derive(Clone)]
pub(super) enum Declared<'a> {
    /// `const name = initial`, or `const { path: name } = initial`.
    Variable {
        initial: Option<&'a Expression<'a>>,
        path: Vec<String>,
    },
    Function(&'a Function<'a>),
    /// Imported from the named module.
    Import(&'a str),
    /// An array pattern, a class, an enum and the like.
    Other,
}

/// What happens to names in a file or function, nested functions included.
#[derive(Default)]
pub(super) struct Facts<'a> {
    /// `name = value`, in the order of the source.
    pub(super) assigned: Vec<(&'a str, &'a AssignmentExpression<'a>)>,
    pub(super) changes: Vec<Change<'a>>,
    /// `const other = name.path`
    aliases: Vec<Alias<'a>>,
    /// Names that are declared in blocks, which may hide those outside.
    in_blocks: Vec<&'a str>,
    /// What the function returns; not what nested ones do.
    pub(super) returned: Vec<Option<&'a Expression<'a>>>,
    /// Whether `dotenv` sets environment variables.
    pub(super) has_dotenv: bool,
    functions: usize,
    blocks: usize,
    patterns: usize,
}

/// An expression that may change a part of a variable's value.
#[derive(Clone)]
pub(super) struct Change<'a> {
    name: &'a str,
    pub(super) path: Vec<String>,
    pub(super) span: Span,
    pub(super) kind: ChangeKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ChangeKind {
    /// Another value takes the place.
    Replaced,
    /// A function gets the object, and may change it.
    Passed,
}

struct Alias<'a> {
    other: &'a str,
    name: &'a str,
    path: Vec<String>,
}

impl<'a> Scope<'a> {
    /// The names of the whole file.
    pub(super) fn of_program(program: &'a Program<'a>) -> Self {
        let mut facts = Facts::default();
        facts.visit_program(program);
        Self::new(&program.body, facts, None)
    }

    /// The names of a function's body, inside `outer`.
    pub(super) fn of_body(body: &'a FunctionBody<'a>, outer: &Rc<Self>) -> Self {
        let mut facts = Facts::default();
        facts.visit_function_body(body);
        Self::new(&body.statements, facts, Some(Rc::clone(outer)))
    }

    fn new(statements: &'a [Statement<'a>], facts: Facts<'a>, outer: Option<Rc<Self>>) -> Self {
        let mut declared = Vec::new();
        for statement in statements {
            declare(statement, &mut declared);
        }
        Self {
            declared,
            parameters: Vec::new(),
            facts,
            outer,
            pending: RefCell::default(),
        }
    }

    /// The declaration of `name`; [`Declared::Other`] if there are several, or one in a block may be meant.
    pub(super) fn declaration(&self, name: &str) -> Option<Declared<'a>> {
        let mut found = self.declared.iter().filter(|(known, _)| *known == name);
        let (_, first) = found.next()?;
        let is_ambiguous = found.next().is_some() || self.facts.in_blocks.contains(&name);
        Some(if is_ambiguous { Declared::Other } else { first.clone() })
    }

    /// Every place that may change a part of what `name` holds after it was set.
    pub(super) fn changes(&self, name: &str) -> Vec<Change<'a>> {
        self.facts.changes_of(name, MAX_ALIASES)
    }
}

/// Aliases of aliases: no config comes near it, and aliases may form a circle.
const MAX_ALIASES: usize = 4;

impl<'a> Facts<'a> {
    fn changes_of(&self, name: &str, aliases: usize) -> Vec<Change<'a>> {
        let own = self.changes.iter().filter(|change| change.name == name).cloned();
        let mut all: Vec<_> = own.collect();
        if aliases == 0 {
            return all;
        }
        for alias in self.aliases.iter().filter(|alias| alias.name == name) {
            for mut change in self.changes_of(alias.other, aliases - 1) {
                // Another value of the alias leaves the object alone.
                if !change.path.is_empty() || change.kind == ChangeKind::Passed {
                    change.path.splice(0..0, alias.path.iter().cloned());
                    all.push(change);
                }
            }
        }
        all
    }

    fn change(&mut self, (name, path): (&'a str, Vec<String>), span: Span, kind: ChangeKind) {
        self.changes.push(Change { name, path, span, kind });
    }

    fn assignment(&mut self, assignment: &'a AssignmentExpression<'a>) {
        let Some(target) = assigned_to(&assignment.left) else {
            return;
        };
        let is_whole =
            target.1.is_empty() && matches!(assignment.left, AssignmentTarget::AssignmentTargetIdentifier(_));
        // Inside a function, the value may be made of the function's own names, and the call may come at any time.
        if is_whole && assignment.operator == AssignmentOperator::Assign && self.functions == 0 {
            self.assigned.push((target.0, assignment));
        } else {
            self.change(target, assignment.span, ChangeKind::Replaced);
        }
    }

    /// A `for … in` or `for … of`.
    fn each(&mut self, left: &ForStatementLeft<'a>, span: Span) {
        self.blocks += 1;
        if let Some(target) = left.as_assignment_target().and_then(assigned_to) {
            self.change(target, span, ChangeKind::Replaced);
        }
    }

    fn call(&mut self, callee: &Expression<'a>, arguments: &'a [Argument<'a>], span: Span) {
        let callee = called_name(callee).unwrap_or_default();
        if READERS.contains(&callee) || callee.starts_with("define") {
            return;
        }
        // `Object.assign` changes its first argument alone.
        let changed = if callee == "assign" { 1 } else { arguments.len() };
        for argument in arguments.iter().take(changed) {
            let expression = match argument {
                Argument::SpreadElement(spread) => Some(&spread.argument),
                _ => argument.as_expression(),
            };
            if let Some(target) = expression.and_then(member_chain) {
                self.change(target, span, ChangeKind::Passed);
            }
        }
    }
}

impl<'a> Visit<'a> for Facts<'a> {
    fn enter_node(&mut self, kind: AstKind<'a>) {
        match kind {
            AstKind::Function(_) | AstKind::ArrowFunctionExpression(_) | AstKind::Class(_) => self.functions += 1,
            AstKind::BlockStatement(_)
            | AstKind::SwitchStatement(_)
            | AstKind::ForStatement(_)
            | AstKind::TSModuleBlock(_) => self.blocks += 1,
            AstKind::ForInStatement(each) => self.each(&each.left, each.span),
            AstKind::ForOfStatement(each) => self.each(&each.left, each.span),
            AstKind::ArrayAssignmentTarget(_) | AstKind::ObjectAssignmentTarget(_) => self.patterns += 1,
            AstKind::AssignmentExpression(assignment) => self.assignment(assignment),
            AstKind::IdentifierReference(name) if self.patterns > 0 => {
                self.change((name.name.as_str(), Vec::new()), name.span, ChangeKind::Replaced);
            }
            AstKind::UpdateExpression(update) => {
                if let Some(target) = simply_assigned_to(&update.argument) {
                    self.change(target, update.span, ChangeKind::Replaced);
                }
            }
            AstKind::UnaryExpression(unary) if unary.operator.is_delete() => {
                if let Some(target) = member_chain(&unary.argument) {
                    self.change(target, unary.span, ChangeKind::Replaced);
                }
            }
            AstKind::CallExpression(call) => self.call(&call.callee, &call.arguments, call.span),
            AstKind::NewExpression(new) => self.call(&new.callee, &new.arguments, new.span),
            AstKind::VariableDeclarator(declarator) => {
                let names = declarator.id.get_binding_identifiers();
                if self.functions == 0 && self.blocks > 0 {
                    self.in_blocks.extend(names.iter().map(|name| name.name.as_str()));
                }
                if let (Some(initial), Some(alias)) = (&declarator.init, declarator.id.get_identifier_name())
                    && let Some((name, path)) = member_chain(initial)
                {
                    let other = alias.as_str();
                    self.aliases.push(Alias { other, name, path });
                }
            }
            AstKind::ReturnStatement(statement) if self.functions == 0 => {
                self.returned.push(statement.argument.as_ref());
            }
            AstKind::StringLiteral(text) => self.has_dotenv |= text.value.starts_with("dotenv"),
            _ => {}
        }
    }

    fn leave_node(&mut self, kind: AstKind<'a>) {
        let count = match kind {
            AstKind::Function(_) | AstKind::ArrowFunctionExpression(_) | AstKind::Class(_) => &mut self.functions,
            AstKind::BlockStatement(_)
            | AstKind::SwitchStatement(_)
            | AstKind::ForStatement(_)
            | AstKind::ForInStatement(_)
            | AstKind::ForOfStatement(_)
            | AstKind::TSModuleBlock(_) => &mut self.blocks,
            AstKind::ArrayAssignmentTarget(_) | AstKind::ObjectAssignmentTarget(_) => &mut self.patterns,
            _ => return,
        };
        *count = count.saturating_sub(1);
    }
}

/// Adds the names that `statement` declares.
fn declare<'a>(statement: &'a Statement<'a>, declared: &mut Vec<(&'a str, Declared<'a>)>) {
    match statement {
        Statement::ImportDeclaration(import) => {
            for specifier in import.specifiers.iter().flatten() {
                declared.push((
                    specifier.local().name.as_str(),
                    Declared::Import(import.source.value.as_str()),
                ));
            }
        }
        Statement::ExportNamedDeclaration(export) => {
            if let Some(declaration) = &export.declaration {
                declare_names(declaration, declared);
            }
        }
        Statement::ExportDefaultDeclaration(export) => {
            use oxc_ast::ast::ExportDefaultDeclarationKind as Kind;
            if let Kind::FunctionDeclaration(function) = &export.declaration
                && let Some(name) = function.name()
            {
                declared.push((name.as_str(), Declared::Function(function)));
            }
        }
        _ => {
            if let Some(declaration) = statement.as_declaration() {
                declare_names(declaration, declared);
            }
        }
    }
}

fn declare_names<'a>(declaration: &'a Declaration<'a>, declared: &mut Vec<(&'a str, Declared<'a>)>) {
    match declaration {
        Declaration::VariableDeclaration(variables) => declare_variables(variables, declared),
        Declaration::FunctionDeclaration(function) => {
            if let Some(name) = function.name() {
                declared.push((name.as_str(), Declared::Function(function)));
            }
        }
        _ => {
            if let Some(name) = declaration.id() {
                declared.push((name.name.as_str(), Declared::Other));
            }
        }
    }
}

fn declare_variables<'a>(variables: &'a VariableDeclaration<'a>, declared: &mut Vec<(&'a str, Declared<'a>)>) {
    for declarator in &variables.declarations {
        let initial = declarator.init.as_ref();
        bind(&declarator.id, &mut |name, path| {
            let variable = path.map(|path| Declared::Variable {
                initial,
                path: path.to_vec(),
            });
            declared.push((name, variable.unwrap_or(Declared::Other)));
        });
    }
}

/// Calls `each` with every name of `pattern`, and with its path in the value that is taken apart; `None` if only a run tells.
pub(super) fn bind<'a>(pattern: &'a BindingPattern<'a>, each: &mut dyn FnMut(&'a str, Option<&[String]>)) {
    fn walk<'a>(
        pattern: &'a BindingPattern<'a>,
        path: &mut Vec<String>,
        each: &mut dyn FnMut(&'a str, Option<&[String]>),
    ) {
        match pattern {
            BindingPattern::BindingIdentifier(name) => each(name.name.as_str(), Some(path)),
            BindingPattern::ObjectPattern(object) if object.rest.is_none() => {
                for property in &object.properties {
                    match key_name(&property.key, property.computed) {
                        Some(name) => {
                            path.push(name);
                            walk(&property.value, path, each);
                            path.pop();
                        }
                        None => all_unknown(&property.value, each),
                    }
                }
            }
            _ => all_unknown(pattern, each),
        }
    }
    fn all_unknown<'a>(pattern: &'a BindingPattern<'a>, each: &mut dyn FnMut(&'a str, Option<&[String]>)) {
        for name in pattern.get_binding_identifiers() {
            each(name.name.as_str(), None);
        }
    }
    walk(pattern, &mut Vec::new(), each);
}

/// The name of a member that needs no evaluation.
pub(super) fn key_name(key: &PropertyKey<'_>, is_computed: bool) -> Option<String> {
    match key {
        PropertyKey::StringLiteral(_) | PropertyKey::NumericLiteral(_) => key.static_name().map(Into::into),
        PropertyKey::StaticIdentifier(_) if !is_computed => key.static_name().map(Into::into),
        _ => None,
    }
}

/// The variable and the members in `name.a.b!['c']`, up to the first that is computed.
pub(super) fn member_chain<'a>(expression: &Expression<'a>) -> Option<(&'a str, Vec<String>)> {
    match expression.get_inner_expression() {
        Expression::Identifier(name) => Some((name.name.as_str(), Vec::new())),
        Expression::ChainExpression(chain) => member_path(chain.expression.as_member_expression()?),
        other => member_path(other.as_member_expression()?),
    }
}

fn member_path<'a>(member: &MemberExpression<'a>) -> Option<(&'a str, Vec<String>)> {
    // From the outermost member inwards; a computed one makes all behind it unknown.
    let mut names = Vec::new();
    let mut member = member;
    loop {
        names.push(member.static_property_name().map(str::to_owned));
        let object = match member.object().get_inner_expression() {
            Expression::ChainExpression(chain) => chain.expression.as_member_expression(),
            Expression::Identifier(name) => {
                let path = names.into_iter().rev().map_while(|name| name).collect();
                return Some((name.name.as_str(), path));
            }
            other => other.as_member_expression(),
        };
        member = object?;
    }
}

/// The variable and the members that an assignment sets; `None` for patterns, whose names are found one by one.
fn assigned_to<'a>(target: &AssignmentTarget<'a>) -> Option<(&'a str, Vec<String>)> {
    simply_assigned_to(target.as_simple_assignment_target()?)
}

fn simply_assigned_to<'a>(target: &SimpleAssignmentTarget<'a>) -> Option<(&'a str, Vec<String>)> {
    match target {
        SimpleAssignmentTarget::AssignmentTargetIdentifier(name) => Some((name.name.as_str(), Vec::new())),
        _ => match target.as_member_expression() {
            Some(member) => member_path(member),
            None => member_chain(target.get_expression()?),
        },
    }
}

/// The last name in the expression that is called: `assign` of `Object.assign`.
pub(super) fn called_name<'a>(callee: &Expression<'a>) -> Option<&'a str> {
    match callee.get_inner_expression() {
        Expression::Identifier(name) => Some(name.name.as_str()),
        // `(0, cli_1.defineConfig)(…)`, as compilers write it.
        Expression::SequenceExpression(sequence) => called_name(sequence.expressions.last()?),
        Expression::StaticMemberExpression(member) => Some(member.property.name.as_str()),
        _ => None,
    }
}

/// A function whose body can be read.
#[derive(Clone, Copy)]
pub(super) enum Callable<'a> {
    Function(&'a Function<'a>),
    Arrow(&'a ArrowFunctionExpression<'a>),
}

impl<'a> Callable<'a> {
    /// The function that `expression` is.
    pub(super) fn of(expression: &'a Expression<'a>) -> Option<Self> {
        match expression.get_inner_expression() {
            Expression::FunctionExpression(function) => Some(Self::Function(function)),
            Expression::ArrowFunctionExpression(arrow) => Some(Self::Arrow(arrow)),
            _ => None,
        }
    }
}
