"""An object store for tests: a server of S3 on loopback, reached by what the environment says."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import boto3  # type: ignore[import-untyped]
import fsspec  # type: ignore[import-untyped]
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SECRET = "hunter2hunter2"  # noqa: S105 - of a server of ours


class Bucket:
    """A bucket, and how it is reached."""

    def __init__(self, endpoint: str) -> None:
        self.environment: Mapping[str, str] = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "user",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self._client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id="user",
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )
        self._client.create_bucket(Bucket="bucket")

    def close(self) -> None:
        """Let go of its connections."""
        self._client.close()

    def keys(self, prefix: str = "") -> list[str]:
        """Return the names of what is in the bucket."""
        found = self._client.list_objects_v2(Bucket="bucket", Prefix=prefix)
        return [one["Key"] for one in found.get("Contents", [])]

    def get(self, key: str) -> bytes:
        """Return what is there."""
        content = self._client.get_object(Bucket="bucket", Key=key)["Body"].read()
        assert isinstance(content, bytes)
        return content

    def put(self, key: str, content: bytes) -> None:
        """Put something there."""
        self._client.put_object(Bucket="bucket", Key=key, Body=content)


@contextlib.contextmanager
def serving_bucket() -> Iterator[Bucket]:
    """Serve ``s3://bucket``, empty, while the block lasts."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        # What reaches a store is remembered in the process, with the endpoint of a server before this one.
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        host, port = server.get_host_and_port()
        bucket = Bucket(f"http://{host}:{port}")
        try:
            yield bucket
        finally:
            bucket.close()
    finally:
        server.stop()
