"""Releases: every reason of docs/format.md to refuse one, and the state after those that are accepted."""

import base64
import json

import signing
from releases import (
    APP, BACKUP, CONTENT, CREATED, RELEASE_TYPE, SIGNER, STRANGER,
    as_file, built_in, bundle, compact, encoding, envelope, release, ring, sha256, signed_release, signed_ring, without,
)

ARCHIVE, LIST = bundle("a release")
OTHER_ARCHIVE, OTHER_LIST = bundle("another release")
SEALED, HEADER = signing.seal(ARCHIVE, [CONTENT])
PLAIN, SEALED_RELEASE = release(ARCHIVE, LIST), release(ARCHIVE, LIST, (SEALED, HEADER))

# Files of every case.
FILES = {
    "ring.json": as_file(signed_ring(ring())),
    "release.json": as_file(signed_release(PLAIN)),
    "app.zip": as_file(ARCHIVE),
    "files.json": as_file(LIST),
    "content.pem": as_file(CONTENT.pem.encode()),
}
OPEN = {"do": "open", "required_proof": "release"}
NOTHING_INSTALLED = {"do": "list", "expect": []}
KINDS = {
    "signatures": "signature_invalid", "unknown_format": "unsupported", "unknown_critical": "unsupported",
    "key_in_both_roles": "key_invalid", "archive_differs": "digest_mismatch", "files_differ": "digest_mismatch",
}


def refused(reason):
    return {"error": KINDS.get(reason, "not_trusted"), "reason": reason}


def case(name, kind, *steps, files=None):
    files = {path: as_file(content) for path, content in (files or {}).items()}
    return {"name": f"release_{name}", "kind": kind, **({"files": files} if files else {}), "steps": list(steps)}


def check(file="release.json", **others):
    return {"do": "check_release", "envelope": file, **others}


def install(file="release.json", archive="app.zip", file_list="files.json", **others):
    return {"do": "install_release", "envelope": file, "archive": archive, "file_list": file_list, **others}


def changed(**members):
    return signed_release({**PLAIN, **members})


def envelope_changed(**members):
    return compact({**json.loads(signed_release(PLAIN)), **members})


def tampered():
    document = json.loads(changed(sequence=43))
    return compact({**document, "signatures": json.loads(signed_release(PLAIN))["signatures"]})


def signed_otherwise(sign):
    payload = compact(PLAIN)
    made = base64.b64encode(sign(encoding(RELEASE_TYPE, payload))).decode()
    return envelope_changed(signatures=[{"keyid": SIGNER.id, "sig": made}])


def in_payload(text, other):
    assert text in compact(PLAIN)
    return signed_release(compact(PLAIN).replace(text, other, 1))


# Invalid envelopes and documents: the name, the reason, the bytes.
REFUSED = [
    ("that_is_no_json", "malformed", b"release"),
    ("with_something_behind_it", "malformed", signed_release(PLAIN) + b" 1"),
    ("with_a_byte_order_mark", "malformed", b"\xef\xbb\xbf" + signed_release(PLAIN)),
    ("with_a_member_twice_in_its_envelope", "malformed", b'{"payload":"",' + signed_release(PLAIN)[1:]),
    ("with_33_signatures", "malformed", envelope_changed(signatures=json.loads(signed_release(PLAIN))["signatures"] * 33)),
    ("that_is_a_key_ring", "malformed", signed_ring(ring())),
    ("of_another_type", "malformed", envelope("application/json", PLAIN, [SIGNER])),
    ("that_is_not_signed", "signatures", signed_release(PLAIN, [])),
    ("signed_by_a_stranger", "signatures", signed_release(PLAIN, [STRANGER])),
    ("signed_by_a_stranger_under_our_id", "signatures", envelope_changed(signatures=[
        {**json.loads(signed_release(PLAIN, [STRANGER]))["signatures"][0], "keyid": SIGNER.id}])),
    ("changed_after_it_was_signed", "signatures", tampered()),
    ("signed_by_pkcs1_type_1", "signatures", signed_otherwise(SIGNER.sign_type_1)),
    ("signed_with_a_salt_of_20_bytes", "signatures", signed_otherwise(lambda message: SIGNER.sign(message, 20))),
    ("whose_payload_alone_is_signed", "signatures", envelope_changed(signatures=[
        {"keyid": SIGNER.id, "sig": base64.b64encode(SIGNER.sign(compact(PLAIN))).decode()}])),
    ("of_a_later_format", "unknown_format", changed(format=2)),
    ("with_a_critical_member_of_later", "unknown_critical", changed(critical=["quantum"], quantum=1)),
    ("with_a_critical_member_that_is_not_there", "malformed", changed(critical=["link"])),
    ("with_a_member_twice", "malformed", in_payload(b'{"format":1,', b'{"format":1,"sequence":1,')),
    ("with_a_number_past_2_to_the_53", "malformed", in_payload(b'"sequence":42', b'"sequence":9007199254740992')),
    ("with_a_fraction_in_a_member_of_later", "malformed", in_payload(b'"sequence":42', b'"sequence":42,"later":[1.5]')),
    ("with_sequence_0", "malformed", changed(sequence=0)),
    ("that_expires_as_it_is_made", "malformed", changed(expires_at=CREATED)),
    ("without_a_version", "malformed", signed_release(without(PLAIN, "version"))),
    ("without_a_file_list", "malformed", signed_release(without(PLAIN, "files_sha256"))),
    ("with_a_digest_that_is_none", "malformed", changed(archive={"size": 1, "sha256": "00"})),
    ("for_another_app", "wrong_app", changed(app_id="com.example.other")),
    ("for_another_channel", "wrong_channel", changed(channel="beta")),
    ("whose_time_is_over", "expired", changed(expires_at=CREATED + 1)),
    ("for_later_native_apps", "native_out_of_range", changed(native={"min": "1.1"})),
    ("for_earlier_native_apps", "native_out_of_range", changed(native={"max": "0.9.9"})),
    # The first failed check is reported.
    ("for_another_app_and_expired", "wrong_app", changed(app_id="com.example.other", expires_at=CREATED + 1)),
    ("of_a_later_format_without_a_version", "unknown_format", signed_release({**without(PLAIN, "version"), "format": 2})),
    ("unsigned_and_of_a_later_format", "signatures", signed_release({**PLAIN, "format": 2}, [])),
]


def refusing():
    for name, reason, bad in REFUSED:
        yield case(
            f"{name}_is_refused",
            "refused",
            OPEN,
            check("bad.json", **refused(reason)),
            install("bad.json", **refused(reason)),
            NOTHING_INSTALLED,
            install(expect={"sequence": 42}),
            files={"bad.json": bad},
        )


def accepting():
    said = {"app_id": APP, "channel": "production", "version": "1.2.3", "sequence": 42, "is_sealed": False}
    record = {"bundle": "a", "version": "1.2.3", "files": 2, "sequence": 42, "digest": sha256(ARCHIVE)}
    yield case(
        "that_is_plain_is_checked_installed_and_served",
        "accepted",
        OPEN,
        check(expect={**said, "archive_path": f"archives/{sha256(ARCHIVE)}.zip", "file_list_path": f"files/{sha256(LIST)}.json"}),
        install(**{"as": "a"}, expect={**record, "release": 42, "link": None}),
        {"do": "set_next", "bundle": "a"},
        {"do": "close"},
        OPEN,
        {"do": "launch", "expect": {"bundle": "a", "version": "1.2.3", "on_trial": True}},
        {"do": "verify_bundle", "bundle": "a", "expect": []},
    )
    sealed = {"sealed.json": signed_release(SEALED_RELEASE), "app.sealed": SEALED}
    keys = {"content_keys": ["content.pem"]}
    path = f"archives/{sha256(HEADER)}.sealed"
    yield case(
        "that_is_sealed_is_opened_with_the_content_key",
        "accepted",
        OPEN,
        check("sealed.json", **keys, expect={**said, "is_sealed": True, "archive_path": path, "archive_size": len(SEALED)}),
        install("sealed.json", "app.sealed", error="decryption_failed"),
        install("sealed.json", "app.zip", **keys, error="decryption_failed"),
        NOTHING_INSTALLED,
        install("sealed.json", "app.sealed", **keys, **{"as": "a"}, expect=record),
        files=sealed,
    )
    yield case(
        "with_members_of_later_is_taken",
        "accepted",
        OPEN,
        install("later.json", expect={"sequence": 42, "link": "https://example.com", "comment": "Schneller, ✓"}),
        files={"later.json": changed(
            later={"a": [1, None, "x"]}, link="https://example.com", comment="Schneller, ✓", critical=["comment", "link"])},
    )
    yield case(
        "says_what_it_says_to_everybody",
        "inspected",
        {"do": "inspect_release", "envelope": "bad.json", "expect": {**said, "app_id": "com.example.other", "sequence": 7}},
        {"do": "inspect_release", "envelope": "ring.json", **refused("malformed")},
        files={"bad.json": signed_release({**PLAIN, "app_id": "com.example.other", "sequence": 7}, [STRANGER])},
    )
    yield case(
        "is_what_a_store_asks_for",
        "required_proof",
        OPEN,
        {"do": "install", "file": "app.zip", "version": "1.2.3", "error": "not_trusted"},
        {"do": "open"},
        install(expect={"sequence": 42}),
    )


def ordering():
    newer = {"41.json": changed(sequence=41), "43.json": changed(sequence=43), "again.json": changed(comment="another")}
    yield case(
        "that_is_older_than_the_last_is_replayed",
        "order",
        OPEN,
        install(**{"as": "a"}, expect={"sequence": 42}),
        check("41.json", **refused("replayed")),
        install("41.json", **refused("replayed")),
        check("again.json", **refused("replayed")),
        # The same release again is neither new nor an attack.
        install(expect={"bundle": "a", "sequence": 42}),
        install("43.json", expect={"bundle": "a", "sequence": 43, "release": 43}),
        {"do": "close"},
        OPEN,
        install(**refused("replayed")),
        files=newer,
    )
    yield case(
        "that_the_native_app_brings_is_not_installed",
        "order",
        {**OPEN, "built_in_sequence": 42},
        check(**refused("built_in_is_newer")),
        install(**refused("built_in_is_newer")),
        {**OPEN, "built_in_sequence": 41},
        install(**{"as": "a"}, expect={"sequence": 42}),
        {"do": "set_next", "bundle": "a"},
        {"do": "close"},
        OPEN,
        {"do": "launch", "expect": {"bundle": "a"}},
        {"do": "trial_started", "bundle": "a"},
        {"do": "confirm", "expect": "proven"},
        {"do": "close"},
        {**OPEN, "built_in_sequence": 42, "reset_when_native_changes": False},
        {"do": "launch", "expect": {"bundle": "builtin", "reason": "built_in_is_newer"}},
    )
    yield case(
        "is_expired_once_a_later_one_was_made_after_its_end",
        "order",
        OPEN,
        install("future.json", expect={"sequence": 43}),
        check("short.json", **refused("expired")),
        files={
            "future.json": changed(sequence=43, created_at=3_900_000_000),
            "short.json": changed(sequence=44, expires_at=3_900_000_000),
        },
    )
    yield case(
        "of_a_bundle_that_failed_is_not_installed",
        "order",
        OPEN,
        install(**{"as": "a"}, expect={"sequence": 42}),
        {"do": "mark_failed", "bundle": "a"},
        install("43.json", error="not_trusted"),
        files=newer,
    )


def downloaded():
    yield case(
        "with_another_archive_is_refused",
        "downloaded",
        OPEN,
        install(archive="other.zip", error="digest_mismatch"),
        install("long.json", **refused("archive_differs")),
        NOTHING_INSTALLED,
        files={
            "other.zip": OTHER_ARCHIVE,
            "long.json": changed(archive={"size": len(ARCHIVE) + 1, "sha256": sha256(ARCHIVE)}),
        },
    )
    yield case(
        "with_another_file_list_is_refused",
        "downloaded",
        OPEN,
        install(file_list="other.json", **refused("files_differ")),
        install("lying.json", file_list="other.json", **refused("files_differ")),
        NOTHING_INSTALLED,
        {"do": "tree", "folder": "store/staging", "expect": []},
        files={"other.json": OTHER_LIST, "lying.json": signed_release(release(ARCHIVE, OTHER_LIST))},
    )
    spoiled = bytearray(SEALED)
    spoiled[-20] ^= 1
    yield case(
        "with_a_sealed_archive_that_was_changed_is_refused",
        "downloaded",
        OPEN,
        install("sealed.json", "spoiled.sealed", content_keys=["content.pem"], error="decryption_failed"),
        install("sealed.json", "cut.sealed", content_keys=["content.pem"], error="decryption_failed"),
        install("sealed.json", "other.sealed", content_keys=["content.pem"], error="digest_mismatch"),
        NOTHING_INSTALLED,
        files={
            "sealed.json": signed_release(SEALED_RELEASE),
            "spoiled.sealed": bytes(spoiled),
            "cut.sealed": SEALED[:-1],
            "other.sealed": signing.seal(ARCHIVE[:-1] + b"\1", [CONTENT])[0],
        },
    )


def roles():
    sealed = {"sealed.json": signed_release(SEALED_RELEASE)}
    both = {"content_keys": ["both.pem"], **refused("key_in_both_roles")}
    yield case(
        "is_refused_where_the_content_key_signs",
        "roles",
        OPEN,
        check("sealed.json", **both),
        files={**sealed, "both.pem": SIGNER.pem.encode()},
    )
    yield case(
        "is_refused_where_the_content_key_signed_once",
        "roles",
        OPEN,
        check("sealed.json", ring="retired.json", **both),
        files={**sealed, "both.pem": BACKUP.pem.encode(), "retired.json": signed_ring(ring(retired=[BACKUP]))},
    )


def rings():
    two = signed_ring(ring(2, keys=[BACKUP], retired=[SIGNER]), [SIGNER, BACKUP])
    three = signed_ring(ring(3, 2, [BACKUP, STRANGER], retired=[SIGNER]), [BACKUP, STRANGER])
    by_backup, by_both = signed_release(PLAIN, [BACKUP]), signed_release(PLAIN, [STRANGER, BACKUP])
    follow = {"do": "follow_ring"}
    yield case(
        "counts_only_by_the_keys_of_the_last_ring",
        "rings",
        OPEN,
        {"do": "key_ring", "expect": 1},
        check(expect={"sequence": 42}),
        {**follow, "envelope": "jump.json", **refused("wrong_number")},
        {**follow, "envelope": "2.json", "expect": 2},
        check(**refused("signatures")),
        check("backup.json", expect={"sequence": 42}),
        {"do": "close"},
        OPEN,
        {"do": "key_ring", "expect": 2},
        {**follow, "envelope": "3.json", "expect": 3},
        check("backup.json", **refused("signatures")),
        check("both.json", expect={"sequence": 42}),
        {**follow, "envelope": "2.json", **refused("signatures")},
        {**follow, "envelope": "back.json", **refused("wrong_number")},
        {"do": "key_ring", "expect": 3},
        files={
            "2.json": two, "3.json": three, "backup.json": by_backup, "both.json": by_both,
            "jump.json": signed_ring(ring(3), [SIGNER]),
            "back.json": signed_ring(ring(2, retired=[SIGNER], keys=[BACKUP]), [BACKUP, STRANGER]),
        },
    )
    twice = json.loads(by_backup)
    twice["signatures"] *= 2
    twice["signatures"][1] = {**twice["signatures"][0], "keyid": STRANGER.id}
    yield case(
        "needs_as_many_keys_as_the_ring_says",
        "rings",
        OPEN,
        check("backup.json", ring="two.json", **refused("signatures")),
        check("twice.json", ring="two.json", **refused("signatures")),
        check("both.json", ring="two.json", expect={"sequence": 42}),
        files={
            "two.json": signed_ring(ring(1, 2, [BACKUP, STRANGER]), [BACKUP, STRANGER]),
            "backup.json": by_backup, "both.json": by_both, "twice.json": compact(twice),
        },
    )
    new = ring(2, keys=[BACKUP])
    bad = {
        "not-by-the-old.json": ("signatures", signed_ring(new, [BACKUP])),
        "not-by-the-new.json": ("signatures", signed_ring(new, [SIGNER])),
        "of-another-app.json": ("wrong_app", signed_ring({**new, "app_id": "com.example.other"}, [SIGNER, BACKUP])),
        "of-a-later-format.json": ("unknown_format", signed_ring({**new, "format": 2}, [SIGNER, BACKUP])),
        "with-a-critical-member.json": ("unknown_critical", signed_ring({**new, "critical": ["x"], "x": 1}, [SIGNER, BACKUP])),
        "without-a-key.json": ("malformed", signed_ring({**new, "keys": []}, [SIGNER])),
        "with-a-key-twice.json": ("malformed", signed_ring(ring(2, keys=[BACKUP, BACKUP]), [SIGNER, BACKUP])),
        "with-too-high-a-threshold.json": ("malformed", signed_ring({**new, "threshold": 2}, [SIGNER, BACKUP])),
        "that-is-a-release.json": ("malformed", signed_release(PLAIN)),
    }
    yield case(
        "rings_that_do_not_follow_change_nothing",
        "rings",
        OPEN,
        *({**follow, "envelope": name, **refused(reason)} for name, (reason, _) in bad.items()),
        {"do": "key_ring", "expect": 1},
        check(expect={"sequence": 42}),
        files={name: content for name, (_, content) in bad.items()},
    )
    yield case(
        "rings_that_forget_a_retired_key_do_not_follow",
        "rings",
        OPEN,
        {**follow, "envelope": "2.json", "ring": "retired.json", **refused("retired_key_missing")},
        files={
            "retired.json": signed_ring(ring(retired=[STRANGER])),
            "2.json": signed_ring(ring(2, keys=[BACKUP]), [SIGNER, BACKUP]),
        },
    )
    yield case(
        "rings_that_an_app_brings_must_vouch_for_themselves",
        "rings",
        OPEN,
        {"do": "key_ring", "ring": "unsigned.json", **refused("signatures")},
        {"do": "key_ring", "ring": "ring.json", "app_id": "com.example.other", **refused("wrong_app")},
        {"do": "key_ring", "ring": "ring.json", "app_id": "no id", "error": "invalid_input"},
        {"do": "key_ring", "ring": "ring.json", "channel": ".hidden", "error": "invalid_input"},
        {"do": "key_ring", "content_keys": ["ring.json"], "error": "key_invalid"},
        files={"unsigned.json": signed_ring(ring(), [])},
    )


def buckets():
    """The table of docs/format.md."""
    rows = [(b"", "device-1", 5814), (b"abc", "device-1", 508), (b"abc", "Gerät 7", 6132)]
    steps = [
        {"do": "rollout_bucket", "app_id": APP, "rollout_sha256": sha256(content), "device_id": device, "expect": bucket}
        for content, device, bucket in rows
    ]
    bad = {"do": "rollout_bucket", "app_id": APP, "rollout_sha256": "00", "device_id": "", "error": "invalid_input"}
    yield case("buckets_are_those_of_the_format", "rollout", *steps, bad)


def going_back():
    document = built_in(sequence=43)
    back = {"back.json": signed_release(document)}
    accept = {"do": "accept_built_in", "envelope": "back.json"}
    said = {
        "version": "builtin", "sequence": 43, "is_built_in": True, "is_sealed": None, "archive_path": None, "archive_size": None,
        "archive_sha256": None, "file_list_path": None, "rollout_sha256": sha256(compact(document)),
    }
    served = [
        install(**{"as": "a"}, expect={"sequence": 42}),
        {"do": "set_next", "bundle": "a"},
        {"do": "close"},
        OPEN,
        {"do": "launch", "expect": {"bundle": "a", "on_trial": True}},
        {"do": "trial_started", "bundle": "a"},
        {"do": "confirm", "expect": "proven"},
    ]
    yield case(
        "that_goes_back_takes_the_device_to_the_built_in_bundle",
        "built_in",
        OPEN,
        *served,
        check("back.json", expect=said),
        {**accept, "expect": True},
        {**accept, "expect": False},
        {"do": "next", "expect": "builtin"},
        {"do": "close"},
        OPEN,
        {"do": "launch", "expect": {"bundle": "builtin", "reason": "next_applied", "on_trial": False}},
        # The sequence is recorded: nothing older is accepted.
        install(**refused("replayed")),
        install("44.json", expect={"bundle": "a", "sequence": 44}),
        {**accept, **refused("replayed")},
        files={**back, "44.json": changed(sequence=44)},
    )
    yield case(
        "that_goes_back_withdraws_what_was_to_come_next_with_its_conditions",
        "built_in",
        OPEN,
        *served,
        install("other.json", "other.zip", "other-files.json", **{"as": "b"}, expect={"sequence": 43}),
        {"do": "set_next", "bundle": "b"},
        {"do": "set_delays", "delays": [{"native_version": "9.0"}]},
        {**accept, "expect": True},
        {"do": "next", "expect": "builtin"},
        {"do": "apply_next", "expect": {"bundle": "builtin", "on_trial": False}},
        files={
            "back.json": signed_release(built_in(sequence=44)), "other.zip": OTHER_ARCHIVE, "other-files.json": OTHER_LIST,
            "other.json": signed_release(release(OTHER_ARCHIVE, OTHER_LIST, sequence=43)),
        },
    )
    yield case(
        "that_goes_back_is_remembered_where_built_in_is_current",
        "built_in",
        OPEN,
        {**accept, "expect": False},
        {"do": "next", "expect": None},
        install(**refused("replayed")),
        files=back,
    )
    yield case(
        "of_each_kind_is_refused_by_the_call_for_the_other",
        "built_in",
        OPEN,
        {**accept, "envelope": "release.json", "error": "invalid_input"},
        install("back.json", error="invalid_input"),
        NOTHING_INSTALLED,
        files=back,
    )
    bad = {
        "false": {"built_in": False}, "text": {"built_in": "true"}, "not-critical": {"critical": []},
        "with-archive": {"archive": PLAIN["archive"]}, "with-files": {"files_sha256": PLAIN["files_sha256"]},
        "with-sealed": {"sealed": SEALED_RELEASE["sealed"]},
    }
    yield case(
        "that_goes_back_and_is_not_as_the_format_says_is_malformed",
        "built_in",
        OPEN,
        *({**accept, "envelope": f"{name}.json", **refused("malformed")} for name in bad),
        check("critical.json", **refused("malformed")),
        {**accept, "native_version": "0.9", "envelope": "native.json", **refused("native_out_of_range")},
        files={
            **{f"{name}.json": signed_release({**document, **members}) for name, members in bad.items()},
            "critical.json": changed(critical=["built_in"]),
            "native.json": signed_release({**document, "native": {"min": "1.0"}}),
        },
    )


def cases():
    return [*accepting(), *refusing(), *ordering(), *downloaded(), *roles(), *rings(), *going_back(), *buckets()]
