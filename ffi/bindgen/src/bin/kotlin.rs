//! `uniffi-bindgen generate --language kotlin …`: see `bindings/generate`.

fn main() {
    uniffi::uniffi_bindgen_main();
}
