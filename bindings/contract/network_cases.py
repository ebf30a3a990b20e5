"""Failures that downloads must survive, with the options of tests/src/rough_server/plan.rs."""

import base64
import hashlib
import io
import zipfile

SIZE = 300_000
MASK = (1 << 64) - 1

# Short waits for tests; a stall ends soon.
STALL = {"stall_timeout_ms": 400}
SHORT = {"attempts": 2}


def contents(name, size):
    """The file that the server generates for a name, as tests/src/rough_server/plan.rs and tests/src/peers/sample.rs do."""
    state = 1
    for byte in hashlib.sha256(name.encode()).digest():
        state = (state << 8 | state >> 56) & MASK ^ byte
    state |= 1
    words = []
    for _ in range(-(-size // 8)):
        state ^= state >> 12
        state ^= state << 25 & MASK
        state ^= state >> 27
        words.append((state * 0x2545_F491_4F6C_DD1D & MASK).to_bytes(8, "little"))
    return b"".join(words)[:size]


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def download(name, words="", options=None, size=SIZE, known=True, **outcome):
    """Downloads the file that the server generates for a name; by default this succeeds."""
    digest = sha256(contents(name, size))
    step = {"do": "download", "from": f"{name}?size={size}" + (f"&{words}" if words else "")}
    if known:
        step["digest"] = digest
    if options:
        step["options"] = options
    if "error" not in outcome:
        outcome["expect"] = {"sha256": digest, "size": size, "verified": known, **outcome.get("expect", {})}
    return {**step, **outcome}


NOTHING_LEFT = {"do": "tree", "folder": "downloads", "expect": []}


def case(name, *steps):
    return {"name": f"network_{name}", "kind": "network", "steps": [*steps, NOTHING_LEFT]}


# Temporary failures, after which the file still arrives.
SURVIVED = {
    "that_behaves": "",
    "that_behaves_without_a_length": "length=no",
    "in_chunks": "chunked=1",
    "that_drips": "size=60&drip=4",
    "cut_before_the_first_byte": "cut=0",
    "cut_again_and_again": "cut=65536.1.2.3.4",
    "cut_after_the_last_byte": f"cut={SIZE}",
    "cut_in_chunks": "cut=100000&chunked=1",
    "cut_then_200_for_a_range": "cut=100000&ranges=no",
    "cut_then_a_range_with_a_wrong_start": "cut=100000&ranges=wrong-start",
    "cut_then_a_range_with_a_wrong_total": "cut=100000&ranges=wrong-total",
    "cut_then_a_range_that_is_not_said": "cut=100000&ranges=unsaid",
    "cut_then_an_early_416": "cut=100000&early-416=1",
    "cut_with_a_weak_etag": "cut=100000&etag=weak",
    "cut_without_an_etag": "cut=100000&etag=none",
    "cut_then_another_etag": "cut=100000&etag=changing",
    "that_stalls_before_the_first_byte": "stall=0",
    "that_stalls_twice": "stall=100000.100000",
    "answers_503": "status=503",
    "answers_503_and_says_when": "status=503&retry-after=0",
    "answers_503_and_names_a_date": "status=503&retry-after=Fri,%2013%20Nov%202020%2010:00:00%20GMT",
    "answers_429": "status=429",
    "answers_429_and_says_when": "status=429&retry-after=0",
    "answers_500_502_504": "status=500.502.504",
    "answers_408_and_425": "status=408.425",
    "sends_a_login_page_first": "html=2",
# Floods of trailers are tested in Rust only (tests/tests/network_endless.rs): Java's connection keeps them in memory and
    # cannot be closed while it reads them. So are interim responses: Java treats one as the response.
    "never_ends_its_headers": "endless=header&times=1",
    "never_ends_a_chunk_extension": "endless=extension&times=1",
    "drips_headers_without_an_end": "endless=header&times=1&pace=5",
    "drips_a_chunk_size_without_an_end": "endless=chunk-size&times=1&pace=5",
    "drips_a_chunk_extension_without_an_end": "endless=extension&times=1&pace=5",
    "drips_a_trailer_line_without_an_end": "endless=trailer&times=1&pace=5",
    "drips_trailers_without_an_end": "endless=trailers&times=1&pace=5",
}

# Permanent failures: the server's options, the kind of error, the download's options.
REFUSED = {
    "answers_404": ("status=404", "server", {}),
    "answers_403": ("status=403", "server", {}),
    "answers_401": ("status=401", "server", {}),
    "answers_503_for_ever": ("status=503.503.503", "server", SHORT),
    "asks_to_wait_for_a_day": ("status=429&retry-after=86400", "server", {}),
    "is_cut_for_ever": ("cut=0.0.0", "network", SHORT),
    "stalls_for_ever": ("stall=0.0.0", "network", {**SHORT, **STALL}),
    "redirects_in_a_loop": ("loop=1", "network", {}),
    "redirects_to_plain_http": ("redirect=http://192.0.2.1/app.zip", "not_trusted", {}),
    "sends_gzip_that_nobody_asked_for": ("encoding=gzip", "server", {}),
    "sends_a_login_page_for_ever": ("html=3", "server", SHORT),
    "never_ends": ("endless=1", "limit_exceeded", {"max_size": 1 << 20}),
}


def survived(name, words):
    options = STALL if "stall" in words or "endless" in words else None
    size = 60 if "size=60" in words else SIZE
    words = words.removeprefix("size=60&")
    return case(f"a_server_{name}", download(f"survived_{name}", words, options, size))


def refused(name, words, error, options):
    file = f"refused_{name}"
    return case(f"a_server_that_{name}", download(file, words, options, error=error), download(file))


def cut_anywhere():
    places = [1, *range(7_500, SIZE, 15_000), SIZE - 1]
    whole = {"expect": {"received": SIZE}}
    return case(
        "a_connection_cut_anywhere_is_gone_on_with",
        *(download(f"cut_at_{place}", f"cut={place}", **whole) for place in places),
    )


def redirected():
    there = f"/redirected_there?size={SIZE}"
    digest = sha256(contents("redirected_there", SIZE))
    return case(
        "a_redirect_is_followed",
        {
            "do": "download",
            "from": f"redirected_here?redirect={there}",
            "digest": digest,
            "expect": {"sha256": digest, "size": SIZE, "verified": True},
        },
    )


def other_file():
    return case(
        "another_file_than_promised_is_refused_and_removed",
        {"do": "download", "from": f"other_file?size={SIZE}", "digest": "0" * 64, "error": "digest_mismatch"},
        NOTHING_LEFT,
        {"do": "download", "from": f"other_file?size={SIZE}", "size": SIZE - 1, "error": "server"},
        NOTHING_LEFT,
        download("other_file"),
    )


def without_a_digest():
    return case(
        "without_a_digest_a_download_is_resumed_by_its_etag",
        download("by_etag", "cut=100000", known=False, expect={"received": SIZE}),
        download("by_weak_etag", "cut=100000&etag=weak", known=False, expect={"received": SIZE + 100_000}),
        # A part that the server cannot resume is complete.
        download("complete_part", f"cut={SIZE}&length=no", known=False),
    )


def nobody_there():
    # The discard port, on which nothing listens on a test machine.
    url = "http://127.0.0.1:9/app.zip"
    refused = case(
        "addresses_that_may_not_be_asked",
        {"do": "download", "url": "http://192.0.2.1/app.zip", "error": "not_trusted"},
        {"do": "download", "url": "ftp://192.0.2.1/app.zip", "error": "invalid_input"},
    )
    unreachable = case(
        "an_address_where_nobody_listens",
        {"do": "download", "url": url, "options": {"attempts": 1}, "error": "network"},
    )
    # An empty part remains.
    return [refused, {**unreachable, "steps": unreachable["steps"][:1]}]


def bundle():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for name, text in (("index.html", "<script>notifyAppReady()</script>"), ("app.js", "console.log('network')")):
            writer.writestr(zipfile.ZipInfo(name), text)
    return archive.getvalue()


def installing():
    archive = bundle()
    text, digest = base64.b64encode(archive).decode(), sha256(archive)
    files = {"a.zip": {"base64": text}}

    def install(name, words="", **others):
        source = f"{name}?base64={text}" + (f"&{words}" if words else "")
        return {"do": "install_from", "from": source, "digest": digest, "version": "1.0.0", **others}

    record = {"version": "1.0.0", "files": 2, "digest": digest}
    nothing = {"do": "tree", "folder": "store/downloads", "expect": []}
    yield case(
        "a_bundle_is_installed_from_a_url_over_broken_connections",
        {"do": "open"},
        install("install_cut", "cut=10.20.30", **{"as": "a"}, expect={"bundle": "a", **record}),
        nothing,
        install("install_cut_again", "status=404", expect={"bundle": "a"}),
        {"do": "list", "expect": [{"bundle": "a", "version": "1.0.0"}]},
    )
    yield case(
        "a_bundle_that_is_another_file_is_not_installed",
        {"do": "open"},
        {**install("install_other"), "digest": "0" * 64, "error": "digest_mismatch"},
        nothing,
        {"do": "list", "expect": []},
        install("install_other", expect=record),
    )
    yield case(
        "a_download_that_failed_is_gone_on_with_by_the_next_installation",
        {"do": "open"},
        install("install_later", "cut=100.0", options={"attempts": 1}, error="network"),
        {"do": "list", "expect": []},
        install("install_later", expect=record),
        nothing,
    )
    yield {
        **case(
            "a_file_that_the_platform_downloaded_is_installed",
            {"do": "open"},
            {"do": "install_file", "file": "a.zip", "digest": "0" * 64, "version": "1.0.0", "error": "digest_mismatch"},
            {"do": "install_file", "file": "none.zip", "digest": digest, "version": "1.0.0", "error": "not_found"},
            {"do": "install_file", "file": "a.zip", "digest": digest, "version": "1.0.0", "as": "a", "expect": record},
            {"do": "install_file", "file": "a.zip", "digest": digest, "version": "1.0.0", "expect": {"bundle": "a"}},
        ),
        "files": files,
    }


def cases():
    return [
        *(survived(name, words) for name, words in SURVIVED.items()),
        *(refused(name, *what) for name, what in REFUSED.items()),
        cut_anywhere(),
        redirected(),
        other_file(),
        without_a_digest(),
        *nobody_there(),
        *installing(),
    ]
