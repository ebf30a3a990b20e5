//! Evaluates the expressions whose value the script itself tells: literals, constants, spreads, and calls of functions that
//! return them.

use std::cell::Cell;
use std::rc::Rc;

use oxc_ast::ast::{
    Argument, ArrayExpressionElement, BinaryExpression, BinaryOperator, CallExpression, ChainElement,
    ConditionalExpression, Expression, LogicalExpression, LogicalOperator, MemberExpression, ObjectExpression,
    ObjectProperty, ObjectPropertyKind, PropertyKind, TemplateLiteral, UnaryExpression, UnaryOperator,
};
use oxc_span::{GetSpan, Span};

use super::scope::{Callable, ChangeKind, Declared, Scope, bind, called_name, key_name, member_chain};
use super::source::Source;
use super::value::{Object, Place, Text, Unknown, UsedDefault, Value};

/// Expressions in expressions: no real config comes near it.
const MAX_DEPTH: usize = 64;
/// Names and calls that are evaluated in all: no real config comes near it, and names of names could multiply.
const MAX_LOOKUPS: usize = 1_000;

pub(super) const FUNCTION: &str = "is a function, which is not run";
const EXPRESSION: &str = "is known only when the script runs";
const RECURSIVE: &str = "is defined by itself";

/// Evaluates expressions of one script.
pub(super) struct Evaluator<'s> {
    source: &'s Source<'s>,
    is_set: &'s dyn Fn(&str) -> bool,
    has_dotenv: bool,
    lookups: Cell<usize>,
}

impl<'s> Evaluator<'s> {
    pub(super) fn new(source: &'s Source<'s>, is_set: &'s dyn Fn(&str) -> bool, has_dotenv: bool) -> Self {
        Self {
            source,
            is_set,
            has_dotenv,
            lookups: Cell::new(0),
        }
    }

    /// The value of `expression` where the names of `scope` hold.
    pub(super) fn expression<'a>(&self, expression: &'a Expression<'a>, scope: &Rc<Scope<'a>>, depth: usize) -> Value {
        let span = expression.span();
        if depth > MAX_DEPTH {
            return self.unknown(span, "is nested too deeply");
        }
        let expression = expression.get_inner_expression();
        match expression {
            Expression::StringLiteral(literal) if !literal.lone_surrogates => {
                Value::Text(Text::from(literal.value.as_str()))
            }
            Expression::BooleanLiteral(literal) => Value::Boolean(literal.value, self.place(span)),
            Expression::NumericLiteral(literal) => Value::Number(literal.value, self.place(span)),
            Expression::NullLiteral(_) => Value::Absent,
            Expression::TemplateLiteral(template) => self.template(template, scope, depth),
            Expression::Identifier(name) => self.name(name.name.as_str(), name.span, scope, depth),
            Expression::ArrayExpression(array) => self.array(&array.elements, span, scope, depth),
            Expression::ObjectExpression(object) => self.object(object, scope, depth),
            Expression::ConditionalExpression(conditional) => self.conditional(conditional, scope, depth),
            Expression::LogicalExpression(logical) => self.logical(logical, scope, depth),
            Expression::BinaryExpression(binary) => self.binary(binary, scope, depth),
            Expression::UnaryExpression(unary) => self.unary(unary, scope, depth),
            Expression::AssignmentExpression(assignment) if assignment.operator.is_assign() => {
                self.expression(&assignment.right, scope, depth + 1)
            }
            Expression::AwaitExpression(awaited) => self.expression(&awaited.argument, scope, depth + 1),
            Expression::CallExpression(call) => self.call(call, scope, depth),
            Expression::ChainExpression(chain) => match &chain.expression {
                ChainElement::CallExpression(call) => self.call(call, scope, depth),
                element => match element.as_member_expression() {
                    Some(member) => self.member(member, scope, depth),
                    None => self.unknown(span, EXPRESSION),
                },
            },
            Expression::FunctionExpression(_)
            | Expression::ArrowFunctionExpression(_)
            | Expression::ClassExpression(_) => self.unknown(span, FUNCTION),
            _ => match expression.as_member_expression() {
                Some(member) => self.member(member, scope, depth),
                None => self.unknown(span, EXPRESSION),
            },
        }
    }

    fn place(&self, span: Span) -> Place {
        self.source.place(span)
    }

    fn unknown(&self, span: Span, why: impl Into<String>) -> Value {
        Value::unknown(self.place(span), why)
    }

    fn template<'a>(&self, template: &'a TemplateLiteral<'a>, scope: &Rc<Scope<'a>>, depth: usize) -> Value {
        let mut text = Text::from("");
        let mut expressions = template.expressions.iter();
        for quasi in &template.quasis {
            match &quasi.value.cooked {
                Some(cooked) if !quasi.lone_surrogates => text.value.push_str(cooked),
                _ => return self.unknown(template.span, EXPRESSION),
            }
            if let Some(expression) = expressions.next() {
                let value = self.expression(expression, scope, depth + 1);
                match value.into_text(|| self.place(expression.span())) {
                    Ok(part) => text.append(&part),
                    Err(unknown) => return Value::Unknown(unknown),
                }
            }
        }
        Value::Text(text)
    }

    fn array<'a>(
        &self,
        elements: &'a [ArrayExpressionElement<'a>],
        span: Span,
        scope: &Rc<Scope<'a>>,
        depth: usize,
    ) -> Value {
        let mut items = Vec::new();
        for element in elements {
            match element {
                ArrayExpressionElement::Elision(_) => items.push(Value::Absent),
                ArrayExpressionElement::SpreadElement(spread) => {
                    match self.expression(&spread.argument, scope, depth + 1) {
                        Value::Array(more, _) => items.extend(more),
                        Value::Unknown(unknown) => return Value::Unknown(unknown).into_part(),
                        _ => return self.unknown(spread.span, EXPRESSION),
                    }
                }
                _ => items.push(match element.as_expression() {
                    Some(expression) => self.expression(expression, scope, depth + 1),
                    None => self.unknown(element.span(), EXPRESSION),
                }),
            }
        }
        Value::Array(items, self.place(span))
    }

    fn object<'a>(&self, literal: &'a ObjectExpression<'a>, scope: &Rc<Scope<'a>>, depth: usize) -> Value {
        let mut object = Object::new(self.place(literal.span));
        for property in &literal.properties {
            match property {
                ObjectPropertyKind::SpreadProperty(spread) => {
                    let value = self.expression(&spread.argument, scope, depth + 1);
                    object.spread(value, || self.place(spread.span));
                }
                ObjectPropertyKind::ObjectProperty(property) => {
                    let value = if property.kind == PropertyKind::Init && !property.method {
                        self.expression(&property.value, scope, depth + 1)
                    } else {
                        self.unknown(property.span, FUNCTION)
                    };
                    match self.key(property, scope, depth) {
                        Ok(name) => object.set(name, value),
                        Err(unknown) => object.forget_all(unknown),
                    }
                }
            }
        }
        Value::Object(object)
    }

    /// The name of a member.
    fn key<'a>(
        &self,
        property: &'a ObjectProperty<'a>,
        scope: &Rc<Scope<'a>>,
        depth: usize,
    ) -> Result<String, Unknown> {
        if let Some(name) = key_name(&property.key, property.computed) {
            return Ok(name);
        }
        let place = || self.place(property.span);
        let computed = || {
            Unknown::new(
                place(),
                "may set any member: its name is known only when the script runs",
            )
        };
        let value = property.key.as_expression().ok_or_else(computed)?;
        match self.expression(value, scope, depth + 1).into_text(place) {
            Ok(name) if name.defaults.is_empty() => Ok(name.value),
            _ => Err(computed()),
        }
    }

    fn conditional<'a>(
        &self,
        conditional: &'a ConditionalExpression<'a>,
        scope: &Rc<Scope<'a>>,
        depth: usize,
    ) -> Value {
        let branch = |expression| self.expression(expression, scope, depth + 1);
        match self.expression(&conditional.test, scope, depth + 1).is_truthy() {
            Some(true) => branch(&conditional.consequent),
            Some(false) => branch(&conditional.alternate),
            None => branch(&conditional.consequent).or(branch(&conditional.alternate), &self.place(conditional.span)),
        }
    }

    fn logical<'a>(&self, logical: &'a LogicalExpression<'a>, scope: &Rc<Scope<'a>>, depth: usize) -> Value {
        let left = self.expression(&logical.left, scope, depth + 1);
        let right = || self.expression(&logical.right, scope, depth + 1);
        if let (Value::Unknown(unknown), LogicalOperator::Or | LogicalOperator::Coalesce) = (&left, logical.operator) {
            return self.defaulted(unknown, right(), logical.span);
        }
        match (logical.operator, &left) {
            (LogicalOperator::Coalesce, Value::Absent) => right(),
            (LogicalOperator::Coalesce, _) => left,
            (operator, _) => match (operator, left.is_truthy()) {
                (LogicalOperator::And, Some(true)) | (LogicalOperator::Or, Some(false)) => right(),
                (_, Some(_)) => left,
                // `...(condition && { … })`: a false condition adds nothing.
                (LogicalOperator::And, None) => right().or(Value::Absent, &self.place(logical.span)),
                (_, None) => self.unknown(logical.span, EXPRESSION),
            },
        }
    }

    /// The value of `unknown ?? default`.
    ///
    /// The default of an environment variable is used if the variable is not set here either; its value is never read, since
    /// it may be another one where the app is built.
    fn defaulted(&self, unknown: &Unknown, default: Value, span: Span) -> Value {
        if unknown.variables().is_empty() {
            return Value::Unknown(unknown.clone());
        }
        let mut variables = unknown.variables().to_vec();
        if let Some(set) = variables.iter().find(|variable| (self.is_set)(variable)) {
            return self.unknown(span, format!("comes from the environment, where {set} is set"));
        }
        if self.has_dotenv {
            return self.unknown(span, "comes from the environment, which dotenv sets");
        }
        match default {
            Value::Text(mut text) => {
                let place = self.place(span);
                text.defaults.push(UsedDefault { place, variables });
                Value::Text(text)
            }
            Value::Unknown(other) if !other.variables().is_empty() => {
                variables.extend_from_slice(other.variables());
                Value::Unknown(Unknown::environment(self.place(span), variables))
            }
            _ => Value::Unknown(unknown.clone()).into_part(),
        }
    }

    fn binary<'a>(&self, binary: &'a BinaryExpression<'a>, scope: &Rc<Scope<'a>>, depth: usize) -> Value {
        let left = self.expression(&binary.left, scope, depth + 1);
        let right = self.expression(&binary.right, scope, depth + 1);
        let is_equal = || left.equals(&right);
        let comparison = match binary.operator {
            BinaryOperator::Addition => return self.sum(left, right, binary.span),
            BinaryOperator::StrictEquality | BinaryOperator::Equality => is_equal(),
            BinaryOperator::StrictInequality | BinaryOperator::Inequality => is_equal().map(|equal| !equal),
            _ => None,
        };
        match (comparison, left, right) {
            (Some(value), _, _) => Value::Boolean(value, self.place(binary.span)),
            (None, unknown @ Value::Unknown(_), _) | (None, _, unknown @ Value::Unknown(_)) => unknown.into_part(),
            _ => self.unknown(binary.span, EXPRESSION),
        }
    }

    fn sum(&self, left: Value, right: Value, span: Span) -> Value {
        if !matches!((&left, &right), (Value::Text(_), _) | (_, Value::Text(_))) {
            return match (left, right) {
                (unknown @ Value::Unknown(_), _) | (_, unknown @ Value::Unknown(_)) => unknown.into_part(),
                _ => self.unknown(span, EXPRESSION),
            };
        }
        let place = || self.place(span);
        match (left.into_text(place), right.into_text(place)) {
            (Ok(mut left), Ok(right)) => {
                left.append(&right);
                Value::Text(left)
            }
            (Err(unknown), _) | (_, Err(unknown)) => Value::Unknown(unknown),
        }
    }

    fn unary<'a>(&self, unary: &'a UnaryExpression<'a>, scope: &Rc<Scope<'a>>, depth: usize) -> Value {
        let value = self.expression(&unary.argument, scope, depth + 1);
        let known = match (unary.operator, &value) {
            (UnaryOperator::Void, _) => Some(Value::Absent),
            (UnaryOperator::LogicalNot, value) => value
                .is_truthy()
                .map(|truthy| Value::Boolean(!truthy, self.place(unary.span))),
            (UnaryOperator::UnaryNegation, Value::Number(number, _)) => {
                Some(Value::Number(-number, self.place(unary.span)))
            }
            _ => None,
        };
        match (known, value) {
            (Some(known), _) => known,
            (None, unknown @ Value::Unknown(_)) => unknown.into_part(),
            (None, _) => self.unknown(unary.span, EXPRESSION),
        }
    }

    fn member<'a>(&self, member: &'a MemberExpression<'a>, scope: &Rc<Scope<'a>>, depth: usize) -> Value {
        let span = member.span();
        if let Some(variable) = environment_variable(member) {
            return Value::Unknown(Unknown::environment(self.place(span), vec![variable]));
        }
        let name = match member {
            MemberExpression::ComputedMemberExpression(computed) => {
                match self
                    .expression(&computed.expression, scope, depth + 1)
                    .into_text(|| self.place(span))
                {
                    Ok(name) if name.defaults.is_empty() => name.value,
                    _ => return self.unknown(span, EXPRESSION),
                }
            }
            MemberExpression::StaticMemberExpression(member) => member.property.name.to_string(),
            MemberExpression::PrivateFieldExpression(_) => return self.unknown(span, EXPRESSION),
        };
        match self.expression(member.object(), scope, depth + 1) {
            object @ Value::Object(_) => object.at(&[&name]),
            array @ Value::Array(..) if name.parse::<usize>().is_ok() => array.at(&[&name]),
            unknown @ Value::Unknown(_) => unknown.into_part(),
            Value::Absent if member.optional() => Value::Absent,
            _ => self.unknown(span, EXPRESSION),
        }
    }

    /// The value of a name that is used at `span`.
    pub(super) fn name(&self, name: &str, span: Span, scope: &Rc<Scope<'_>>, depth: usize) -> Value {
        if name == "undefined" {
            return Value::Absent;
        }
        if self.is_exhausted() {
            return self.unknown(span, RECURSIVE);
        }
        let mut scope = Rc::clone(scope);
        loop {
            let parameter = scope.parameters.iter().find(|(known, _)| *known == name);
            if let Some((_, value)) = parameter {
                return if scope.facts.assigned.iter().any(|(known, _)| *known == name) {
                    self.unknown(span, EXPRESSION)
                } else {
                    self.changed(name, value.clone(), &scope)
                };
            }
            match scope.declaration(name) {
                Some(Declared::Variable { initial, path }) => {
                    return self.variable(name, span, initial, &path, &scope, depth);
                }
                Some(Declared::Function(_)) => return self.unknown(span, FUNCTION),
                Some(Declared::Import(module)) => {
                    return self.unknown(span, format!("is imported from '{module}', which is not read"));
                }
                Some(Declared::Other) => return self.unknown(span, "is not declared as a plain constant"),
                None => {}
            }
            let Some(outer) = &scope.outer else {
                return self.unknown(span, "is not declared at the top level of this file");
            };
            scope = Rc::clone(outer);
        }
    }

    fn is_exhausted(&self) -> bool {
        self.lookups.set(self.lookups.get() + 1);
        self.lookups.get() > MAX_LOOKUPS
    }

    /// The value of a variable: what all its assignments agree on.
    fn variable<'a>(
        &self,
        name: &str,
        span: Span,
        initial: Option<&'a Expression<'a>>,
        path: &[String],
        scope: &Rc<Scope<'a>>,
        depth: usize,
    ) -> Value {
        let so_far = |found: &dyn Fn(&mut Option<Value>)| {
            let mut pending = scope.pending.borrow_mut();
            let entry = pending.iter_mut().find(|(known, _)| known == name);
            entry.map(|(_, value)| {
                found(value);
                value.clone()
            })
        };
        if let Some(value) = so_far(&|_| {}) {
            // `config = { ...config, … }` means what was assigned before.
            return value.unwrap_or_else(|| self.unknown(span, RECURSIVE));
        }
        scope.pending.borrow_mut().push((name.to_owned(), None));
        if let Some(initial) = initial {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let value = match self.expression(initial, scope, depth + 1) {
                value if path.is_empty() => value,
                value @ (Value::Object(_) | Value::Unknown(_)) => value.at(&path),
                _ => self.unknown(span, EXPRESSION),
            };
            so_far(&|so_far| *so_far = Some(value.clone()));
        }
        for (_, assignment) in scope.facts.assigned.iter().filter(|(known, _)| *known == name) {
            let value = self.expression(&assignment.right, scope, depth + 1);
            let place = self.place(assignment.span);
            so_far(&|so_far| {
                *so_far = Some(match so_far.take() {
                    Some(before) => before.or(value.clone(), &place),
                    None => value.clone(),
                });
            });
        }
        let value = scope.pending.borrow_mut().pop().and_then(|(_, value)| value);
        self.changed(name, value.unwrap_or(Value::Absent), scope)
    }

    /// `value` of the variable `name`, without what the script may change in it later.
    fn changed(&self, name: &str, mut value: Value, scope: &Scope<'_>) -> Value {
        for change in scope.changes(name) {
            let why = match change.kind {
                ChangeKind::Replaced => "changes the value later",
                ChangeKind::Passed => "may change the value",
            };
            let path: Vec<&str> = change.path.iter().map(String::as_str).collect();
            // A string that is passed to a function stays as it is.
            let is_changed =
                change.kind == ChangeKind::Replaced || matches!(value.at(&path), Value::Object(_) | Value::Array(..));
            if is_changed {
                value.forget(&change.path, &Unknown::new(self.place(change.span), why));
            }
        }
        value
    }

    fn call<'a>(&self, call: &'a CallExpression<'a>, scope: &Rc<Scope<'a>>, depth: usize) -> Value {
        let name = called_name(&call.callee).unwrap_or_default();
        let is_freeze =
            member_chain(&call.callee).is_some_and(|(object, path)| object == "Object" && path == ["freeze"]);
        // `defineConfig({…})` and its like return their argument.
        if is_freeze || name.starts_with("define") {
            return match call.arguments.first().and_then(Argument::as_expression) {
                Some(argument) => self.expression(argument, scope, depth + 1),
                None => self.unknown(call.span, EXPRESSION),
            };
        }
        let callee = match call.callee.get_inner_expression() {
            Expression::Identifier(name) => function_of(name.name.as_str(), scope),
            _ => Callable::of(&call.callee).map(|callable| (callable, Rc::clone(scope))),
        };
        match callee {
            Some((callable, outer)) if !self.is_exhausted() => self.returned(callable, &outer, call, scope, depth),
            _ => self.unknown(call.span, EXPRESSION),
        }
    }

    /// What `callable`, declared in `outer`, returns to the call in `scope`: what all its `return` agree on.
    fn returned<'a>(
        &self,
        callable: Callable<'a>,
        outer: &Rc<Scope<'a>>,
        call: &'a CallExpression<'a>,
        scope: &Rc<Scope<'a>>,
        depth: usize,
    ) -> Value {
        let (parameters, body, result) = match callable {
            Callable::Function(function) => match &function.body {
                Some(body) if !function.r#async && !function.generator => (&function.params, body, None),
                _ => return self.unknown(call.span, EXPRESSION),
            },
            Callable::Arrow(arrow) if arrow.r#async => return self.unknown(call.span, EXPRESSION),
            Callable::Arrow(arrow) => (&arrow.params, &arrow.body, arrow.get_expression()),
        };
        let mut inner = Scope::of_body(body, outer);
        for (index, parameter) in parameters.items.iter().enumerate() {
            let spread = call.arguments.iter().take(index + 1).any(Argument::is_spread);
            let argument = match call.arguments.get(index).and_then(Argument::as_expression) {
                _ if spread => self.unknown(call.span, EXPRESSION),
                Some(argument) => self.expression(argument, scope, depth + 1),
                None => Value::Absent,
            };
            let argument = match (&parameter.initializer, argument) {
                (Some(initial), Value::Absent) => self.expression(initial, outer, depth + 1),
                (Some(_), unknown @ Value::Unknown(_)) => unknown.into_part(),
                (_, argument) => argument,
            };
            bind(&parameter.pattern, &mut |name, path| {
                let value = match path {
                    Some([]) => argument.clone(),
                    Some(path) => argument.at(&path.iter().map(String::as_str).collect::<Vec<_>>()),
                    None => self.unknown(parameter.span, EXPRESSION),
                };
                inner.parameters.push((name, value));
            });
        }
        if let Some(rest) = &parameters.rest {
            bind(&rest.rest.argument, &mut |name, _| {
                inner.parameters.push((name, self.unknown(rest.span, EXPRESSION)));
            });
        }
        let inner = Rc::new(inner);
        if let Some(result) = result {
            return self.expression(result, &inner, depth + 1);
        }
        let results = inner.facts.returned.iter().map(|result| match result {
            Some(result) => self.expression(result, &inner, depth + 1),
            None => Value::Absent,
        });
        let place = self.place(call.span);
        results
            .reduce(|one, other| one.or(other, &place))
            .unwrap_or(Value::Absent)
    }
}

/// The function that `name` stands for in `scope`, and the scope it is declared in.
fn function_of<'a>(name: &str, scope: &Rc<Scope<'a>>) -> Option<(Callable<'a>, Rc<Scope<'a>>)> {
    let mut scope = Rc::clone(scope);
    loop {
        if scope.parameters.iter().any(|(known, _)| *known == name) {
            return None;
        }
        let declared = scope.declaration(name);
        let is_assigned =
            scope.facts.assigned.iter().any(|(known, _)| *known == name) || !scope.changes(name).is_empty();
        let callable = match declared {
            Some(_) if is_assigned => return None,
            Some(Declared::Function(function)) => Some(Callable::Function(function)),
            Some(Declared::Variable {
                initial: Some(initial),
                path,
            }) if path.is_empty() => Callable::of(initial),
            Some(_) => return None,
            None => {
                let outer = Rc::clone(scope.outer.as_ref()?);
                scope = outer;
                continue;
            }
        };
        return callable.map(|callable| (callable, scope));
    }
}

/// The name in `process.env.NAME` or `process.env['NAME']`.
fn environment_variable(member: &MemberExpression<'_>) -> Option<String> {
    let name = member.static_property_name()?;
    let (object, path) = member_chain(member.object())?;
    (object == "process" && path == ["env"]).then(|| name.to_owned())
}
