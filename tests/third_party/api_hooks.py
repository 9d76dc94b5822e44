"""How bodies are written that Schemathesis does not know."""
import json

import schemathesis


@schemathesis.serializer("application/wasm", "application/vnd.omega.log", "application/x-ndjson")
def as_they_are(context, value):
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return json.dumps(value).encode()


@schemathesis.serializer("application/cloudevents+json", "application/cloudevents-batch+json")
def as_json(context, value):
    return json.dumps(value).encode()
