//! Finds the config that a script exports.

use std::rc::Rc;

use oxc_allocator::Allocator;
use oxc_ast::ast::{
    AssignmentTarget, ExportDefaultDeclarationKind, Expression, IdentifierReference, MemberExpression,
    ModuleExportName, Statement,
};
use oxc_parser::Parser;
use oxc_span::{GetSpan, SourceType, Span};

use super::evaluate::{Evaluator, FUNCTION};
use super::scope::{ChangeKind, Scope};
use super::source::Source;
use super::value::{Unknown, Value};

/// What a `CommonJS` module assigns its config to.
const EXPORTS: [&str; 3] = ["module.exports.default", "module.exports", "exports.default"];

/// The config that `source` exports.
pub(super) fn exported(source: &Source<'_>, is_set: &dyn Fn(&str) -> bool) -> Value {
    let allocator = Allocator::default();
    // Each file is read as TypeScript, of which JavaScript is a part but for forms that no config has.
    let kind = SourceType::ts().with_unambiguous(true);
    let parsed = Parser::new(&allocator, source.text, kind).parse();
    if let Some(error) = parsed.errors.first() {
        let offset = match error.labels.iter().flatten().next() {
            Some(label) => label.offset(),
            None => 0,
        };
        let place = source.point(offset);
        return Value::unknown(place, format!("the file is not valid TypeScript: {}", error.message));
    }
    let program = &*allocator.alloc(parsed.program);
    let scope = Rc::new(Scope::of_program(program));
    let evaluator = Evaluator::new(source, is_set, scope.facts.has_dotenv);
    // Compiled modules first say `exports.default = void 0`: the last export counts.
    let export = program.body.iter().rev().find_map(export_of);
    let mut value = match export {
        Some(Export::Expression(expression)) => evaluator.expression(expression, &scope, 0),
        Some(Export::Name(name)) => evaluator.name(name.name.as_str(), name.span, &scope, 0),
        Some(Export::Function(span)) => Value::unknown(source.place(span), FUNCTION),
        Some(Export::Foreign(span)) => {
            Value::unknown(source.place(span), "exports from another file, which is not read")
        }
        None => Value::unknown(source.start(), NO_EXPORT),
    };
    change_exports(&mut value, source, &scope);
    value
}

const NO_EXPORT: &str = "the file exports no config by `export default` or `module.exports`";

enum Export<'a> {
    Expression(&'a Expression<'a>),
    /// `export { name as default }`
    Name(&'a IdentifierReference<'a>),
    /// A function or class.
    Function(Span),
    /// `export { default } from './other'`
    Foreign(Span),
}

/// What `statement` exports as the config.
fn export_of<'a>(statement: &'a Statement<'a>) -> Option<Export<'a>> {
    match statement {
        Statement::ExportDefaultDeclaration(export) => Some(match export.declaration.as_expression() {
            Some(expression) => Export::Expression(expression),
            None if matches!(
                export.declaration,
                ExportDefaultDeclarationKind::TSInterfaceDeclaration(_)
            ) =>
            {
                return None;
            }
            None => Export::Function(export.declaration.span()),
        }),
        Statement::TSExportAssignment(export) => Some(Export::Expression(&export.expression)),
        Statement::ExportNamedDeclaration(export) => {
            let specifier = export
                .specifiers
                .iter()
                .find(|specifier| specifier.exported.name() == "default")?;
            Some(match &specifier.local {
                ModuleExportName::IdentifierReference(name) if export.source.is_none() => Export::Name(name),
                _ => Export::Foreign(export.span),
            })
        }
        Statement::ExpressionStatement(statement) => assigned_export(&statement.expression),
        _ => None,
    }
}

/// The value of `module.exports = …`, also behind or before another assignment in one statement.
fn assigned_export<'a>(expression: &'a Expression<'a>) -> Option<Export<'a>> {
    let Expression::AssignmentExpression(assignment) = expression.get_inner_expression() else {
        return None;
    };
    let target = match &assignment.left {
        AssignmentTarget::StaticMemberExpression(_) | AssignmentTarget::ComputedMemberExpression(_) => {
            assignment.left.as_member_expression().and_then(dotted)
        }
        _ => None,
    };
    if target.is_some_and(|target| EXPORTS.contains(&target.as_str())) {
        return Some(Export::Expression(&assignment.right));
    }
    assigned_export(&assignment.right)
}

/// `a.b.c`, for a chain of plain names.
fn dotted(member: &MemberExpression<'_>) -> Option<String> {
    let object = match member.object().get_inner_expression() {
        Expression::Identifier(name) => name.name.to_string(),
        other => dotted(other.as_member_expression()?)?,
    };
    Some(format!("{object}.{}", member.static_property_name()?))
}

/// Makes unknown what the script changes by way of `module.exports.member = …`.
fn change_exports(value: &mut Value, source: &Source<'_>, scope: &Scope<'_>) {
    for change in scope.changes("module") {
        let path = match change.path.split_first() {
            Some((first, rest)) if first == "exports" && !rest.is_empty() => rest,
            _ => continue,
        };
        let path = path.strip_prefix(&["default".to_owned()]).unwrap_or(path);
        if change.kind == ChangeKind::Replaced && !path.is_empty() {
            let why = Unknown::new(source.place(change.span), "changes the value later");
            value.forget(path, &why);
        }
    }
}
