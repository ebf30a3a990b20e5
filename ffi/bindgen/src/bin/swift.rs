//! `uniffi-bindgen-swift …`: see `bindings/swift`.

fn main() {
    uniffi::uniffi_bindgen_swift();
}
