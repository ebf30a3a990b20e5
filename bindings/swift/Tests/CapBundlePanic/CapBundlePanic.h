// The function that ffi/src/panic_on_purpose.rs exports in a library built for tests. The generated header lacks it, because no
// library that ships has it.
#pragma once
#include "../../Sources/CapBundleFFI/CapBundleFFI.h"

void uniffi_capbundle_fn_func_panic_on_purpose(RustBuffer message, RustCallStatus *_Nonnull out_status);
