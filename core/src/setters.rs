//! Chained setters of structs with public fields.

/// Defines setters inside an `impl`: `with_name(name: Type)` sets the field `name` to what `Type` converts into.
macro_rules! setters {
    ($($setter:ident($field:ident: $value:ty);)+) => {$(
        #[doc = concat!("Sets [`", stringify!($field), "`](Self::", stringify!($field), ").")]
        #[must_use]
        pub fn $setter(mut self, $field: $value) -> Self {
            self.$field = $field.into();
            self
        }
    )+};
}
pub(crate) use setters;
