#!/usr/bin/env python3
"""What boto3 makes of an environment and the files of `~/.aws`.

Reads a JSON list of cases on standard input, each `{"home": PATH, "environment": {...}, "profile": NAME or null}`, and writes a list
of what boto3 finds: `endpoint` (null for Amazon's own), `region`, `key` and `token` of static credentials, else the `source` that it
would get them from; or `error`. Nothing is asked over a network: sources that would are named and not used.
"""
import json
import os
import sys

import boto3
import botocore.credentials as sources

# Providers that answer with what stands in a file or the environment.
STATIC = (sources.EnvProvider, sources.SharedCredentialProvider, sources.ConfigProvider)
CONTAINER = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")


def credentials(session):
    """Static credentials, or the name of the source that comes first."""
    resolver = session._session.get_component("credential_provider")
    for provider in resolver.providers:
        if isinstance(provider, STATIC):
            found = provider.load()
            if found is not None:
                return {"key": found.access_key, "token": found.token}
        elif isinstance(provider, sources.ContainerProvider):
            if any(os.environ.get(name) for name in CONTAINER):
                return {"source": provider.METHOD}
        elif isinstance(provider, (sources.InstanceMetadataProvider, sources.OriginalEC2Provider, sources.BotoProvider)):
            continue
        elif isinstance(provider, sources.ProcessProvider):
            if provider._credential_process is not None:
                return {"source": provider.METHOD}
        else:
            try:
                if provider.load() is not None:
                    return {"source": provider.METHOD}
            except Exception:
                # It comes first, and something that it needs is not here.
                return {"source": provider.METHOD}
    return {}


def resolve(case):
    os.environ.clear()
    os.environ.update(case["environment"])
    os.environ["HOME"] = case["home"]
    try:
        session = boto3.Session(profile_name=case["profile"])
        region = session.region_name
        client = session.client(
            "s3", region_name=region or "us-east-1", aws_access_key_id="any", aws_secret_access_key="any"
        )
        endpoint = client.meta.endpoint_url
        found = {"region": region, "endpoint": None if "amazonaws.com" in endpoint else endpoint}
        found.update(credentials(session))
        return found
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


json.dump([resolve(case) for case in json.load(sys.stdin)], sys.stdout)
