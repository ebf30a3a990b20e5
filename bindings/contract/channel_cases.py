"""Static channels over a server that misbehaves, with the options of tests/src/rough_server/plan.rs."""

import signing
from releases import (
    APP, BACKUP, CHANNEL, CONTENT, SIGNER, STRANGER,
    as_file, built_in, bundle, compact, release, ring, sha256, signed_release, signed_ring,
)

ARCHIVE, LIST = bundle("a channel")
NEXT_ARCHIVE, NEXT_LIST = bundle("the next of a channel")
SEALED = signing.seal(ARCHIVE, [CONTENT])
OPEN = {"do": "open", "required_proof": "release"}
NO_PARTS = {"do": "tree", "folder": "store/downloads", "expect": []}


def channel(stable=None, candidate=None, **members):
    document = {"format": 1, "app_id": APP, "channel": CHANNEL}
    if stable:
        document["stable"] = {"sequence": stable}
    if candidate:
        sequence, rollout = candidate
        document["candidate"] = {"sequence": sequence, "rollout_bps": rollout}
    return {f"channels/{CHANNEL}.json": compact({**document, **members})}


def published(archive, file_list, sequence, keys=(SIGNER,), **members):
    return {
        f"archives/{sha256(archive)}.zip": archive,
        f"files/{sha256(file_list)}.json": file_list,
        f"releases/{CHANNEL}/{sequence}.json": signed_release(
            release(archive, file_list, sequence=sequence, version=f"1.0.{sequence}", **members), keys),
    }


def sealed(sequence):
    file, header = SEALED
    return {
        f"archives/{sha256(header)}.sealed": file,
        f"files/{sha256(LIST)}.json": LIST,
        f"releases/{CHANNEL}/{sequence}.json": signed_release(
            release(ARCHIVE, LIST, SEALED, sequence=sequence, version=f"1.0.{sequence}")),
    }


SITE = {**channel(7), **published(ARCHIVE, LIST, 7)}
BOTH = {**SITE, **published(NEXT_ARCHIVE, NEXT_LIST, 8)}


def case(name, site, *steps, others=None):
    files = {f"site/{path}": content for path, content in site.items()}
    files |= {"ring.json": signed_ring(ring()), "content.pem": CONTENT.pem.encode(), **(others or {})}
    return {
        "name": f"network_channel_{name}",
        "kind": "channel",
        "files": {path: as_file(content) for path, content in files.items()},
        "steps": [OPEN, *steps],
    }


def update(name, words="", **others):
    """The server treats each name as a separate site and counts its requests."""
    source = f"channel_{name}" + (f"?{words}" if words else "")
    return {"do": "update_from_channel", "from": source, "site": "site", **others}


def installed(sequence, **others):
    return {"outcome": "installed", "version": f"1.0.{sequence}", "sequence": sequence, "passed_over": [], **others}


# Temporary failures of every file, after which the bundle is still next.
SURVIVED = {
    "that_behaves": "",
    "in_chunks_without_a_length": "chunked=1",
    "that_drips": "drip=1&only=channels",
    "cut_at_once": "cut=0",
    "cut_in_the_middle_of_everything": "cut=60.120.180",
    "cut_then_200_for_a_range": "cut=60&ranges=no",
    "that_stalls": "stall=60",
    "answers_503_then_429": "status=503.429&retry-after=0",
    "sends_a_login_page_for_the_archive": "html=1&only=archives",
    "sends_a_login_page_for_everything": "html=1",
}


def surviving():
    for name, words in SURVIVED.items():
        options = {"options": {"stall_timeout_ms": 400}} if "stall" in words else {}
        yield case(
            f"of_a_server_{name}",
            SITE,
            update(name, words, **options, **{"as": "a"}, expect=installed(7, bundle="a", key_ring=1)),
            NO_PARTS,
            {"do": "next", "expect": "a"},
            update(name, expect={"outcome": "up_to_date", "bundle": "a"}),
            {"do": "close"},
            OPEN,
            {"do": "launch", "expect": {"bundle": "a", "version": "1.0.7", "on_trial": True}},
        )


def failing():
    short = {"options": {"attempts": 2, "stall_timeout_ms": 400}}
    troubles = {
        "is_not_there": ("status=404&only=channels", "server"),
        "fails_for_ever": ("status=503.503.503&only=channels", "server"),
        "breaks_for_ever": ("cut=0.0.0&only=channels", "network"),
        "stalls_for_ever": ("stall=0.0.0&only=channels", "network"),
        "never_ends": ("endless=1&only=channels", "server"),
        "is_a_login_page": ("html=9&only=channels", "server"),
        "never_ends_a_chunk_extension": ("endless=extension&only=channels", "network"),
        "drips_trailers_without_an_end": ("endless=trailers&pace=5&only=channels", "network"),
        "drips_a_chunk_extension_without_an_end": ("endless=extension&pace=5&only=channels", "network"),
        "leads_to_plain_http": ("redirect=http://192.0.2.1/x.json&only=channels", "not_trusted"),
    }
    for name, (words, error) in troubles.items():
        yield case(
            f"whose_file_{name}",
            SITE,
            update(f"file_{name}", words, **short, error=error),
            {"do": "next", "expect": None},
            update(f"file_{name}", expect=installed(7)),
        )
    yield case(
        "whose_archive_breaks_off_is_gone_on_with",
        SITE,
        update("later", "cut=100.0.0&only=archives", options={"attempts": 1}, error="network"),
        {"do": "list", "expect": []},
        update("later", expect=installed(7)),
        NO_PARTS,
    )
    yield case(
        "of_another_app_is_not_believed",
        {**SITE, **channel(7, app_id="com.example.other")},
        update("other_app", error="not_trusted"),
    )
    missing = {path: content for path, content in SITE.items() if not path.startswith("archives/")}
    yield case(
        "whose_archive_is_missing_has_nothing_to_take",
        missing,
        update("missing_archive", expect={
            "outcome": "refused", "passed_over": [{"offer": "stable", "sequence": 7, "error": "server"}]}),
        {"do": "next", "expect": None},
    )


def offering():
    yield case("that_offers_nothing", channel(), update("nothing", expect={"outcome": "nothing_offered", "rollout": None}))
    yield case(
        "with_a_sealed_archive",
        {**channel(7), **sealed(7)},
        update("sealed_without_key", expect={"outcome": "refused", "passed_over": [
            {"offer": "stable", "sequence": 7, "error": "decryption_failed"}]}),
        NO_PARTS,
        update("sealed", "cut=300.350.400", content_keys=["content.pem"], expect=installed(7)),
        NO_PARTS,
    )
    # The bucket of this device for the following archive.
    digest = bytes.fromhex(sha256(NEXT_ARCHIVE))
    number = signing.sha256(b"capbundle-rollout-v1\0" + APP.encode() + b"\0" + digest + b"device-1")[:8]
    bucket = int.from_bytes(number, "big") * 10_000 >> 64
    decided = {"sequence": 8, "bucket": bucket}
    yield case(
        "with_a_candidate_for_others",
        {**BOTH, **channel(7, (8, bucket))},
        update("outside", device_id="device-1", expect=installed(7, rollout={**decided, "rollout_bps": bucket, "is_inside": False})),
    )
    yield case(
        "with_a_candidate_for_this_device",
        {**BOTH, **channel(7, (8, bucket + 1))},
        update("inside", device_id="device-1", expect=installed(8, rollout={**decided, "rollout_bps": bucket + 1, "is_inside": True})),
    )
    yield case(
        "with_a_candidate_for_all",
        {**BOTH, **channel(7, (8, 10_000))},
        update("all", expect=installed(8, rollout={"sequence": 8, "bucket": None, "is_inside": True})),
    )
    yield case(
        "with_a_candidate_for_nobody_and_nothing_else",
        {**BOTH, **channel(None, (8, 0))},
        update("nobody", expect={"outcome": "outside_rollout", "rollout": {"is_inside": False}}),
    )
    yield case(
        "with_a_candidate_that_is_refused_has_the_other",
        {**SITE, **channel(7, (8, 10_000)), **published(NEXT_ARCHIVE, NEXT_LIST, 8, [STRANGER])},
        update("refused_candidate", expect={**installed(7), "passed_over": [
            {"offer": "candidate", "sequence": 8, "error": "signature_invalid", "reason": "signatures"}]}),
    )
    yield case(
        "with_a_release_of_another_sequence_has_nothing_to_take",
        {**SITE, f"releases/{CHANNEL}/7.json": published(ARCHIVE, LIST, 6)[f"releases/{CHANNEL}/6.json"]},
        update("other_sequence", expect={"outcome": "refused"}),
    )


def going_back():
    back = {f"releases/{CHANNEL}/8.json": signed_release(built_in(sequence=8))}
    outcome = {"version": "builtin", "sequence": 8, "bundle": None, "passed_over": []}
    yield case(
        "that_goes_back_takes_the_device_to_the_built_in_bundle",
        SITE,
        update("before_going_back", expect=installed(7), **{"as": "a"}),
        {"do": "close"},
        OPEN,
        {"do": "launch", "expect": {"bundle": "a"}},
        {**update("going_back", expect={**outcome, "outcome": "built_in_next"}), "site": "back"},
        {**update("gone_back", expect={**outcome, "outcome": "built_in_up_to_date"}), "site": "back"},
        {"do": "next", "expect": "builtin"},
        {"do": "close"},
        OPEN,
        {"do": "launch", "expect": {"bundle": "builtin"}},
        update("older_than_going_back", expect={"outcome": "older", "offered": 7, "known": 8}),
        others={f"back/{path}": content for path, content in {**SITE, **channel(8), **back}.items()},
    )
    # Its payload decides, because it has no archive.
    digest = bytes.fromhex(sha256(compact(built_in(sequence=8))))
    number = signing.sha256(b"capbundle-rollout-v1\0" + APP.encode() + b"\0" + digest + b"device-1")[:8]
    bucket = int.from_bytes(number, "big") * 10_000 >> 64
    for word, share in ("outside", bucket), ("inside", bucket + 1):
        taken = installed(7) if word == "outside" else {**outcome, "outcome": "built_in_up_to_date"}
        yield case(
            f"with_a_candidate_that_goes_back_and_this_device_{word}",
            {**SITE, **channel(7, (8, share)), **back},
            update(f"going_back_{word}", device_id="device-1", expect={
                **taken, "rollout": {"sequence": 8, "bucket": bucket, "rollout_bps": share, "is_inside": word == "inside"}}),
        )


def remembering():
    yield case(
        "that_goes_back_has_nothing_to_take",
        BOTH,
        {**update("newer", expect=installed(8)), "site": "newer"},
        update("older", expect={"outcome": "older", "offered": 7, "known": 8}),
        others={f"newer/{path}": content for path, content in {**BOTH, **channel(8)}.items()},
    )
    yield case(
        "of_what_the_native_app_brings_has_nothing_to_take",
        SITE,
        {**OPEN, "built_in_sequence": 7},
        update("built_in", expect={"outcome": "older", "offered": 7, "known": 7}),
    )
    two = signed_ring(ring(2, keys=[SIGNER, BACKUP]), [SIGNER, BACKUP])
    three = signed_ring(ring(3, keys=[BACKUP], retired=[SIGNER]), [SIGNER, BACKUP])
    rotated = {**channel(7), **published(ARCHIVE, LIST, 7, [BACKUP]), "keys/2.json": two, "keys/3.json": three}
    yield case(
        "whose_keys_changed_twice_is_followed",
        rotated,
        update("rings", "status=503", expect=installed(7, key_ring=3, key_ring_problem=False)),
        {"do": "key_ring", "expect": 3},
    )
    yield case(
        "whose_next_ring_is_a_web_page_goes_on_with_the_last",
        SITE,
        update("ring_page", "html=9&only=keys", expect=installed(7, key_ring=1, key_ring_problem=True)),
    )


def cases():
    return [*surviving(), *failing(), *offering(), *going_back(), *remembering()]
